"""The error words: every failure has a stable code, a title, the cause in the other system's words, a next action.

Three classes steer the engine: a transient problem is tried again until the step's deadline, a permanent
one is not, and an action needed stops the run until the operator has done what it says.
Codes and their titles stand in `problem_catalog`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshvm_tui.problem_catalog import CATALOG

CAUSE_LIMIT = 2000


class Problem(Exception):
    """A failure that can be shown to an operator.

    `code` is a key of the catalogue; `cause` is what the other system said, word for word, without secrets;
    `next_action` replaces the catalogue's where something more exact is known; `evidence` is shown on request.
    """

    def __init__(
        self,
        code: str,
        cause: str,
        *,
        title: str = "",
        next_action: str = "",
        evidence: Mapping[str, str] | None = None,
    ) -> None:
        entry = CATALOG[code]
        self.code = code
        self.title = title or entry.title
        self.cause = cause[:CAUSE_LIMIT]
        self.next_action = next_action or entry.next_action
        self.evidence = dict(evidence or {})
        super().__init__(f"{code} {self.title}: {self.cause}")

    def record(self) -> ProblemRecord:
        """The same as plain values, for events, session files and screens."""
        return ProblemRecord(
            code=self.code,
            title=self.title,
            cause=self.cause,
            next_action=self.next_action,
            evidence=tuple(sorted(self.evidence.items())),
        )


class TransientError(Problem):
    """Worth trying again: the engine does so with growing pauses until the step's deadline."""


class PermanentError(Problem):
    """Trying again changes nothing."""


class ActionNeeded(Problem):
    """The operator must do something; the same run goes on after it."""


class Cancelled(Exception):
    """The operator cancelled; raised out of every wait."""


@dataclass(frozen=True)
class ProblemRecord:
    """A problem as plain values."""

    code: str
    title: str
    cause: str
    next_action: str
    evidence: tuple[tuple[str, str], ...] = ()
