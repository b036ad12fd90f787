"""One step in a run: looking at it (OBSERVE, PLAN), or making it true (APPLY)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from meshvm_tui.engine_retry import reading, try_until
from meshvm_tui.events import Change, Mode, Observation, Standing, StepPlanned, StepState
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem, ProblemRecord, TransientError
from meshvm_tui.steps.step import NotYetKnown, unknown

if TYPE_CHECKING:
    from meshvm_tui.engine_run import Run
    from meshvm_tui.ports import Ports, ReadPorts
    from meshvm_tui.steps.step import Outcome, Scope, Step

CONFIRM_SECONDS = 10.0
"""How long an applied change may take to be seen by the next observation."""
CONFIRM_PAUSE = 0.5
EXPECTED = ""
"""The fingerprint of a change that was shown before it could be computed."""
WILL_BE_PROBED = Observation(Standing.UNKNOWN, "WillBeProbed", "will be probed")


@dataclass(frozen=True)
class StepResult:
    """How a step ended, as StepFinished tells it."""

    state: StepState
    changed: bool
    reason: str
    message: str
    observation: Observation | None = None
    changes: tuple[Change, ...] = ()
    problem: ProblemRecord | None = None

    def fields(self) -> dict[str, Any]:
        """Its fields by name, for the event."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass
