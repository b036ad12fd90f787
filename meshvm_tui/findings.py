"""What a check says: something that the operator should know before it becomes a failure. Plain values only.

Codes stand in `problem_catalog`, beside those of problems, so that one table explains every code. A finding of
severity ERROR is also raised as a problem by the step that found it; the others never stop a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meshvm_tui.problem_catalog import CATALOG


class Severity(StrEnum):
    """What a finding means for the run."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """The result of a check. `evidence` is what the other system said or has, with names and values, no secrets."""

    code: str
    severity: Severity
    title: str
    evidence: str
    next_action: str

    @property
    def words(self) -> str:
        """The finding as one line of text."""
        return f"{self.code} {self.title}: {self.evidence}. {self.next_action}"


def found(
    code: str, evidence: str, *, severity: Severity = Severity.WARNING, title: str = "", next_action: str = ""
) -> Finding:
    """A finding with the catalogue's title and next action, unless something more exact is known."""
    entry = CATALOG[code]
    return Finding(code, severity, title or entry.title, evidence, next_action or entry.next_action)
