"""One chain of a run: the shared steps, or the steps of one machine, walked one after another.

A failure in a stage up to Install ends its chain, for these stages build on one another; among the services
and probes only what needs the failed step is left out.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from meshvm_tui.engine_ahead import Early, Held
from meshvm_tui.engine_guard import CLUSTER_STEP, check_same_cluster, check_still_the_same
from meshvm_tui.engine_result import ACTION_NEEDED
from meshvm_tui.engine_retry import reading
from meshvm_tui.engine_run import NOT_REACHED, SKIPPED, Run
from meshvm_tui.engine_step import Applying, Looking, StepResult
from meshvm_tui.events import Mode, Stage, StepFinished, StepStarted, StepState
from meshvm_tui.ports import Ports, ReadPorts
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem, TransientError
from meshvm_tui.redaction import redact
from meshvm_tui.steps.step import Locks, Scope

if TYPE_CHECKING:
    from meshvm_tui.plan import Machine
    from meshvm_tui.steps.step import Step

OBSERVE_DEADLINE = 15.0
"""Seconds after which looking alone gives up: a screen waits for it."""


def _at_once(tell: Callable[[], None]) -> None:
    tell()


class Chain:
    """The steps of one machine, or the shared ones where `machine` is None. Steps of a chain share what they recall."""

    def __init__(self, run: Run, machine: Machine | None) -> None:
        self.run = run
        self.machine = machine
        self.name = machine.name if machine else ""
        self.stopped_by = ""
        self._early: dict[str, Early] = {}
        self._memo: dict[str, Any] = {}
        self._locks = Locks()

    def ahead(self, steps: Sequence[Step]) -> tuple[Early, ...]:
        """These steps, to be looked at before the walk comes to them."""
        wanted = [step for step in steps if not self.run.skipped(step, self.name)]
        self._early = {step.id: Early(partial(self._look_ahead, step)) for step in wanted}
        return tuple(self._early.values())

    def walk(self, steps: Sequence[Step], *, unreachable: str) -> None:
        """Runs the steps in order; where `unreachable` names a reason, none of them is started."""
        if self.run.request.mode is Mode.APPLY:
            self._scope("").forget()  # other chains may have changed the world since; where all only look, nobody has
        for step in steps:
            reason = self._obstacle(step, unreachable)
            if reason:
                self._finish(step, 0.0, StepResult(StepState.PENDING, False, NOT_REACHED, f"not run: {reason}"))
                continue
            if self.run.skipped(step, self.name):
                self._skip(step)
                continue
            self._run_step(step)

    def _obstacle(self, step: Step, unreachable: str) -> str:
        if self.run.cancel.is_set():
            return "the run was cancelled"
        if unreachable:
            return unreachable
        if self.stopped_by:
            return self.stopped_by
        need = self.run.blocker(step.needs, self.name)
        return f"{need} is needed first" if need else ""

    def _skip(self, step: Step) -> None:
        self._finish(step, 0.0, self._left_out(step))

    def _skipped_at_work(self, step: Step) -> bool:
        """Whether a step that did not come to its end was given up by the operator, and not with the whole run."""
        wished = self.run.skips_while_working(step) and self.run.skipped(step, self.name)
        return wished and not self.run.cancel.is_set()

    def _left_out(self, step: Step) -> StepResult:
        """Neither done nor failed; the journal says that it was the operator's wish."""
        if self.run.request.mode is Mode.APPLY:
            self.run.journal("skipped", {"step": step.id, "machine": self.name})
        return StepResult(StepState.LEFT_OUT, False, SKIPPED, "skipped: not proven")

    def _run_step(self, step: Step) -> None:
        clock = self.run.clock
        may_skip = self.run.skips_while_working(step)
        self.run.telling.tell(StepStarted, step=step.id, machine=self.name, title=step.title, may_skip=may_skip)
        started = clock.monotonic()
        work = self._begin(step, started)
        try:
            result = self._seen_ahead(step) or work.result()
            if step.id == CLUSTER_STEP:
                reading(lambda: check_same_cluster(self.run), self.run.cancel)
        except Cancelled:
            result = StepResult(StepState.CANCELLED, work.touched, "Cancelled", "cancelled")
        except Problem as problem:
            result = _failure(problem, work.touched)
        except Exception as error:  # noqa: BLE001 (whatever a step raises must not end the other machines' steps)
            result = _failure(self._unforeseen(step, error), work.touched)
        if result.state not in (StepState.SUCCEEDED, StepState.SKIPPED) and self._skipped_at_work(step):
            result = self._left_out(step)
        self._finish(step, clock.monotonic() - started, result)
        if result.state is StepState.FAILED and not step.probe and step.stage is not Stage.SERVICES:
            self.stopped_by = f"{step.id} failed"
        elif result.state is StepState.CANCELLED:
            self.stopped_by = "the run was cancelled"

    def _seen_ahead(self, step: Step) -> StepResult | None:
        early = self._early.pop(step.id, None)
        return early.seen(self.run.cancel) if early else None

    def _look_ahead(self, step: Step, held: Held) -> StepResult:
        scope = self._scope(step.id, self._deadline(step, self.run.clock.monotonic()), held.tell)
        return Looking(self.run, scope, step, self._read_ports).look()

    def _begin(self, step: Step, started: float) -> Looking | Applying:
        """The work on this step that the mode wants."""
        scope = self._scope(step.id, self._deadline(step, started))
        scope.cancelled = self.run.stop_of(step, self.name)
        if self.run.request.mode is Mode.APPLY:
            return Applying(self.run, scope, step, self._ports)
        return Looking(self.run, scope, step, self._read_ports)

    def _deadline(self, step: Step, started: float) -> float:
        seconds = min(step.deadline, OBSERVE_DEADLINE) if self.run.request.mode is Mode.OBSERVE else step.deadline
        longest = self.run.request.longest
        return started + (seconds if longest is None else min(seconds, longest))

    def _scope(self, step: str, deadline: float = 0.0, tell: Callable[[Callable[[], None]], None] = _at_once) -> Scope:
        """What a step works with; what it recalls is shared by all steps of the chain."""
        run, files = self.run, self.run.request.files_root
        return Scope(
            plan=run.request.plan,
            machine=self.machine,
            cancelled=run.cancel,
            say=lambda source, text: tell(partial(run.telling.log, step, self.name, source, text)),
            progress=lambda *told: tell(partial(run.telling.progress, step, self.name, *told)),
            keep=lambda key, value: run.keep(f"{step}/{self.name}/{key}", value),
            journal=run.journal,
            kept=run.kept,
            files_dir=files / self.name if files and self.machine and run.request.mode is Mode.APPLY else None,
            deadline=deadline,
            memo=self._memo,
            locks=self._locks,
            known=run.request.known,
        )

    def _read_ports(self) -> ReadPorts:
        connections, plan, machine = self.run.connections, self.run.request.plan, self.machine
        return ReadPorts(
            cluster=connections.cluster_reader(plan),
            istioctl=connections.istioctl(plan),
            guest=connections.guest_reader(plan, machine) if machine else None,
            compute=connections.compute_reader(plan) if plan.uses_google else None,
            access=connections.access_reader(plan, machine) if machine and machine.gce else None,
        )

    def _ports(self) -> Ports:
        check_still_the_same(self.run)
        connections, plan, machine = self.run.connections, self.run.request.plan, self.machine
        return Ports(
            cluster=connections.cluster(plan),
            istioctl=connections.istioctl(plan),
            guest=connections.guest(plan, machine) if machine else None,
            compute=connections.compute(plan) if plan.uses_google else None,
            access=connections.access(plan, machine) if machine and machine.gce else None,
        )

    def _unforeseen(self, step: Step, error: Exception) -> Problem:
        """The type and words for the operator; the traceback goes to the session alone."""
        trace = redact("".join(traceback.format_exception(error)))
        self.run.journal("traceback", {"step": step.id, "machine": self.name, "text": trace})
        return PermanentError("MVM-901", redact(f"{type(error).__name__}: {error}"))

    def _finish(self, step: Step, seconds: float, result: StepResult) -> None:
        event: StepFinished = self.run.telling.tell(
            StepFinished,
            step=step.id,
            machine=self.name,
            seconds=round(seconds, 3),
            may_skip=step.may_skip and result.state is StepState.FAILED,
            **result.fields(),
        )
        self.run.finished(event)


def _failure(problem: Problem, changed: bool) -> StepResult:
    if isinstance(problem, ActionNeeded):
        reason = ACTION_NEEDED
    else:
        reason = "TimedOut" if isinstance(problem, TransientError) else "Failed"
    return StepResult(StepState.FAILED, changed, reason, problem.title, problem=problem.record())
