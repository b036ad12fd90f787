"""What can be picked for a field: plain values, so that who finds them and who shows them need not know each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One thing to pick. `columns` is what is said beside it.

    `fills` are the fields that it fills, as (path, text) in their order, with `{machine}` for the machine that is
    edited. Without `fills` the value goes into the field itself.
    """

    value: str
    columns: tuple[str, ...] = ()
    fills: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Found:
    """Candidates; `where` is what was asked about, `note` what is missing of a partial answer."""

    candidates: tuple[Candidate, ...] = ()
    where: str = ""
    note: str = ""
