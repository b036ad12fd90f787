"""The wizard: what its keys do. It edits the plan and nothing else; the rest it asks of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from meshvm_tui.events import Stage
from meshvm_tui.plan_fields import plan_with_machine_added, plan_without_machine
from meshvm_tui.screens.board import STAGES
from meshvm_tui.screens.dialogs import PickDialog, ProblemDialog
from meshvm_tui.screens.field_row import FieldRow
from meshvm_tui.screens.log_drawer import LogDrawer
from meshvm_tui.screens.messages import PlanEdited, Question, ReviewWanted, WatchWanted, WizardLeft
from meshvm_tui.screens.panel import LivePanel
from meshvm_tui.screens.stage_pane import StagePane
from meshvm_tui.screens.wizard_frame import WizardFrame
from meshvm_tui.screens.wizard_help import HELP

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.board import Board

QUESTIONS = {"contexts": "Contexts of the kubeconfig", "revisions": "Revisions that run"}


class WizardScreen(WizardFrame):
    """The eight stages. The app gives it what is observed and answered, and takes its intents."""

    help_text = HELP
    # Priority where an editor has the key for itself, or where what is typed fast must not outrun the focus.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "advance", "Next field", show=False, priority=True),
        Binding("ctrl+n", "next", "Next", key_display="^N", priority=True),
        Binding("ctrl+a", "apply", "Apply", key_display="^A", priority=True),
        Binding("escape", "back", "Back", key_display="esc"),
        Binding("pagedown", "scroll_form(1)", "Down", show=False),
        Binding("pageup", "scroll_form(-1)", "Up", show=False),
        Binding("f2", "panel", "Panel", key_display="F2"),
        Binding("f3", "pick", "Pick", key_display="F3"),
        Binding("f6", "watch", "Watch", key_display="F6"),
        Binding("ctrl+e", "panel_tab", "View", key_display="^E", show=False, priority=True),
        Binding("ctrl+l", "log", "Log", key_display="^L", priority=True),
    ]

    def __init__(self, *, session: str, plan: Plan, stage: Stage, board: Board) -> None:
        super().__init__(session=session, plan=plan, stage=stage, board=board)
        self._picking: FieldRow | None = None

    def show_plan(self, plan: Plan) -> None:
        """The plan was changed by somebody else than this screen's fields."""
        self.plan = plan
        for pane in self.query(StagePane):
            pane.show_plan(plan, min(self.machine, max(0, len(plan.machines) - 1)))
        self.paint()

    def show_answer(self, choices: tuple[tuple[str, str], ...]) -> None:
        """The answer to what was asked for picking."""
        row, self._picking = self._picking, None
        if row is None:
            return
        if not choices:
            self.notify("There is nothing to pick from.", markup=False)
            return

        def picked(value: str | None) -> None:
            if value:
                self.pane.put(row.field.name, value)

        self.app.push_screen(PickDialog(QUESTIONS[row.field.pick], choices), picked)

    def show_refusal(self, problem: ProblemRecord) -> None:
        """What was asked for picking cannot be answered."""
        self._picking = None
        self.app.push_screen(ProblemDialog(problem, go_on="close"))

    async def action_advance(self) -> None:
        """The next field; after the last, the next stage."""
        self.touched = True
        if not self.pane.focus_after():
            await self.action_next()

    async def action_next(self) -> None:
        """The next stage, if this one can be left."""
        self.touched = True
        self.pane.commit()
        if self._blocked() or self.stage is STAGES[-1]:
            return
        await self.go_to(STAGES[STAGES.index(self.stage) + 1])

    async def action_back(self) -> None:
        """The stage before; from the first one, home."""
        self.touched = True
        if self.focused in (self.query_one(LogDrawer), self.query_one("#panel-scroll")):
            self.close_panels()
            return
        self.pane.commit()
        if self.stage is STAGES[0]:
            self.leave_by(WizardLeft())
            return
        await self.go_to(STAGES[STAGES.index(self.stage) - 1])

    def action_apply(self) -> None:
        """Everything up to here, after a review."""
        self.touched = True
        self.pane.commit()
        if not self._blocked():
            self.leave_by(ReviewWanted(self.stage))

    def action_scroll_form(self, pages: int) -> None:
        """What is there may be longer than the screen."""
        self.pane.scroll_relative(y=pages * max(1, self.pane.size.height - 2), animate=False)

    def action_pick(self) -> None:
        """Asks for what can be picked in this field."""
        row = next((row for row in self.pane.rows() if row.editor is self.focused), None)
        if row is None or not row.field.pick:
            row = next((row for row in self.pane.rows() if row.field.pick), None)
        if row is None:
            self.notify("Nothing can be picked on this stage.", markup=False)
            return
        self._picking = row
        self.post_message(Question(row.field.pick))

    def action_watch(self) -> None:
        """The entries, live."""
        self.leave_by(WatchWanted())

    def action_panel(self) -> None:
        """The panel gets the keys, and where it was hidden it is shown; once more gives them back."""
        body = self.query_one("#panel-scroll")
        if self.focused is body:
            self.close_panels()
            return
        self.add_class("-panel-open")
        self.paint_panel()
        self.set_focus(body)

    def action_panel_tab(self) -> None:
        """The panel's next view."""
        self.add_class("-panel-open")
        self.paint_panel()
        self.query_one(LivePanel).action_tab(1)

    def action_log(self) -> None:
        """Opens the log, or closes it."""
        drawer = self.query_one(LogDrawer)
        self.toggle_class("-log-open")
        if self.has_class("-log-open"):
            self.set_focus(drawer)
        else:
            self.pane.focus_first()

    def action_add_machine(self) -> None:
        """One more machine, in the form at once."""
        self._machines_changed(plan_with_machine_added(self.plan), len(self.plan.machines))

    def action_remove_machine(self) -> None:
        """The machine in the form leaves the plan; nothing on it changes."""
        if len(self.plan.machines) > 1:
            self._machines_changed(plan_without_machine(self.plan, self.machine), 0)

    def action_other_machine(self) -> None:
        """The plan's next machine in the form."""
        if self.plan.machines:
            self._show_machine((self.machine + 1) % len(self.plan.machines))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Next is dim until the stage can be left; picking is there where it can be done."""
        if not self.ready:
            return True
        if action == "next":
            return None if self.pane.why_not_next() or self.stage is STAGES[-1] else True
        if action == "watch":
            return STAGES.index(self.stage) >= STAGES.index(Stage.WORKLOAD)
        if action == "pick":
            return any(row.field.pick for row in self.pane.rows())
        return True

    @on(StagePane.Judged)
    def _judged(self, event: StagePane.Judged) -> None:
        event.stop()
        self.paint_why()

    def _blocked(self) -> bool:
        why = self.pane.why_not_next()
        self.paint_why()
        if why:
            self.pane.focus_first()
        return bool(why)

    def _machines_changed(self, plan: Plan, machine: int) -> None:
        self.plan = plan
        self.post_message(PlanEdited(plan))
        self._show_machine(machine)

    def _show_machine(self, machine: int) -> None:
        self.machine = machine
        if self.query("#stage-machine"):
            self.query_one("#stage-machine", StagePane).show_plan(self.plan, machine)
        self.paint()
