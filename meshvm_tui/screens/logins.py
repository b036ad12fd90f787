"""Logins that the app can hand the terminal over for, by the words of whoever asks for one.

Only these very commands are ever run: what a server or a plugin says is foreign text, and is searched, not executed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshvm_tui.problems import ProblemRecord

CODES = ("MVM-105", "MVM-106", "MVM-801", "MVM-802")
"""Problems that a login mends."""
_KNOWN = (
    re.compile(r"\b(gcloud auth application-default login)\b"),
    re.compile(r"\b(gcloud auth login)\b"),
    re.compile(r"\b(aws sso login(?: --profile [A-Za-z0-9_.-]+)?)"),
    re.compile(r"\b(az login)\b"),
    re.compile(r"\b(tsh login)\b"),
)


def login_command(problem: ProblemRecord) -> tuple[str, ...]:
    """The login that the problem's words name, as arguments; empty where they name none that is known."""
    if problem.code not in CODES:
        return ()
    for said in (problem.cause, problem.next_action):
        for pattern in _KNOWN:
            if found := pattern.search(said):
                return tuple(found[1].split())
    return ()
