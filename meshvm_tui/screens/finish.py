"""Finish: what is true now, each sentence with its evidence, and what to do next."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.finish_lines import Fact, Proof, as_text, facts, finish_content, next_steps, verdict
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.messages import FinishLeft, WatchWanted
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.save_dialog import SaveDialog

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import Board, StepLine

HELP = """\
What is true now, and by what it is known. All of it is looked at again while this is shown; the requests of both \
ways are those of the last run.

What is not proven says so, with the way to prove it.
"""


class FinishScreen(AppScreen):
    """The end of an onboarding. `listed` are the steps whose changes were reviewed, for the script."""

    CSS_PATH = "../styles/run.tcss"
    help_title = "Finish"
    help_text = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "plan", "Save plan", tooltip="saves the plan as YAML"),
        Binding("s", "script", "Script", tooltip="saves the commands of what was reviewed as a shell script"),
        Binding("c", "copy", "Copy", tooltip="copies these sentences with their evidence"),
        Binding("w,f6", "watch", "Watch", tooltip="the WorkloadEntries, live"),
        Binding("h", "home", "Home", tooltip="the sessions; this one is saved"),
        Binding("escape", "leave", "Back", tooltip="back to the form"),
    ]

    def __init__(
        self,
        *,
        plan: Plan,
        where: str,
        board: Board,
        proofs: Sequence[Proof],
        clocks: Mapping[str, str],
        listed: tuple[StepLine, ...],
    ) -> None:
        super().__init__()
        self.board = board
        self._plan, self._where = plan, where
        self._proofs, self._clocks, self._listed = tuple(proofs), dict(clocks), listed

    def compose(self) -> ComposeResult:
        """Title, verdict, sentences."""
        yield Static(f"Finish  what is true now of {self._plan.workload.name}", id="run-title", markup=False)
        yield Static(f"on {self._where}", id="run-where", markup=False)
        with VerticalScroll(id="finish-body", can_focus=True):
            yield Painted(id="finish-text")
        yield Painted(fixed=True, id="run-summary")
        yield KeyLine()

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#finish-body").focus()
        self.set_interval(5, self.show_board)
        self.show_board()

    def on_resize(self) -> None:
        """The lines are as wide as the screen."""
        self.show_board()

    def show_board(self) -> None:
        """Something was looked at."""
        if not self.ready:
            return
        found = self._facts()
        width = max(40, self.size.width - 7)
        steps = [(title, self._own_keys(words)) for title, words in next_steps(self._plan)]
        self.query_one("#finish-text", Painted).show(finish_content(found, steps, width))
        words, colour = verdict(found, looking=self.board.running)
        self.query_one("#run-summary", Painted).show(Content.assemble((words, colour)))

    def action_plan(self) -> None:
        """The plan as YAML."""
        self.app.push_screen(SaveDialog("plan", f"{self._plan.workload.name}-plan.yaml"), self._saved)

    def action_script(self) -> None:
        """The commands of all that was reviewed."""
        if self._listed:
            self.app.push_screen(SaveDialog("script", "meshvm-onboard.sh", self._listed), self._saved)

    def action_copy(self) -> None:
        """The sentences as text."""
        self.app.copy_to_clipboard(as_text(self._facts()))
        self.notify("Copied: these sentences with their evidence.", markup=False)

    def action_watch(self) -> None:
        """The entries, live."""
        self.leave_by(WatchWanted())

    def action_home(self) -> None:
        """The sessions."""
        self.leave_by(FinishLeft(home=True))

    def action_leave(self) -> None:
        """The form."""
        self.leave_by(FinishLeft())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A script needs something that was reviewed while the app runs."""
        return None if action == "script" and not self._listed else True

    def _facts(self) -> list[Fact]:
        found = facts(self._plan, self.board, self._proofs, self._clocks, time.time())
        return [replace(fact, evidence=tuple(map(self._own_keys, fact.evidence))) for fact in found]

    def _own_keys(self, words: str) -> str:
        return with_own_keys(words, self.app, Enter="review.apply", W="finish.watch")

    def _saved(self, path: str | None) -> None:
        if path:
            self.notify(f"Saved: {path}", markup=False, timeout=15)
