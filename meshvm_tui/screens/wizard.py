"""The wizard: what its keys do. It edits the plan and nothing else; the rest it asks of the app."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from meshvm_tui.events import Stage
from meshvm_tui.screens.app_screen import FieldHelp
from meshvm_tui.screens.board import STAGES
from meshvm_tui.screens.field_row import FieldRow
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.log_drawer import LogDrawer
from meshvm_tui.screens.messages import FinishWanted, Question, ReviewWanted, WatchWanted, WizardLeft
from meshvm_tui.screens.panel import LivePanel
from meshvm_tui.screens.pick_dialog import PickDialog
from meshvm_tui.screens.row_list import RowList
from meshvm_tui.screens.stage_forms import FORMS
from meshvm_tui.screens.stage_pane import StagePane
from meshvm_tui.screens.wizard_help import HELP, help_of
from meshvm_tui.screens.wizard_lists import WizardLists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshvm_tui.candidates import Candidate, Found
    from meshvm_tui.plan import Plan
    from meshvm_tui.plan_draft import Unfinished
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.app_screen import Command
    from meshvm_tui.screens.board import Board

QUESTIONS = {
    "contexts": ("Contexts of the kubeconfig", "Reading the kubeconfig"),
    "revisions": ("Revisions that run", "Asking the cluster"),
    "namespaces": ("Namespaces", "Asking the cluster"),
    "service-accounts": ("ServiceAccounts", "Asking the cluster"),
    "workload-groups": ("WorkloadGroups that exist", "Asking the cluster"),
    "gateways": ("Gateways that exist", "Asking the cluster"),
    "gke-clusters": ("GKE clusters", "Asking Google"),
    "gce-instances": ("Compute Engine instances", "Asking Google"),
    "gce-zones": ("Zones", "Asking Google"),
    "gce-machine-types": ("Machine types", "Asking Google"),
    "gce-images": ("Image families", "Asking Google"),
    "gce-networks": ("VPC networks", "Asking Google"),
    "gce-subnets": ("Subnets", "Asking Google"),
}
"""Title, and what is said while the answer is awaited."""
UNASKED = ("contexts", "revisions")
"""Questions that cost nothing and that no cloud is asked."""
DEFAULTS = "google-defaults"
TOKENS = count(1)
"""Each question has its own, over all wizards: an answer that comes late is nobody else's."""


