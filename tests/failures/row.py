"""What a row of the failure table is."""

from __future__ import annotations

from dataclasses import dataclass

FAULT = "`--fault {}`"


@dataclass(frozen=True)
class Row:
    """One failure. `name` is its case; `made` says how it is made, for the document."""

    name: str
    code: str
    exit_code: int
    cause: str
    made: str


@dataclass(frozen=True)
class Chapter:
    """Rows that belong together."""

    title: str
    rows: tuple[Row, ...]


def fault(name: str) -> str:
    """A fault of the lab, as the document names it."""
    return FAULT.format(name)