class Looking:
    """A step that is only looked at. `touched` is always False: it has no port that could change anything."""

    run: Run
    scope: Scope
    step: Step
    open_ports: Callable[[], ReadPorts]
    touched: bool = False

    def result(self) -> StepResult:
        """What is there, and what apply would do about it."""
        return try_until(
            self.scope.deadline,
            lambda: reading(self.look, self.run.cancel),
            clock=self.run.clock,
            cancel=self.run.cancel,
            said=lambda problem, pause: say_again(self.scope, problem, pause),
        )

    def look(self) -> StepResult:
        """The same, asked once and on this thread."""
        ports = self.open_ports()
        if self.step.probe:
            return _looked(StepState.PENDING, WILL_BE_PROBED, self._probe_changes(ports))
        try:
            observation = self.step.observe(ports, self.scope)
        except NotYetKnown as later:
            expected = self._scripted(ports, self._expected(later))
            return _looked(StepState.PENDING, unknown(later.waits_for, later.cause), expected)
        if observation.standing is Standing.SATISFIED:
            return _looked(StepState.SKIPPED, observation)
        if self.run.request.mode is Mode.OBSERVE and observation.standing is Standing.UNKNOWN:
            return _looked(StepState.PENDING, observation)
        changes = self._scripted(ports, self.step.changes(ports, self.scope, observation))
        if observation.standing is Standing.UNKNOWN:
            changes = tuple(replace(change, fingerprint=EXPECTED) for change in changes)
        return _looked(StepState.PENDING, observation, changes)

    def _scripted(self, ports: ReadPorts, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """With the script's lines of the whole step at its first change."""
        lines = self.step.script(ports, self.scope) if changes else ()
        return (replace(changes[0], script=lines), *changes[1:]) if lines else changes

    def _expected(self, later: NotYetKnown) -> tuple[Change, ...]:
        """On a machine that is yet to be made nothing can be there to be changed: approving its making approves this.
        On one that exists, what would change is shown as soon as it can be seen."""
        if not later.yet_to_be_made or self.run.request.mode is Mode.OBSERVE:
            return ()
        return (Change("update", f"{self.step.title} on the new machine", fingerprint=EXPECTED),)

    def _probe_changes(self, ports: ReadPorts) -> tuple[Change, ...]:
        try:
            return self._scripted(ports, self.step.changes(ports, self.scope, WILL_BE_PROBED))
        except NotYetKnown:
            return ()


def _looked(state: StepState, observation: Observation, changes: tuple[Change, ...] = ()) -> StepResult:
    return StepResult(state, False, observation.reason, observation.message, observation, changes)


@dataclass
class Applying:
    """A step that is made true. `touched` says whether anything may have changed, even where it fails."""

    run: Run
    scope: Scope
    step: Step
    open_ports: Callable[[], Ports]
    touched: bool = False
    shown: tuple[Change, ...] = field(default=())
    attempts: int = 0

    def result(self) -> StepResult:
        """Observes, applies what is missing and observes again; transient problems are tried again."""
        return try_until(
            self.scope.deadline,
            self._attempt,
            clock=self.run.clock,
            cancel=self.scope.cancelled,
            said=self._again,
        )

    def _again(self, problem: TransientError, pause: float) -> None:
        self.scope.forget()
        say_again(self.scope, problem, pause)

    def _attempt(self) -> StepResult:
        ports = reading(self.open_ports, self.scope.cancelled)
        self.attempts += 1
        if self.step.probe:
            return self._probe(ports)
        observation = self._observe(ports)
        if observation.standing is Standing.SATISFIED:
            state = StepState.SUCCEEDED if self.touched else StepState.SKIPPED
            return StepResult(state, self.touched, observation.reason, observation.message, observation, self.shown)
        changes = reading(lambda: self.step.changes(ports.reading(), self.scope, observation), self.scope.cancelled)
        self._check_shown(changes)
        self._planned(observation, changes)
        outcome = self._apply(ports, changes)
        found = self._confirm(ports, outcome)
        message = outcome.message or found.message
        return StepResult(StepState.SUCCEEDED, self.touched, found.reason, message, found, self.shown)

    def _probe(self, ports: Ports) -> StepResult:
        changes = reading(lambda: self.step.changes(ports.reading(), self.scope, WILL_BE_PROBED), self.scope.cancelled)
        self._planned(WILL_BE_PROBED, changes)
        outcome = self._apply(ports, changes)
        return StepResult(
            StepState.SUCCEEDED, outcome.changed, "Answered", outcome.message, outcome.observation, changes
        )

    def _observe(self, ports: Ports) -> Observation:
        return reading(lambda: self.step.observe(ports.reading(), self.scope), self.scope.cancelled)

    def _planned(self, observation: Observation, changes: tuple[Change, ...]) -> None:
        """Tells what is about to be done; on a retry only where that is something else."""
        if self.attempts > 1 and changes == self.shown:
            return
        self.shown = changes
        self.run.telling.tell(
            StepPlanned, step=self.step.id, machine=self._machine(), observation=observation, changes=changes
        )

    def _check_shown(self, changes: tuple[Change, ...]) -> None:
        """Refuses what the operator has not seen. What this very step did before a retry is not held against it."""
        approved = self.run.request.approved
        if approved is None:
            return
        seen = approved.get((self.step.id, self._machine()), ())
        if EXPECTED in seen:
            return
        moved = [change.target for change in changes if change.fingerprint not in seen]
        if moved and not seen and self.attempts == 1:
            raise ActionNeeded(
                "MVM-111",
                f"{', '.join(moved)}: not known when the changes were shown.",
                title="What this changes can be shown now",
                next_action="Review it, then go on.",
            )
        if moved and self.attempts == 1:
            raise ActionNeeded("MVM-111", f"{', '.join(moved)}: not as it was when the changes were shown.")

    def _apply(self, ports: Ports, changes: tuple[Change, ...]) -> Outcome:
        """Applies between two journal entries, so that a later run knows where to look."""
        if self.scope.cancelled.is_set():
            raise Cancelled
        entry = {"step": self.step.id, "machine": self._machine(), "request": uuid.uuid4().hex}
        self.run.journal("intent", {**entry, "changes": [[change.action, change.target] for change in changes]})
        self.run.telling.applying(self.step.id, self._machine(), begins=True)
        try:
            outcome = self.step.apply(ports, self.scope)
        except BaseException as error:
            self.touched = self.touched or not self.step.probe
            self.run.journal("result", {**entry, "state": "failed", "said": _words(error)})
            raise
        finally:
            self.scope.forget()
            self.run.telling.applying(self.step.id, self._machine(), begins=False)
        self.touched = self.touched or outcome.changed
        self.run.journal("result", {**entry, "state": "done", "changed": outcome.changed})
        return outcome

    def _confirm(self, ports: Ports, outcome: Outcome) -> Observation:
        """What is there after apply; it may take a moment to be seen."""
        clock = self.run.clock
        end = clock.monotonic() + CONFIRM_SECONDS
        found = outcome.observation or self._observe(ports)
        while found.standing is not Standing.SATISFIED:
            if clock.monotonic() >= end:
                raise PermanentError("MVM-902", f"{self.step.title}: {found.message}")
            if clock.wait(self.scope.cancelled, CONFIRM_PAUSE):
                raise Cancelled
            self.scope.forget()
            found = self._observe(ports)
        return found

    def _machine(self) -> str:
        return self.scope.machine.name if self.scope.machine else ""


def say_again(scope: Scope, problem: TransientError, pause: float) -> None:
    """Tells that a transient problem is tried again."""
    scope.say("engine", f"{problem.code} {problem.cause}")
    scope.progress(f"{problem.title}; tried again in {pause:.1f} s", None, None)


def _words(error: BaseException) -> str:
    return error.code if isinstance(error, Problem) else type(error).__name__