class WizardScreen(WizardLists):
    """The eight stages. The app gives it what is observed and answered, and takes its intents."""

    # Priority where an editor has the key for itself, or where what is typed fast must not outrun the focus.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "advance",
            "Next field",
            show=False,
            priority=True,
            tooltip="the next field; after the last one, the next stage",
        ),
        Binding("ctrl+n", "next", "Next", priority=True, tooltip="the next stage, once this one lacks nothing"),
        Binding(
            "ctrl+a",
            "apply",
            "Review",
            priority=True,
            tooltip="lists every change up to here, with its commands; nothing changes before you approve it there",
        ),
        Binding("f7", "finish", "Finish", tooltip="after the last stage: what is true now, with its evidence"),
        Binding("escape", "back", "Back", tooltip="the stage before; from the first one, home"),
        Binding("pagedown", "scroll_form(1)", "Down", show=False, tooltip="the rest of what is there now"),
        Binding("pageup", "scroll_form(-1)", "Up", show=False, tooltip="back up"),
        Binding("f2", "panel", "Panel", tooltip="the panel: what the fields make; again: back"),
        Binding("f3", "pick", "Pick", tooltip="picks from what exists, where the field has a list"),
        Binding("f4", "list('Files')", "Files", tooltip="the list of the five files, and back; Enter opens one"),
        Binding("f4", "list('Machine')", "VMs", tooltip="the table of VMs, and back; A adds one, X leaves one out"),
        Binding("f6", "watch", "Watch", tooltip="the WorkloadEntries, live"),
        Binding(
            "ctrl+e",
            "panel_tab",
            "View",
            show=False,
            priority=True,
            tooltip="the panel's next view: yaml, files, commands",
        ),
        Binding("ctrl+l", "log", "Log", priority=True, tooltip="the log, or back to the form"),
    ]

    def __init__(
        self, *, session: str, plan: Plan, stage: Stage, board: Board, unfinished: Unfinished | None = None
    ) -> None:
        super().__init__(session=session, plan=plan, stage=stage, board=board, unfinished=unfinished)
        self._picker: PickDialog | None = None

    def show_plan(self, plan: Plan) -> None:
        """The plan was changed by somebody else than this screen's fields."""
        self.plan = plan
        for pane in self.query(StagePane):
            pane.show_plan(plan, min(self.machine, max(0, len(plan.machines) - 1)))
        self.paint()

    def show_answer(self, topic: str, token: int, found: Found, problem: ProblemRecord | None) -> None:
        """The answer to what was asked: for the dialog that asked it, or for the hints of the fields."""
        if topic == DEFAULTS:
            self.settings = {item.value: (item.columns[0], item.columns[1]) for item in found.candidates}
            for pane in self.query(StagePane):
                pane.show_defaults(self.settings)
            if self.ready:
                self.paint_panel()
        elif self._picker is None or self._picker.token != token:
            return
        elif problem:
            self._picker.show_problem(problem)
        else:
            self._picker.show_found(found)

    async def action_advance(self) -> None:
        """The next field; after the last, the next stage."""
        self.touched = True
        self.pane.commit()
        if isinstance(self.focused, RowList):
            self.focused.action_select()
        elif not self.pane.focus_after():
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
        if self._covers_form():
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

    async def action_pick(self) -> None:
        """Asks for what can be picked in this field, in a dialog that is there at once."""
        pane = self.pane
        row = self._row_to_pick()
        if row is None:
            fields = ", ".join(row.field.label.strip() for row in pane.rows() if pane.pick_of(row))
            words = f"F3 picks in: {fields}." if fields else "Nothing can be picked on this stage."
            self.notify(with_own_keys(words, self.app), markup=False)
            return
        pane.commit()
        about = pane.about(row)

        def ask() -> int:
            token = next(TOKENS)
            self.post_message(Question(row.field.pick, token, about))
            return token

        def picked(candidate: Candidate | None) -> None:
            self._picker = None
            if candidate:
                pane.put(candidate.fills or ((row.field.path, candidate.value),))

        self._picker = PickDialog(*QUESTIONS[row.field.pick], ask, now=row.text)
        await self.app.push_screen(self._picker, picked)

    def action_watch(self) -> None:
        """The entries, live."""
        self.leave_by(WatchWanted())

    def action_finish(self) -> None:
        """What is true now."""
        self.leave_by(FinishWanted())

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

    def about(self) -> tuple[str, str, str]:
        """The stage, and what holds in all of them."""
        return self.stage.value, FORMS[self.stage].sentence, HELP

    def field_help(self) -> FieldHelp | None:
        """The field with the cursor, in the words of the plan."""
        row = next((row for row in self.pane.rows() if row.editor is self.focused), None)
        return help_of(row.field) if row else None

    def commands(self) -> Iterator[Command]:
        """The stages, and the plan's machines."""
        for stage in self.open_stages():
            if stage is not self.stage:
                words = "Shows it; nothing is changed"
                yield f"Go to stage: {stage.value}", words, partial(self.open_stage, stage)
        yield "Finish", "What is true now, with its evidence", partial(self.leave_by, FinishWanted())
        machines = self.plan.machines
        if len(machines) > 1:
            yield "Machine: next", "The plan's next machine in the form", self.action_other_machine
            yield "Machine: remove", "Leave this VM out of the plan", self.action_ask_remove_machine
        yield "Machine: add", "One more VM in the same WorkloadGroup", self.action_add_machine

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Next is dim until the stage can be left; picking is there where it can be done."""
        if not self.ready:
            return True
        last = self.stage is STAGES[-1]
        if action == "finish" or (action == "next" and last and self.all_is_so):
            return last and self.all_is_so and action == "finish"
        if action == "next":
            return None if self.pane.why_not_next() or last else True
        if action == "list":
            return parameters == (self.stage.value,)
        if action == "watch":
            return STAGES.index(self.stage) >= STAGES.index(Stage.FILES)
        return action != "pick" or any(self.pane.pick_of(row) for row in self.pane.rows())

    @on(StagePane.Judged)
    def _judged(self, event: StagePane.Judged) -> None:
        event.stop()
        self.paint_why()

    @on(StagePane.DefaultsWanted)
    def _defaults_wanted(self, event: StagePane.DefaultsWanted) -> None:
        event.stop()
        self.post_message(Question(DEFAULTS))

    def _covers_form(self) -> bool:
        """Whether the panel or the log is what the operator looks at."""
        covered = self.has_class("-panel-open") and not self.has_class("-wide")
        listed = isinstance(self.focused, RowList)
        return covered or listed or self.has_class("-log-open") or self.focused is self.query_one("#panel-scroll")

    def _row_to_pick(self) -> FieldRow | None:
        """The field with the cursor; where nothing can be picked in it, the stage's one for which Google is not
        asked: that is done for the field with the cursor only."""
        pickable = [row for row in self.pane.rows() if self.pane.pick_of(row)]
        here = next((row for row in pickable if row.editor is self.focused), None)
        return here or next((row for row in pickable if row.field.pick in UNASKED), None)

    def _blocked(self) -> bool:
        why = self.pane.why_not_next()
        self.paint_why()
        if why:
            self.pane.focus_first()
        return bool(why)
