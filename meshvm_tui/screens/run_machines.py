"""Several machines in a run: a line for each with what it is at, and the steps of the one that was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshvm_tui.events import StepState
from meshvm_tui.screens.glyphs import Mark

if TYPE_CHECKING:
    from meshvm_tui.screens.board import StepLine

_AT_AN_END = (StepState.SKIPPED, StepState.SUCCEEDED, StepState.LEFT_OUT)


@dataclass(frozen=True)
class MachineLine:
    """Where one machine's part of a run stands."""

    name: str
    steps: tuple[StepLine, ...]
    open: bool
    """Whether its steps are listed below it."""

    @property
    def mark(self) -> Mark:
        """That of the step that says most: a failed one, one that runs, else where all of them are."""
        marks = [step.mark for step in self.steps]
        for mark in (Mark.FAILED, Mark.WORKING):
            if mark in marks:
                return mark
        if all(step.state in _AT_AN_END for step in self.steps):
            return Mark.SKIPPED if Mark.SKIPPED in marks else Mark.DONE
        return Mark.WAITING

    @property
    def words(self) -> str:
        """How many of its steps are done, and the step that it is at."""
        done = sum(step.satisfied for step in self.steps)
        at = self._at
        return f"{done} of {len(self.steps)}" + (f"  {at.title}: {_said(at)}" if at else "")

    def seconds(self, now: float) -> float:
        """How long its steps took, with the one that runs now."""
        return sum(
            now - step.started if step.state is StepState.RUNNING else step.seconds
            for step in self.steps
            if _began(step)
        )

    @property
    def began(self) -> bool:
        """Whether anything of it has begun."""
        return any(_began(step) for step in self.steps)

    @property
    def _at(self) -> StepLine | None:
        for state in (StepState.FAILED, StepState.RUNNING):
            if found := next((step for step in self.steps if step.state is state), None):
                return found
        return None


def machines_of(lines: Sequence[StepLine]) -> list[str]:
    """The machines of a run, in the plan's order."""
    return list(dict.fromkeys(line.machine for line in lines if line.machine))


def next_machine(lines: Sequence[StepLine], opened: str) -> str:
    """The machine to open after this one; "" after the last: none."""
    names = ["", *machines_of(lines), ""]
    return names[names.index(opened) + 1] if opened in names else ""


def rows(lines: Sequence[StepLine], opened: str = "") -> list[StepLine | MachineLine]:
    """The steps in their order; those of several machines are folded into a line each where the first stands."""
    names = machines_of(lines)
    if len(names) < 2:
        return list(lines)
    found: list[StepLine | MachineLine] = [line for line in lines if not line.machine]
    folded: list[StepLine | MachineLine] = []
    for name in names:
        steps = tuple(line for line in lines if line.machine == name)
        folded += [MachineLine(name, steps, name == opened), *(steps if name == opened else ())]
    before = sum(not line.machine for line in lines[: next(at for at, line in enumerate(lines) if line.machine)])
    return [*found[:before], *folded, *found[before:]]


def _began(step: StepLine) -> bool:
    return step.known or step.state is StepState.RUNNING


def _said(step: StepLine) -> str:
    return step.problem.title if step.problem else step.message
