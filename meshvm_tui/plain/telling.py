"""What the engine tells, one line a fact."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from meshvm_tui.events import (
    Event,
    Mode,
    RunFinished,
    RunStarted,
    Stage,
    StepFinished,
    StepProgressed,
    StepStarted,
    StepState,
)
from meshvm_tui.observation_words import worth_saying
from meshvm_tui.screens.board import STOPPED, Board, StepLine

if TYPE_CHECKING:
    from meshvm_tui.events import Change
    from meshvm_tui.problems import ProblemRecord

QUIET_SECONDS = 5.0
"""A step that takes longer says what it waits for, and again whenever that is another thing."""
LISTED = 5
_STATES = {
    StepState.SUCCEEDED: "done",
    StepState.SKIPPED: "in place",
    StepState.FAILED: "failed",
    StepState.CANCELLED: "cancelled",
    StepState.LEFT_OUT: "skipped",
}


class PlainOutput:
    """Takes a run's events: folds all into `board`, and says the steps of a run that applies."""

    def __init__(self, board: Board, say: Callable[[str], None]) -> None:
        self.board = board
        self._say = say
        self._lock = threading.Lock()
        self._applies = False
        self._count = self._total = 0
        self._started: dict[tuple[str, str], float] = {}
        self._waits: dict[tuple[str, str], str] = {}

    def take(self, event: Event) -> None:
        """Folds it, and says what it is worth."""
        with self._lock:
            self.board.take(event, time.monotonic())
            if isinstance(event, RunStarted):
                self._applies = event.mode is Mode.APPLY
                self._count, self._total = 0, len(event.steps)
            elif self._applies:
                self._tell(event)

    def _tell(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self._started[event.step, event.machine] = time.monotonic()
        elif isinstance(event, StepProgressed):
            self._progress(event)
        elif isinstance(event, StepFinished) and event.reason != STOPPED:
            self._count += 1
            line = self.board.lines[event.step, event.machine]
            took = f", {event.seconds:.1f} s" if event.seconds >= 0.1 else ""
            state = _STATES.get(event.state, event.state.value)
            self._say(f"{self._count} of {self._total}, {state}: {named(line)}: {event.message}{took}")
        elif isinstance(event, RunFinished):
            self._applies = False

    def _progress(self, event: StepProgressed) -> None:
        key = event.step, event.machine
        if time.monotonic() - self._started.get(key, 0.0) < QUIET_SECONDS or self._waits.get(key) == event.message:
            return
        self._waits[key] = event.message
        self._say(f"still at work: {named(self.board.lines[key])}: {event.message}")


def named(line: StepLine) -> str:
    """A step, with its machine where it has one."""
    return f"{line.title}, {line.machine}" if line.machine else line.title


def observed_lines(board: Board, stage: Stage) -> Iterator[str]:
    """What is there now."""
    lines = board.of_stage(stage)
    if not lines:
        yield "There now: not looked at yet."
    for line in lines:
        state = "in place" if line.satisfied else "failed" if line.problem else "not in place"
        words = line.problem.title if line.problem else line.message
        yield f"There now: {named(line)}: {state}" + (f": {words}" if words else "")
        if line.problem:
            yield f"  {line.problem.code}, cause: {' '.join(line.problem.cause.split())}"
            yield f"  what to do: {line.problem.next_action}"
        if line.observation:
            for name, value in worth_saying(line.observation, words):
                yield f"  {name}: {shortened(value)}"
            for warning in line.observation.warnings:
                yield f"  warning: {warning}"
            for finding in line.observation.findings:
                yield f"  {finding.severity.value}: {finding.words}"


def shortened(value: str) -> str:
    """A long list by its first parts and the number of the others: nobody listens to sixty permissions."""
    parts = value.split(", ")
    if len(parts) <= LISTED + 1:
        return value
    return f"{', '.join(parts[:LISTED])}, and {len(parts) - LISTED} more"


def change_lines(number: int, line: StepLine, change: Change) -> Iterator[str]:
    """One change of a review, and the commands that do the same by hand."""
    machine = f" on {line.machine}" if line.machine else ""
    yield f"{number}. {change.action} {change.target}{machine}"
    for command in change.commands:
        first, *rest = command.splitlines() or [""]
        yield f"   by hand: {first}"
        yield from (f"   {more}" for more in rest)


def problem_lines(problem: ProblemRecord) -> Iterator[str]:
    """A failure: code, title, cause, what was seen, what to do."""
    yield f"Problem {problem.code}: {problem.title}"
    for at, row in enumerate(problem.cause.splitlines() or [""]):
        yield f"{'Cause: ' if at == 0 else '  '}{row}"
    for name, value in problem.evidence:
        yield f"Seen, {name}: {value}"
    yield f"What to do: {problem.next_action}"
