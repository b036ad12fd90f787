"""What Finish shows as proved: by the probes of the run that was shown last, and by what a session wrote down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.events import StepState
from meshvm_tui.screens.finish_lines import Proof

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshvm_tui.screens.board import StepLine
    from meshvm_tui.session import Session

PROBE = "probe-"


def of_this_run(lines: Iterable[StepLine]) -> list[Proof]:
    """The probes of the run that was shown last, with what they prove."""
    return [
        Proof(
            line.step,
            line.machine,
            line.state is StepState.SUCCEEDED,
            line.message,
            line.observation.details if line.observation else (),
        )
        for line in lines
        if line.step.startswith(PROBE) and line.state in (StepState.SUCCEEDED, StepState.FAILED)
    ]


def of_session(session: Session) -> list[Proof]:
    """What earlier runs wrote down: the answer and its time."""
    ended = (StepState.SUCCEEDED.value, StepState.FAILED.value)
    return [
        Proof(item.step, item.machine, item.state == ended[0], item.message, asked=item.finished)
        for item in session.records
        if item.step.startswith(PROBE) and item.state in ended
    ]
