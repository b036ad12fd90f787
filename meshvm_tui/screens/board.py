"""What the engine told, folded for showing: one line a step, and where each stage stands.

A board holds the newest run's events over what earlier runs found, so that an observation of the first stages does
not make what is known of later ones disappear.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meshvm_tui.events import (
    PASSING_ACTIONS,
    Change,
    Event,
    Observation,
    RunFinished,
    RunStarted,
    Stage,
    Standing,
    StepFinished,
    StepPlanned,
    StepProgressed,
    StepStarted,
    StepState,
)
from meshvm_tui.problems import ProblemRecord
from meshvm_tui.screens.glyphs import Mark

STAGES = tuple(Stage)
STOPPED = "NotReached"

StepKey = tuple[str, str]


@dataclass(frozen=True)
class StepLine:
    """One step of one machine ("" for all). `seconds` is how long it took, 0 while it runs."""

    step: str
    machine: str
    stage: Stage
    title: str
    state: StepState = StepState.PENDING
    reason: str = ""
    message: str = ""
    seconds: float = 0.0
    started: float = 0.0
    observation: Observation | None = None
    changes: tuple[Change, ...] = ()
    problem: ProblemRecord | None = None
    known: bool = False
    may_skip: bool = False
    """Whether the run can go on without it: while it is at work, or after it has failed."""
    given_up: bool = False
    """Whether it is being skipped: its work ends now."""
    done: int | None = None
    total: int | None = None
    """How far it is while it runs; None where there is no number."""

    @property
    def key(self) -> StepKey:
        """What identifies it in a run."""
        return self.step, self.machine

    @property
    def satisfied(self) -> bool:
        """Whether it is known to be true."""
        if self.state in (StepState.SKIPPED, StepState.SUCCEEDED):
            return True
        return bool(self.observation and self.observation.standing is Standing.SATISFIED)

    @property
    def mark(self) -> Mark:
        """Its glyph."""
        by_state = {
            StepState.RUNNING: Mark.WORKING,
            StepState.FAILED: Mark.FAILED,
            StepState.CANCELLED: Mark.SKIPPED,
            StepState.LEFT_OUT: Mark.SKIPPED,
            StepState.SKIPPED: Mark.DONE,
            StepState.SUCCEEDED: Mark.DONE,
        }
        return by_state.get(self.state, Mark.WAITING)


@dataclass
class Board:
    """The steps in their order, and whether a run is under way."""

    lines: dict[StepKey, StepLine] = field(default_factory=dict)
    running: bool = False
    finished: RunFinished | None = None
    usual: float | None = None
    """Seconds that this run usually takes; None where that is not known."""

    def take(self, event: Event, now: float, *, quiet: bool = False) -> None:
        """Folds one event; `now` is monotonic, for the time that a running step has taken so far.

        Where it is `quiet`, what is known stays as it is until something else is known: nothing flickers."""
        if isinstance(event, RunStarted):
            self._begin(event)
        elif isinstance(event, RunFinished):
            self.running, self.finished = False, event
            self._settle()
        elif isinstance(event, StepStarted | StepProgressed | StepPlanned | StepFinished):
            line = self.lines.get((event.step, event.machine))
            if line and not (quiet and line.known and not isinstance(event, StepFinished)):
                self.lines[line.key] = _folded(line, event, now)

    def give_up(self, key: StepKey) -> None:
        """The operator goes on without a step that is at work."""
        if (line := self.lines.get(key)) and line.state is StepState.RUNNING:
            words = "is being skipped: its work ends"
            self.lines[key] = replace(line, given_up=True, message=words, done=None, total=None)

    def of_stage(self, stage: Stage) -> tuple[StepLine, ...]:
        """The stage's lines."""
        return tuple(line for line in self.lines.values() if line.stage is stage)

    def upto(self, stage: Stage) -> tuple[StepLine, ...]:
        """The lines of this stage and all before it."""
        last = STAGES.index(stage)
        return tuple(line for line in self.lines.values() if STAGES.index(line.stage) <= last)

    def changes_upto(self, stage: Stage) -> int:
        """How many changes a run up to this stage would make; probes and access for the run alone are none."""
        changes = [change for line in self.upto(stage) if _open(line) for change in line.changes]
        return sum(change.action not in PASSING_ACTIONS for change in changes)

    def stage_mark(self, stage: Stage) -> Mark:
        """Where the stage stands."""
        lines = self.of_stage(stage)
        if any(line.state is StepState.FAILED for line in lines):
            return Mark.ATTENTION
        if lines and all(line.known and line.satisfied for line in lines):
            return Mark.DONE
        return Mark.WAITING

    def needy_stage(self) -> Stage:
        """The first stage that is not done: where the operator goes on."""
        return next((stage for stage in STAGES if self.stage_mark(stage) is not Mark.DONE), STAGES[-1])

    def problems(self) -> tuple[StepLine, ...]:
        """The lines that failed."""
        return tuple(line for line in self.lines.values() if line.problem)

    def approvals(self) -> dict[StepKey, tuple[str, ...]]:
        """The fingerprints that were shown, by step."""
        return {
            line.key: tuple(change.fingerprint for change in line.changes)
            for line in self.lines.values()
            if line.changes
        }

    def _begin(self, event: RunStarted) -> None:
        """The run's steps in its order, with what is known of them; then those of later stages as they were."""
        self.running, self.finished = True, None
        earlier, self.lines = self.lines, {}
        for step, machine, stage, title in event.steps:
            fresh = StepLine(step, machine, Stage(stage), title)
            self.lines[step, machine] = replace(earlier.get((step, machine), fresh), title=title)
        last = max((STAGES.index(line.stage) for line in self.lines.values()), default=-1)
        self.lines |= {key: line for key, line in earlier.items() if STAGES.index(line.stage) > last}

    def _settle(self) -> None:
        """A run that ended leaves nothing running."""
        for key, line in self.lines.items():
            if line.state is StepState.RUNNING:
                self.lines[key] = replace(line, state=StepState.PENDING)


def _open(line: StepLine) -> bool:
    return line.state not in (StepState.SUCCEEDED, StepState.SKIPPED)


def _folded(line: StepLine, event: StepStarted | StepProgressed | StepPlanned | StepFinished, now: float) -> StepLine:
    if isinstance(event, StepStarted):
        fresh = replace(line, state=StepState.RUNNING, started=now, seconds=0.0, message="", problem=None)
        return replace(fresh, done=None, total=None, may_skip=event.may_skip, given_up=False)
    if isinstance(event, StepProgressed):
        if line.given_up:
            return line
        count = f"  {event.done} of {event.total}" if event.done is not None and event.total else ""
        return replace(line, message=f"{event.message}{count}", done=event.done, total=event.total)
    if isinstance(event, StepPlanned):
        return replace(line, observation=event.observation, changes=event.changes)
    return replace(
        line,
        state=event.state,
        reason=event.reason,
        message=event.message,
        seconds=event.seconds,
        observation=event.observation,
        changes=event.changes,
        problem=event.problem,
        known=event.reason != STOPPED,
        may_skip=event.may_skip,
        given_up=False,
    )
