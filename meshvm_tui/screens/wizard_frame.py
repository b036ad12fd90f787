"""The wizard's frame: what stands where, and how it is painted. What its keys do stands in `wizard`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.css.query import QueryType
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from meshvm_tui.events import Stage
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.board import STAGES, Board
from meshvm_tui.screens.clickable import Clickable
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.log_drawer import LogDrawer
from meshvm_tui.screens.messages import DraftEdited, PlanEdited, StageShown
from meshvm_tui.screens.observed import changes_words
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.panel import LivePanel
from meshvm_tui.screens.rail import cluster_words, narrow_line, rail, rail_places, top_line
from meshvm_tui.screens.row_list import MachineList
from meshvm_tui.screens.stage_pane import StagePane

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.plan_draft import Unfinished
    from meshvm_tui.screens.google_documents import Settings
    from meshvm_tui.screens.log_drawer import LogLine


class WizardFrame(AppScreen):
    """Top line, rail of stages, the form of one, the live panel, the log drawer."""

    CSS_PATH = "../styles/wizard.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-short"), (24, "-usual"), (40, "-tall")]  # noqa: RUF012 (as in Screen)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]  # noqa: RUF012 (as in Screen)

    def __init__(
        self, *, session: str, plan: Plan, stage: Stage, board: Board, unfinished: Unfinished | None = None
    ) -> None:
        super().__init__()
        self.session = session
        self.plan = plan
        self.unfinished: Unfinished = unfinished or {}
        """Parts that the plan cannot hold yet, with what is typed so far."""
        self.stage = stage
        self.board = board
        self.machine = 0
        self.settings: Settings = {}
        """gcloud's, once they were asked for."""
        self.touched = False
        self._saved = "saved"
        self._bound_to: tuple[Stage, bool, bool] | None = None

    def compose(self) -> ComposeResult:
        """Top line, narrow line, rail, form, panel, drawer, footer."""
        # The first frame is painted before the screen is told its size.
        self.add_class(*self._get_breakpoint_classes(self.app.size.width, self.HORIZONTAL_BREAKPOINTS))
        self.add_class(*self._get_breakpoint_classes(self.app.size.height, self.VERTICAL_BREAKPOINTS))
        yield Painted(fixed=True, id="top-line")
        yield Clickable(id="narrow-line")
        with Horizontal(id="wizard-body"):
            yield Clickable(id="rail")
            with Vertical(id="middle"):
                yield Painted(fixed=True, id="stage-title")
                yield ContentSwitcher(self._new_pane(self.stage), initial=_pane_id(self.stage), id="stages")
                yield Painted(id="why-not")
            yield LivePanel()
        yield LogDrawer(id="log-drawer")
        yield Painted(fixed=True, id="hidden-line")
        yield KeyLine()

    def on_mount(self) -> None:
        """Opens on the stage that it was told."""
        if self.ready:
            self._settle()

    def on_resize(self) -> None:
        """The lines are as wide as the screen."""
        width, height = self.app.size
        hidden = [words for words, gone in (("hints", width < 80), ("the stage's sentence", height < 24)) if gone]
        cramped = width < 80 or height < 16
        self.set_class(width < 80, "-cramped")
        self.set_class(cramped, "-hides")
        if self.ready and cramped:
            self.query_one("#hidden-line", Painted).show(f"Hidden at {width}x{height}: {' and '.join(hidden)}.")
        self.paint()

    @property
    def ready(self) -> bool:
        """Also its form is there: it goes before the screen does."""
        if not super().ready:
            return False
        # Asked for every key: a query would go through each line of every form.
        stages = self.query_one_optional("#stages", ContentSwitcher)
        panes = stages.children if stages else ()
        return any(pane.has_form for pane in panes if isinstance(pane, StagePane) and pane.stage is self.stage)

    @property
    def pane(self) -> StagePane:
        """The form that is seen."""
        return self.query_one(f"#{_pane_id(self.stage)}", StagePane)

    @property
    def focus_chain(self) -> list[Widget]:
        """The form's fields in their order, then the rest. Textual goes by where they are, and a line that has just
        come is nowhere until the next painting."""
        chain = super().focus_chain
        if not self.ready:
            return chain
        editors: list[Widget] = [row.editor for row in self.pane.rows() if not row.editor.disabled]
        above = self.pane.row_list
        if isinstance(above, MachineList) and above.display:
            editors.insert(0, above)
        return [*editors, *(widget for widget in chain if widget not in editors)]

    def focus_next(self, selector: str | type[QueryType] = "*") -> Widget | None:
        """The next field, also where the last key has just made it appear."""
        self._catch_up()
        return super().focus_next(selector)

    def focus_previous(self, selector: str | type[QueryType] = "*") -> Widget | None:
        """The field before, also where the last key has just made it appear."""
        self._catch_up()
        return super().focus_previous(selector)

    async def go_to(self, stage: Stage) -> None:
        """Shows another stage."""
        switcher = self.query_one("#stages", ContentSwitcher)
        if not self.query(f"#{_pane_id(stage)}"):
            await switcher.mount(self._new_pane(stage))
        if not self.query(f"#{_pane_id(stage)}"):
            return  # the app ended meanwhile
        self.stage = stage
        switcher.current = _pane_id(stage)
        self.pane.show_plan(self.plan, self.machine)
        self._settle()

    def _new_pane(self, stage: Stage) -> StagePane:
        return StagePane(
            stage, self.plan, self.accept, machine=self.machine, unfinished=self.unfinished, drafted=self.keep
        )

    def open_stages(self) -> list[Stage]:
        """The stages that can be shown: those before, and those up to the first that lacks something."""
        here = STAGES.index(self.stage)
        found = list(STAGES[: here + 1])
        draft = PlanDraft(self.plan, self.unfinished)
        why = self.pane.why_not_next()
        for stage in STAGES[here + 1 :]:
            if why:
                break
            found.append(stage)
            why = draft.lacking(stage)
        return found

    async def open_stage(self, stage: Stage) -> None:
        """Shows a stage that was chosen by name or clicked; one that cannot be shown yet says what it waits for."""
        self.touched = True
        self.pane.commit()
        if stage is self.stage:
            return
        if stage in self.open_stages():
            await self.go_to(stage)
            return
        self.paint_why()
        self.notify(f"{stage.value} waits for  {self._first_lack()}", markup=False)

    def _first_lack(self) -> str:
        draft = PlanDraft(self.plan, self.unfinished)
        why = self.pane.why_not_next()
        return why or next((words for stage in STAGES if (words := draft.lacking(stage))), "")

    @on(Clickable.Chosen, "#rail")
    @on(Clickable.Chosen, "#narrow-line")
    async def _stage_clicked(self, event: Clickable.Chosen) -> None:
        event.stop()
        await self.open_stage(Stage(event.name))

    def accept(self, plan: Plan) -> None:
        """A form made another plan: the app saves it."""
        self.touched = True
        self.plan = plan
        self.post_message(PlanEdited(plan))
        self.paint_panel()

    def keep(self, unfinished: Unfinished) -> None:
        """A form holds what the plan cannot hold yet: the app saves that too."""
        self.touched = True
        self.unfinished = unfinished
        self.post_message(DraftEdited(unfinished))

    def typed(self) -> Plan:
        """The plan with what the last keys typed, which the editor has not told yet."""
        self.pane.commit()
        return self.plan

    def show_board(self) -> None:
        """The engine told something."""
        self.paint()

    def show_saved(self, words: str) -> None:
        """Whether everything typed is on disk."""
        self._saved = words
        if self.ready:
            self._paint_top()

    def show_status(self, text: str) -> None:
        """What the app is doing while this screen waits, in the line above the keys."""
        self.query_one("#why-not", Painted).show(text)

    def show_log(self, lines: list[LogLine]) -> None:
        """New lines for the drawer."""
        if self.ready:
            self.query_one(LogDrawer).show_lines(lines)

    def close_panels(self) -> None:
        """Gives the keys back to the form."""
        self.remove_class("-panel-open", "-log-open")
        self.pane.focus_first()

    def _catch_up(self) -> None:
        if self.ready:
            self.pane.commit()

    def _settle(self) -> None:
        self.pane.focus_first()
        self.post_message(StageShown(self.stage))
        self.paint()

    def paint(self) -> None:
        """Paints all that depends on plan and board."""
        if not self.ready:
            return
        self._paint_top()
        self.query_one("#rail", Clickable).show_places(rail(self.board, self.stage), rail_places())
        self.pane.show_board(self.board)
        self.paint_panel()
        self.paint_why()

    def _paint_top(self) -> None:
        width = self.size.width
        self.query_one("#top-line", Painted).show(top_line(self.session, cluster_words(self.plan), self._saved, width))
        self.query_one("#narrow-line", Clickable).show_places(*narrow_line(self.board, self.stage, width))
        of_many = f"  {self.machine + 1} of {len(self.plan.machines)}" if len(self.plan.machines) > 1 else ""
        title = self.stage.value + (of_many if self.stage is Stage.MACHINE else "")
        self.query_one("#stage-title", Painted).show(title)

    def paint_panel(self) -> None:
        """Paints the live panel, where it is seen."""
        panel = self.query_one(LivePanel)
        if panel.display:
            panel.show(self.plan, self.stage, self.board, self.settings)

    @property
    def all_is_so(self) -> bool:
        """Whether everything up to the last stage is as planned: there is an end to be shown."""
        lines = self.board.upto(STAGES[-1])
        known = bool(lines) and all(line.known and not line.problem for line in lines)
        return known and not self.board.changes_upto(STAGES[-1])

    def paint_why(self) -> None:
        """Says why the stage cannot be left, or else what a run up to it would change; dims the key."""
        why = self.pane.why_not_next()
        line = self.query_one("#why-not", Painted)
        line.set_class(bool(why), "-waits")
        words = f"Next waits for  {why}" if why else changes_words(self.board, self.stage)
        line.show(with_own_keys(words, self.app))
        bound_to = (self.stage, bool(why), self.all_is_so)
        if bound_to != self._bound_to:
            self._bound_to = bound_to
            self.refresh_bindings()


def _pane_id(stage: Stage) -> str:
    return f"stage-{stage.value.lower()}"
