"""Review: everything that a run up to a stage would change, by stage, with its diff and the commands by hand.

Enter applies only once everything is listed: what was not shown is never approved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static

from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.messages import (
    ReviewWanted,
    RunLeft,
    RunWanted,
    ServerAnswer,
    TrialLeft,
    TrialWanted,
)
from meshvm_tui.screens.observed import problem_parts
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.problem_ways import Once, ask
from meshvm_tui.screens.review_lines import commands_of, detail, options, server_words, summary
from meshvm_tui.screens.save_dialog import SaveDialog

if TYPE_CHECKING:
    from textual import events

    from meshvm_tui.events import Stage
    from meshvm_tui.plan import Plan
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.board import Board
    from meshvm_tui.screens.review_lines import Listed

SCRIPT_NAME = "meshvm-onboard.sh"
HELP = """\
Up and Down choose another change; its diff and its commands are below or beside it, Tab gives them the arrows.

+ is created   ~ is changed   - is deleted   > is run
? is asked (a probe)   * is opened for this run alone (SSH access)

Where something cannot be known before an earlier change is done, it is shown as it is expected; what cannot be \
expected is shown again before it is done.
"""


class ReviewScreen(AppScreen):
    """The changes, and the chosen one's diff and commands below or beside them."""

    CSS_PATH = "../styles/run.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 (as in Screen)
    help_title = "Review"
    help_text = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Apply", priority=True, tooltip="applies everything that is listed"),
        Binding("escape", "leave", "Back", tooltip="back to the form; nothing was changed"),
        Binding("c", "copy", "Copy", tooltip="copies the commands of this change"),
        Binding("C", "copy_all", "Copy all", tooltip="copies every command, in the order of the stages"),
        Binding("s", "script", "Script", tooltip="saves all of it as a shell script, to be run by hand"),
        Binding("d", "server", "Dry run", tooltip="asks the server whether it would take each object; changes nothing"),
    ]

    def __init__(self, *, stage: Stage, where: str, board: Board, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self.stage = stage
        self.board = board
        self._where = where
        self._changes: list[Listed] = []
        self._answers: dict[tuple[str, str], ServerAnswer] = {}
        self._asking: bool | None = None
        self._ended = False

    def compose(self) -> ComposeResult:
        """Title, list, detail."""
        yield Static(f"Review  everything up to {self.stage.value}", id="run-title", markup=False)
        yield Static(f"on {self._where}", id="run-where", markup=False)
        with Container(id="review-body"):
            yield OptionList(id="review-list", compact=True)
            with VerticalScroll(id="review-detail", can_focus=True):
                yield Static("", id="review-text", markup=False)
        yield Painted(fixed=True, id="review-server")
        yield Painted(fixed=True, id="run-summary")
        yield KeyLine()

    def on_mount(self) -> None:
        """Says at once that it looks."""
        self.query_one("#run-summary", Painted).show(self._summary())

    def on_resize(self, event: events.Resize) -> None:
        """The lines are as wide as the list."""
        self.call_after_refresh(self._show_list)

    def show_board(self) -> None:
        """The engine told something."""
        if not self.ready:
            return
        found = [(line, change) for line in self.board.upto(self.stage) for change in line.changes]
        if found != self._changes:
            self._changes = found
            self._show_list()
        if self._ended:
            return
        if self.board.finished and not self.board.running:
            self._ended = True
            self._conclude()
            self.refresh_bindings()
        self.query_one("#run-summary", Painted).show(self._summary())

    def show_status(self, text: str) -> None:
        """What the app is doing for this screen."""
        self.query_one("#run-summary", Painted).show(text)

    def show_answer(self, answer: ServerAnswer | None, problem: ProblemRecord | None) -> None:
        """The server's word on one change; None after the last, with the problem that stood in the way."""
        if answer:
            self._answers[answer.step, answer.target] = answer
        else:
            self._asking = False
        if not self.ready:
            return
        self._show_list()
        self._show_change()
        words = f"! {problem.code} {problem.title}: {problem.cause}" if problem else self._server_words()
        self.query_one("#review-server", Painted).show(printable(words))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Shows the change under the cursor."""
        self._show_change()
        self.query_one("#review-detail").scroll_home(animate=False)

    def action_apply(self) -> None:
        """Applies what is shown."""
        if self._can_apply():
            self.post_message(TrialLeft())
            self.leave_by(RunWanted(self.stage))

    def action_leave(self) -> None:
        """Back to the form."""
        self.post_message(TrialLeft())
        self.leave_by(RunLeft(self.stage, onward=False))

    def action_copy(self) -> None:
        """The commands of the change under the cursor, or of its step where the step is done by the same ones."""
        if (at := self._here()) is None:
            return
        line, change = self._changes[at]
        commands = change.commands or next((item.commands for item in line.changes if item.commands), ())
        self._copy("\n".join(commands), f"Copied: {line.title}, by hand.")

    def action_copy_all(self) -> None:
        """Every command, in its order."""
        self._copy(commands_of(self._changes), "Copied: every command, in the order of the stages.")

    def action_script(self) -> None:
        """Everything as a script."""
        if self._ended and self._changes:
            self.app.push_screen(SaveDialog("script", SCRIPT_NAME, self.board.upto(self.stage)), self._saved)

    def action_server(self) -> None:
        """Asks the server about each object; nothing is changed by it."""
        if self._ended and self._changes and not self._asking:
            self._asking, self._answers = True, {}
            self.query_one("#review-server", Painted).show(self._server_words())
            self.set_class(True, "-asked")
            self.post_message(TrialWanted(self.stage))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim until everything is listed."""
        if action == "apply":
            return True if self._can_apply() else None
        if action in ("script", "server"):
            return True if self._ended and self._changes else None
        if action in ("copy", "copy_all"):
            return True if self._changes else None
        return True

    def _can_apply(self) -> bool:
        return self._ended and (bool(self._changes) or not self.board.problems())

    def _here(self) -> int | None:
        option = self.query_one(OptionList).highlighted_option
        return int(option.id) if option and option.id is not None else None

    def _show_list(self) -> None:
        if not self.ready:
            return
        menu = self.query_one(OptionList)
        at = menu.highlighted
        menu.set_options(options(self._changes, self._answers, max(30, menu.scrollable_content_region.width - 1)))
        if menu.option_count:
            # The very first line names a stage and cannot be chosen.
            menu.highlighted = 1 if at is None else min(at, menu.option_count - 1)

    def _show_change(self) -> None:
        if (at := self._here()) is not None:
            line, change = self._changes[at]
            self.query_one("#review-text", Static).update(
                detail(line, change, self._answers.get((line.step, change.target)))
            )

    def _copy(self, text: str, words: str) -> None:
        if not text:
            self.notify("There is no command for this one: it is only waited for.", markup=False)
            return
        self.app.copy_to_clipboard(text)
        self.notify(words, markup=False)

    def _saved(self, path: str | None) -> None:
        if path:
            self.notify(f"Saved: {path}. Run it with: sh {path}", markup=False, timeout=15)

    def _conclude(self) -> None:
        """The list is complete, or a problem stands in its way."""
        failed = next(iter(self.board.problems()), None)
        if failed is None or failed.problem is None:
            return
        if not self._changes:
            self.query_one("#review-text", Static).update(
                Content.assemble(*problem_parts(failed, max(40, self.size.width - 6)))
            )
        ask(self, failed, plan=self._plan, stage=self.stage, once=Once("look again", ReviewWanted(self.stage)))

    def _server_words(self) -> str:
        return server_words(self._answers, asking=bool(self._asking))

    def _summary(self) -> Content:
        if not self._ended:
            return Content("Looking at what is there …")
        enter = with_own_keys("Enter", self.app, Enter="review.apply")
        failed = next(iter(self.board.problems()), None)
        words = summary(self._changes, failed, max(40, self.size.width - 4), enter)
        done, mark, stops = words.partition("! stops at")
        return Content.assemble(done, (f"{mark}{stops}", "$text-warning"))
