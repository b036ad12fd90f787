"""What a session may be called: its name is that of a folder."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
NAME_WORDS = "1 to 63 lower-case letters, digits, - or ., with a letter or digit at both ends"
LONGEST = 63


def free_name(base: str, taken: frozenset[str]) -> str:
    """`base`, or with the first number behind it that is free."""
    short, number = base[: LONGEST - 4].rstrip(".-"), 1
    while (name := short if number == 1 else f"{short}-{number}") in taken:
        number += 1
    return name
