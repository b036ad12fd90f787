"""Review: everything that a run up to a stage would change, by stage, with its diff and the commands by hand.

Enter applies only once everything is listed: what was not shown is never approved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from meshvm_tui.events import PASSING_ACTIONS
from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.dialogs import ProblemDialog
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.messages import HostKeyAccepted, ReviewWanted, RunLeft, RunWanted, SecretGiven
from meshvm_tui.screens.observed import problem_parts
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.preview import command_parts, diff_parts
from meshvm_tui.screens.secret_dialog import SecretDialog, wanted_secret

if TYPE_CHECKING:
    from meshvm_tui.events import Change, Stage
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.board import Board, StepLine

UNKNOWN_HOST_KEY = "MVM-404"
SIGNS = {"create": "+", "update": "~", "delete": "-", "run": ">", "probe": "?", "grant": "*"}
HELP = """\
Up and Down choose another change; its diff and its commands are below, Tab gives them the arrows.

+ is created   ~ is changed   - is deleted   > is run
? is asked (a probe)   * is opened for this run alone (SSH access)

Where something cannot be known before an earlier change is done, it is shown as it is expected; what cannot be \
expected is shown again before it is done.
"""


class ReviewScreen(AppScreen):
    """The changes at the top, the chosen one's diff and commands below."""

    CSS_PATH = "../styles/run.tcss"
    help_title = "Review"
    help_text = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Apply", priority=True, tooltip="applies everything that is listed"),
        Binding("escape", "leave", "Back", tooltip="back to the form; nothing was changed"),
    ]

    def __init__(self, *, stage: Stage, where: str, board: Board) -> None:
        super().__init__()
        self.stage = stage
        self.board = board
        self._where = where
        self._changes: list[tuple[StepLine, Change]] = []
        self._ended = False

    def compose(self) -> ComposeResult:
        """Title, list, detail."""
        yield Static(f"Review  everything up to {self.stage.value}", id="run-title", markup=False)
        yield Static(f"on {self._where}", id="run-where", markup=False)
        yield OptionList(id="review-list", compact=True)
        with VerticalScroll(id="review-detail", can_focus=True):
            yield Static("", id="review-text")
        yield Painted(fixed=True, id="run-summary")
        yield KeyLine()

    def on_mount(self) -> None:
        """Says at once that it looks."""
        self.query_one("#run-summary", Painted).show(self._summary())

    def show_board(self) -> None:
        """The engine told something."""
        if not self.ready:
            return
        found = [(line, change) for line in self.board.upto(self.stage) for change in line.changes]
        if found != self._changes:
            self._changes = found
            menu = self.query_one(OptionList)
            at = menu.highlighted
            menu.set_options(self._options())
            if menu.option_count:
                # The very first line names a stage and cannot be chosen.
                menu.highlighted = 1 if at is None else min(at, menu.option_count - 1)
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

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Shows the change under the cursor."""
        if event.option_id is None:
            return
        line, change = self._changes[int(event.option_id)]
        self.query_one("#review-text", Static).update(_detail(line, change))
        self.query_one("#review-detail").scroll_home(animate=False)

    def action_apply(self) -> None:
        """Applies what is shown."""
        if self._can_apply():
            self.leave_by(RunWanted(self.stage))

    def action_leave(self) -> None:
        """Back to the form."""
        self.leave_by(RunLeft(self.stage, onward=False))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim until everything is listed."""
        return None if action == "apply" and not self._can_apply() else True

    def _can_apply(self) -> bool:
        return self._ended and (bool(self._changes) or not self.board.problems())

    def _conclude(self) -> None:
        """The list is complete, or a problem stands in its way."""
        failed = next(iter(self.board.problems()), None)
        if failed is None or failed.problem is None:
            return
        if not self._changes:
            self.query_one("#review-text", Static).update(
                Content.assemble(*problem_parts(failed, max(40, self.size.width - 6)))
            )
        self._ask(failed, failed.problem)

    def _ask(self, failed: StepLine, problem: ProblemRecord) -> None:
        fingerprint = dict(problem.evidence).get("fingerprint", "")
        key = problem.code == UNKNOWN_HOST_KEY and fingerprint
        kind, subject = wanted_secret(problem)

        def answered(go_on: bool | None) -> None:
            if not go_on:
                return
            if key:
                self.leave_by(HostKeyAccepted(failed.machine, fingerprint, self.stage))
            elif kind:
                self.app.push_screen(SecretDialog(kind, subject), lambda secret: self._give(kind, subject, secret))
            else:
                self.leave_by(ReviewWanted(self.stage))

        go_on = "accept this key and go on" if key else "type it in" if kind else "look again"
        self.app.push_screen(ProblemDialog(problem, go_on=go_on), answered)

    def _give(self, kind: str, subject: str, secret: str | None) -> None:
        if secret:
            self.leave_by(SecretGiven(kind, subject, secret, self.stage))

    def _summary(self) -> str:
        if not self._ended:
            return "Looking at what is there …"
        failed = next(iter(self.board.problems()), None)
        stops = f"   ! it stops at: {failed.title}" if failed else ""
        actions = [change.action for _, change in self._changes]
        changes, probes = sum(action not in PASSING_ACTIONS for action in actions), actions.count("probe")
        asked = f", {probes} probe{'' if probes == 1 else 's'}" if probes else ""
        if not self._changes:
            return f"Nothing can be listed{stops}" if failed else "Nothing to change. Enter goes through it once more."
        return f"{changes} change{'' if changes == 1 else 's'}{asked}. Enter applies them.{stops}"

    def _options(self) -> list[Option | None]:
        options: list[Option | None] = []
        stage = None
        for index, (line, change) in enumerate(self._changes):
            if line.stage is not stage:
                stage = line.stage
                options.append(Option(Content.styled(stage.value, "$foreground-muted"), disabled=True))
            machine = f"  {line.machine}" if line.machine else ""
            options.append(
                Option(
                    Content.assemble(
                        (f"  {SIGNS.get(change.action, '·')} ", "$text-accent"),
                        (f"{change.action:<8}", "$foreground-muted"),
                        (printable(change.target), "$foreground"),
                        (machine, "$foreground-muted"),
                    ),
                    id=str(index),
                )
            )
        return options


def _detail(line: StepLine, change: Change) -> Content:
    parts: list[tuple[str, str]] = []
    if line.message:
        parts.append((f"{printable(line.message)}\n\n", "$foreground-muted"))
    if change.commands:
        parts += [("By hand\n", "$foreground-muted"), *command_parts(change.commands), ("\n", "")]
    parts += diff_parts(change.diff)
    return Content.assemble(*parts)
