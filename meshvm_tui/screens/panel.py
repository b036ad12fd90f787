"""The live panel: what the fields make, as YAML, files and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from meshvm_tui.screens.clickable import Clickable, Place
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.preview import TABS, preview

if TYPE_CHECKING:
    from meshvm_tui.events import Stage
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import Board
    from meshvm_tui.screens.google_documents import Settings


class PanelBody(VerticalScroll, can_focus=True):
    """The text, scrolled by the arrows once it has the focus."""


class LivePanel(Vertical):
    """Three views of the same plan; the same in every stage."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "tab(1)", "Next view", show=False, id="panel.next-view", tooltip="the next view"),
        Binding("left", "tab(-1)", "View before", show=False, id="panel.view-before", tooltip="the view before"),
    ]

    def __init__(self) -> None:
        super().__init__(id="panel")
        self.tab = TABS[0]
        self._shown: tuple[Plan, Stage, Board, Settings] | None = None

    def compose(self) -> ComposeResult:
        """Tabs and text."""
        yield Clickable(id="panel-tabs")
        with PanelBody(id="panel-scroll"):
            yield Painted(id="panel-text")

    def show(self, plan: Plan, stage: Stage, board: Board, settings: Settings) -> None:
        """Shows what this plan makes at this stage; `settings` are gcloud's."""
        self._shown = (plan, stage, board, settings)
        self._paint()

    def on_clickable_chosen(self, event: Clickable.Chosen) -> None:
        """A click on a tab shows it."""
        event.stop()
        self.action_tab(TABS.index(event.name) - TABS.index(self.tab))

    def action_tab(self, by: int) -> None:
        """The neighbouring view."""
        self.tab = TABS[(TABS.index(self.tab) + by) % len(TABS)]
        self.query_one("#panel-scroll", PanelBody).scroll_home(animate=False)
        self._paint()

    def _paint(self) -> None:
        tabs = [(f" {tab} ", "$text-accent underline" if tab == self.tab else "$foreground-muted") for tab in TABS]
        places, start = [], 0
        for tab, (words, _) in zip(TABS, tabs, strict=True):
            places.append(Place(0, start, start + len(words), tab))
            start += len(words)
        line = Content.assemble(*tabs, (f"   {with_own_keys('^E', self.app)}", "$foreground-muted"))
        self.query_one("#panel-tabs", Clickable).show_places(line, places)
        if self._shown:
            self.query_one("#panel-text", Painted).show(preview(self.tab, *self._shown))
