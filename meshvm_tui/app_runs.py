"""The app's runs: what is being looked at, reviewed or applied, and the boards that their events fill.

`world` keeps all that is known of the steps; `shown` is the board of the review or run on the screen.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from meshvm_tui.app_opening import in_thread
from meshvm_tui.engine_worker import EngineWorker, Job
from meshvm_tui.events import Event, Mode, RunFinished, Stage, StepLogged, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.look_pace import LookPace, asked_of_google
from meshvm_tui.plan_fields import lacking
from meshvm_tui.screens.board import STAGES, Board
from meshvm_tui.screens.log_drawer import LogLine, log_line

if TYPE_CHECKING:
    from meshvm_tui.app_session import SessionKeeper
    from meshvm_tui.plan import Plan
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.board import StepKey, StepLine
    from meshvm_tui.session import Session
    from meshvm_tui.step_times import StepTimes

LOOK_AFTER_EDIT = 0.8
"""Seconds after the last accepted change: nobody wants a half-typed host to be dialled."""
LOG_KEPT = 200
"""Lines of the last look that are compared with those of the next, so that the log says each thing once."""


class Runs:
    """Starts runs for one session and folds what they tell. All methods are called on the UI's thread."""

    def __init__(self, worker: EngineWorker, times: StepTimes) -> None:
        self._worker = worker
        self._times = times
        in_thread(times.load, "meshvm-step-times")
        self.world = Board()
        self.shown = Board()
        self.log: list[LogLine] = []
        self.changed = False
        self.resuming = False
        self.looked_whole = False
        self._keeper: SessionKeeper | None = None
        self._token = 0
        self._mode = Mode.PLAN
        self._shows = False
        self._look_at: Stage | None = None
        self._said: list[str] = []
        self._said_now: list[str] = []
        self._skips: frozenset[StepKey] = frozenset()
        self.pace = LookPace()
        self._google = 0
        self._anew = False

    def begin(self, keeper: SessionKeeper) -> None:
        """Another session: nothing is known yet."""
        self._keeper = keeper
        self.world, self.shown, self.log = Board(), Board(), []
        self._skips = frozenset()
        self._look_at = None
        self.resuming = self.looked_whole = False

    def forget(self) -> None:
        """What is known of the world is of another one."""
        self.world.lines.clear()

    def end(self) -> None:
        """No session any more."""
        self._worker.cancel()
        self._keeper, self._look_at, self._token = None, None, 0

    @property
    def applying(self) -> bool:
        """Whether the world is being changed."""
        return self._worker.applying

    def look(self, stage: Stage, *, after: float = 0.0) -> None:
        """Looks at what is there up to this stage, once `after` seconds have passed without another wish."""
        self._look_at = stage
        self.pace.wanted(time.monotonic(), after)

    def look_after_edit(self, stage: Stage) -> None:
        """Looks once the typing has paused."""
        self.look(stage, after=LOOK_AFTER_EDIT)

    def rest(self) -> None:
        """Looks at nothing by itself until asked again."""
        self._look_at = None
        self.pace.rest()

    def pulse(self) -> None:
        """Starts the look that is due. Called several times a second."""
        now = time.monotonic()
        if self.pace.slept(now, time.time()) and self._look_at is not None:
            self.log.append(LogLine("", " The computer slept: everything is looked at again"))
            self._anew = True
        if self._look_at is not None and self.pace.due(now) and not self.applying:
            stage = self._look_at
            self.pace.began(now)
            # A session that is gone on with is looked at whole first: that tells which stage needs the operator.
            self._start(Mode.PLAN, STAGES[-1] if self.resuming else stage, shows=False)

    def review(self, stage: Stage) -> Board:
        """Lists everything that a run up to this stage would change, on a board of its own."""
        self.rest()
        self.shown = Board()
        self._start(Mode.PLAN, stage, shows=True)
        return self.shown

    def skip(self, step: StepKey | None) -> None:
        """The next run goes on without this step as well; None: without none, everything is asked for again."""
        self._skips = self._skips | {step} if step else frozenset()

    def skip_at_work(self, step: StepKey) -> None:
        """The run that is under way goes on without this step, and so does the next one."""
        self.skip(step)
        self._worker.skip(*step)
        self.shown.give_up(step)

    def apply(self, stage: Stage, approved: Board) -> Board:
        """Applies what stood on the approved board, and tells it on a new one."""
        self.rest()
        self.shown = Board(usual=self._usual(approved, stage))
        self._start(Mode.APPLY, stage, shows=True, approved=approved)
        return self.shown

    def cancel(self) -> None:
        """Ends the run that is shown."""
        self._worker.cancel()

    def take(self, token: int, event: Event) -> None:
        """Takes an event; one of a run that was given up is dropped, unless it changed the world."""
        if token != self._token:
            return
        if isinstance(event, StepLogged):
            self._log(event)
            return
        now = time.monotonic()
        if isinstance(event, RunFinished) and not self._shows:
            self._said, self._said_now = self._said_now, []
            well = event.exit_code in (ExitCode.DONE, ExitCode.CHANGES_PENDING)
            self.pace.ended(now, well=well, google=self._google)
        if not (isinstance(event, RunFinished) and event.exit_code == ExitCode.CANCELLED and not self._shows):
            self.world.take(event, now, quiet=not self._shows)
            if isinstance(event, RunFinished) and self.resuming and not self._shows:
                self.resuming, self.looked_whole = False, True
        if self._shows:
            self.shown.take(event, now)
            if isinstance(event, RunFinished) and self._mode is Mode.APPLY:
                self._keep_times()
        self.changed = True

    def wait_idle(self, seconds: float) -> bool:
        """Waits until nothing runs; for a thread."""
        return self._worker.wait_idle(seconds)

    def broke(self, token: int, problem: ProblemRecord) -> bool:
        """A run ended without its end: it is shown as failed. False where nobody waits for it: it is only logged."""
        if token != self._token:
            return False
        words = f"{problem.title}: {problem.cause}"
        self.world.running = False
        if not self._shows:
            self.pace.ended(time.monotonic(), well=False, google=self._google)
        self.log.append(LogLine("", f" {problem.code}  {words}"))
        self.shown.take(RunFinished("", "", self._mode, int(ExitCode.FAILED), False, words), time.monotonic())
        self.changed = True
        return self._shows

    def _usual(self, approved: Board, stage: Stage) -> float | None:
        """The shared steps one after another, and the machines side by side."""
        lines = [line for line in approved.upto(stage) if line.changes]
        parts = {machine: [line.step for line in lines if line.machine == machine] for machine in _machines(lines)}
        usual = {machine: self._times.usual(steps) for machine, steps in parts.items()}
        if not usual or any(seconds is None for seconds in usual.values()):
            return None
        known = {machine: seconds or 0.0 for machine, seconds in usual.items()}
        return known.pop("", 0.0) + max(known.values(), default=0.0)

    def _keep_times(self) -> None:
        took = [(line.step, line.seconds) for line in self.shown.lines.values() if line.state is StepState.SUCCEEDED]
        if took:
            in_thread(lambda: self._times.keep(took), "meshvm-step-times")

    def _log(self, event: StepLogged) -> None:
        """A look says again what the look before it said: told once."""
        said = f"{event.step} {event.machine} {event.source} {event.text}"
        if not self._shows:
            self._said_now = [*self._said_now[-LOG_KEPT:], said]
        if self._shows or said not in self._said:
            self.log.append(log_line(event, several=self._several()))

    def _several(self) -> bool:
        return self._keeper is not None and len(self._keeper.plan.machines) > 1

    def _start(self, mode: Mode, upto: Stage, *, shows: bool, approved: Board | None = None) -> None:
        keeper = self._keeper
        if keeper is None:
            return
        follows, self._anew = not shows and not self._anew, False
        if not shows:
            upto = _lookable(keeper.plan, upto)
            self._google = asked_of_google(keeper.plan, upto)
        applies = mode is Mode.APPLY
        self._mode, self._shows = mode, shows
        self._token = self._worker.submit(
            Job(
                plan=keeper.plan,
                mode=mode,
                session=keeper.session.name,
                upto=upto,
                kept=keeper.session.kept,
                keep=keeper.take_kept,
                journal=keeper.append_journal,
                approved=approved.approvals() if applies and approved else None,
                files_root=keeper.files_root,
                record=keeper.take_event if applies else None,
                skips=self._skips if applies else frozenset(),
                follows=follows,
            )
        )


def _machines(lines: list[StepLine]) -> list[str]:
    return list(dict.fromkeys(line.machine for line in lines))


def opening_stage(session: Session) -> Stage:
    """The stage that was seen last; the first one where none was."""
    return Stage(session.last_screen) if session.last_screen in set(Stage) else STAGES[0]


def was_begun(session: Session) -> bool:
    """Whether anything was run in the session: then it is looked at whole before it goes on."""
    return any(record.state != StepState.PENDING for record in session.records)


def _lookable(plan: Plan, stage: Stage) -> Stage:
    """The stage itself, or the last one before it for which the plan says enough."""
    for candidate in STAGES[: STAGES.index(stage) + 1]:
        if lacking(plan, candidate):
            return STAGES[STAGES.index(candidate) - 1]
    return stage
