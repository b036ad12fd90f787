"""Run: the steps with their state and time, the live log, and how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from meshvm_tui.durations import stopwatch
from meshvm_tui.events import Stage, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.board import STAGES, Board
from meshvm_tui.screens.dialogs import ConfirmDialog
from meshvm_tui.screens.glyphs import Mark
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.log_drawer import LogDrawer
from meshvm_tui.screens.messages import (
    CancelWanted,
    ReviewWanted,
    RunLeft,
    RunWanted,
    SkipWanted,
    WatchWanted,
)
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.problem_ways import Once, ask
from meshvm_tui.screens.run_lines import answers, done_words, headline, run_lines
from meshvm_tui.screens.run_machines import machines_of, next_machine, rows

if TYPE_CHECKING:
    from meshvm_tui.events import RunFinished
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import StepLine
    from meshvm_tui.screens.log_drawer import LogLine
    from meshvm_tui.screens.run_machines import MachineLine

MOVED = "MVM-111"
GONE_WELL = (ExitCode.DONE, ExitCode.NOT_PROVEN)
HELP = """\
What is being done, step by step, with the log below. A run that is cancelled or fails leaves what is done as it is; \
the next one goes on from there.
"""


class RunScreen(AppScreen):
    """A run of the engine from its first step to its end."""

    CSS_PATH = "../styles/run.tcss"
    help_title = "Run"
    help_text = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "onward", "Go on", priority=True, tooltip="after the end: on to the next stage"),
        Binding(
            "escape",
            "leave",
            "Cancel",
            tooltip="cancels, after a question: within a second nothing new starts",
        ),
        Binding("escape", "back", "Back", tooltip="after the end: back to the form"),
        Binding("pagedown", "scroll_steps(1)", "Down", show=False, tooltip="more steps"),
        Binding("pageup", "scroll_steps(-1)", "Up", show=False, tooltip="the steps before"),
        Binding("r", "retry", "Retry", tooltip="after a failure: again; what is done is not done twice"),
        Binding(
            "s",
            "skip",
            "Skip",
            tooltip="goes on without a proof, waited for or failed; Finish says that it is not proven",
        ),
        Binding("p", "problem", "Problem", tooltip="the problem once more"),
        Binding("m", "machine", "Machine", tooltip="opens the next machine's steps and its log; after the last, all"),
        Binding("f6", "watch", "Watch", tooltip="the WorkloadEntries, live"),
        Binding("ctrl+l", "log", "Log", tooltip="gives the log the keys, to scroll in it"),
    ]

    def __init__(self, *, stage: Stage, where: str, board: Board, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self.stage = stage
        self.board = board
        self._where = where
        self._began = time.monotonic()
        self._took = 0.0
        self._cancelling = False
        self._offers_skip = False
        self._opened = ""
        """The machine whose steps are listed, where there are several."""

    def compose(self) -> ComposeResult:
        """Title, steps, answers, log, footer."""
        yield Painted(fixed=True, id="run-title")
        with VerticalScroll(id="run-steps", can_focus=False):
            yield Painted(id="run-lines")
        yield Static("", id="run-end")
        yield LogDrawer(id="run-log")
        yield KeyLine()

    def on_mount(self) -> None:
        """The clock ticks while it runs."""
        self.set_interval(0.5, self._tick)
        self.show_board()

    def on_resize(self) -> None:
        """Times stand at the right edge."""
        self.show_board()

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.board.finished is not None and not self.board.running

    def show_board(self) -> None:
        """The engine told something."""
        if not self.ready:
            return
        width = max(40, self.size.width - 4)
        seconds = self._took or time.monotonic() - self._began
        self.query_one("#run-title", Painted).show(
            headline(f"Up to {self.stage.value} on {self._where}", self._clock(seconds), width)
        )
        if (skippable := self._skippable() is not None) is not self._offers_skip:
            self._offers_skip = skippable
            self.refresh_bindings()
        shown = rows(self.board.upto(self.stage), self._opened)
        self.query_one("#run-lines", Painted).show(run_lines(shown, time.monotonic(), width))
        self._follow(shown)
        if self.board.finished and self.ended and not self._took:
            self._took = seconds
            self.refresh_bindings()
            self._end(self.board.finished)

    def _clock(self, seconds: float) -> str:
        usual = f"   usually {stopwatch(self.board.usual)}" if self.board.usual is not None else ""
        return f"elapsed {stopwatch(seconds)}{usual}"

    def show_log(self, lines: list[LogLine]) -> None:
        """New lines of the log."""
        if self.ready:
            self.query_one(LogDrawer).show_lines(lines)

    def action_onward(self) -> None:
        """On to the next stage, where it went well."""
        if self.ended and self._well():
            self.leave_by(RunLeft(self.stage, onward=True))

    def action_leave(self) -> None:
        """Cancels while it runs."""
        if not self.ended and not self._cancelling:
            self.app.push_screen(
                ConfirmDialog(
                    "Cancel this run?",
                    "Nothing new starts. What cannot be cut safely is finished first. What is done stays done; "
                    "the next run goes on from there.",
                    yes="cancel it",
                    no="let it run",
                ),
                self._cancel,
            )

    def action_back(self) -> None:
        """After the end: back to the form."""
        if self.ended:
            self.leave_by(RunLeft(self.stage, onward=False))

    def action_retry(self) -> None:
        """The same again: only what is missing is done."""
        if self.ended and not self._well():
            self.leave_by(RunWanted(self.stage))

    def action_skip(self) -> None:
        """Goes on without what failed or is still waited for, where that only proves something."""
        step = self._skippable()
        if step and self.ended:
            self.leave_by(RunWanted(self.stage, skip=step.key))
        elif step:
            self.post_message(SkipWanted(*step.key))

    def action_problem(self) -> None:
        """The problem once more."""
        if failed := self._failed():
            self._ask(failed)

    def action_machine(self) -> None:
        """The next machine's steps and log."""
        self._opened = next_machine(self.board.upto(self.stage), self._opened)
        self.query_one(LogDrawer).show_machine(self._opened)
        self.show_board()

    def action_scroll_steps(self, pages: int) -> None:
        """The steps may be more than the screen has lines."""
        steps = self.query_one("#run-steps", VerticalScroll)
        steps.scroll_relative(y=pages * max(1, steps.size.height - 1), animate=False)

    def action_watch(self) -> None:
        """The entries, live."""
        self.leave_by(WatchWanted())

    def action_log(self) -> None:
        """The log gets the keys, or gives them back."""
        drawer = self.query_one(LogDrawer)
        self.set_focus(None if drawer.has_focus else drawer)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now."""
        now = {
            "onward": lambda: self.ended and self._well(),
            "leave": lambda: not self.ended,
            "back": lambda: self.ended,
            "retry": lambda: self.ended and not self._well(),
            "skip": lambda: self._skippable() is not None,
            "problem": lambda: self._failed() is not None,
            "machine": lambda: len(machines_of(self.board.upto(self.stage))) > 1,
        }
        return now[action]() if action in now else True

    def _tick(self) -> None:
        if not self.ended:
            self.show_board()

    def _well(self) -> bool:
        return self.board.finished is not None and self.board.finished.exit_code in GONE_WELL

    def _failed(self) -> StepLine | None:
        return next(iter(self.board.problems()), None)

    def _skippable(self) -> StepLine | None:
        """The proof that failed; while it runs, one that is at work, of the machine that is open before others."""
        if self.ended:
            return next((line for line in self.board.problems() if line.may_skip), None)
        if self._cancelling:
            return None
        lines = [line for line in self.board.upto(self.stage) if line.state is StepState.RUNNING]
        able = [line for line in lines if line.may_skip and not line.given_up]
        return next((line for line in able if line.machine == self._opened), able[0] if able else None)

    def _cancel(self, yes: bool | None) -> None:
        if yes and not self.ended:
            self._cancelling = True
            self.post_message(CancelWanted())

    def _own_keys(self, words: str) -> str:
        return with_own_keys(words, self.app, Enter="run.onward", R="run.retry")

    def _end(self, finished: RunFinished) -> None:
        last = self.stage is STAGES[-1]
        following = "" if last else STAGES[STAGES.index(self.stage) + 1].value
        lines = self.board.upto(self.stage)
        self.query_one("#run-end", Static).update(
            answers(lines, finished, following, max(40, self.size.width - 4), self._own_keys)
            if last
            else done_words(finished, following, self._own_keys)
        )
        self.set_class(True, "-ended")
        self.set_class(last, "-answers")
        if failed := self._failed():
            self._ask(failed)
        else:
            self.query_one("#run-steps", VerticalScroll).scroll_end(animate=False)

    def _ask(self, failed: StepLine) -> None:
        moved = failed.problem is not None and failed.problem.code == MOVED
        skip = RunWanted(self.stage, skip=failed.key) if failed.may_skip else None
        again = Once("try again", RunWanted(self.stage), skip)
        once = Once("review again", ReviewWanted(self.stage)) if moved else again
        done = [line.title for line in self.board.upto(self.stage) if line.satisfied]
        words = ", ".join(done) + "; nothing was undone" if done else "nothing yet"
        ask(self, failed, plan=self._plan, stage=self.stage, once=once, done=words)

    def _follow(self, shown: list[StepLine | MachineLine]) -> None:
        """Keeps the step that runs in sight."""
        running = next((at for at, row in enumerate(shown) if row.mark is Mark.WORKING), None)
        if running is not None:
            self.query_one("#run-steps", VerticalScroll).scroll_to(y=max(0, running - 6), animate=False)
