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
ENDED = (StepState.SUCCEEDED, StepState.FAILED, StepState.LEFT_OUT)


def of_this_run(lines: Iterable[StepLine]) -> list[Proof]:
    """The probes of the run that was shown last, with what they prove."""
    return [
        Proof(
            line.step,
            line.machine,
            line.state is StepState.SUCCEEDED,
            line.message,
            line.observation.details if line.observation else (),
            skipped=line.state is StepState.LEFT_OUT,
        )
        for line in lines
        if line.step.startswith(PROBE) and line.state in ENDED
    ]


def of_session(session: Session) -> list[Proof]:
    """What earlier runs wrote down: the answer and its time."""
    return [
        Proof(
            item.step,
            item.machine,
            item.state == StepState.SUCCEEDED.value,
            item.message,
            asked=item.finished,
            skipped=item.state == StepState.LEFT_OUT.value,
        )
        for item in session.records
        if item.step.startswith(PROBE) and item.state in {state.value for state in ENDED}
    ]
