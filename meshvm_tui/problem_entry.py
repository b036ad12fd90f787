"""What the catalogue says of one problem code."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """What is said of a code wherever it appears."""

    title: str
    next_action: str
