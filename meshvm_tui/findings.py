"""What a check says: a code, how grave it is, what was seen, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is: an error stops the step, a warning is shown before it, information is kept."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """The result of a check. `evidence` is what was seen, word for word, without secrets."""

    code: str
    severity: Severity
    title: str
    evidence: str = ""
    next_action: str = ""
