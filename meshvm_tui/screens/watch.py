"""WorkloadEntries live: as a screen of the wizard, and as the monitor, which needs no session and only reads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from meshvm_tui.durations import span
from meshvm_tui.problems import ProblemRecord
from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.live_table import Key, LiveRow, LiveTable
from meshvm_tui.screens.messages import WatchLeft
from meshvm_tui.screens.painted import Painted

ENTRIES = (
    ("NAME", 0, 0),
    ("GROUP", 8, 18),
    ("ADDRESS", 15, 18),
    ("CONNECTED", 9, 24),
    ("HEALTHY", 8, 22),
    ("AGE", 6, 7),
)
GROUPS = (("NAME", 0, 0), ("SERVICEACCOUNT", 16, 24), ("PROBE", 16, 24), ("AGE", 6, 7))
HELP = """\
Up and Down choose another entry; the line below says it in full. This screen only reads.

CONNECTED  since when the VM's sidecar is connected to istiod, or when it left: the entry goes ten seconds later
HEALTHY    what the group's probe last said; – where it has none
"""


class WatchScreen(AppScreen):
    """The entries of a namespace, or of all (`namespace` None)."""

    CSS_PATH = "../styles/watch.tcss"
    help_title = "Watch"
    help_text = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", tooltip="back"),
        Binding("slash", "filter", "Filter", tooltip="filters; Enter keeps it, Esc takes it away"),
        Binding("g", "groups", "Groups", tooltip="WorkloadGroups instead of entries, and back"),
    ]

    def __init__(self, *, namespace: str | None) -> None:
        super().__init__()
        self._namespace = namespace
        self._cluster = ""
        self._trouble = ""
        self._problem = ""
        self._synced = False
        self._last: float | None = None

    def compose(self) -> ComposeResult:
        """Head, tables, the row in full, filter."""
        everywhere = self._namespace is None
        yield Painted(id="watch-head")
        yield LiveTable(ENTRIES, qualified=everywhere, id="entries")
        yield LiveTable(GROUPS, qualified=everywhere, id="groups")
        yield Painted(id="watch-row")
        yield Input(placeholder="filter", compact=True, id="watch-filter")
        yield KeyLine()

    def on_mount(self) -> None:
        """Ages grow by themselves."""
        self.set_focus(self.query_one("#entries"))
        self.set_interval(1, self._paint)
        self._paint()

    def show_entries(self, changed: Iterable[LiveRow], removed: Iterable[Key], *, reset: bool) -> None:
        """What changed of the entries."""
        if not self.ready:
            return
        self.query_one("#entries", LiveTable).change(changed, removed, reset=reset)
        self._paint()

    def show_groups(self, changed: Iterable[LiveRow], removed: Iterable[Key], *, reset: bool) -> None:
        """What changed of the groups."""
        if not self.ready:
            return
        self.query_one("#groups", LiveTable).change(changed, removed, reset=reset)
        self._paint()

    def show_liveness(
        self, *, synced: bool, trouble: str, last: float | None, context: str, namespace: str | None
    ) -> None:
        """Whether it is live; `last` is when the cluster last told anything."""
        self._synced, self._last = synced, last
        self._trouble = trouble or self._problem
        self._cluster, self._namespace = context, namespace if context else self._namespace

    def show_problem(self, problem: ProblemRecord) -> None:
        """The watch cannot go on by itself."""
        self._problem = f"{problem.code} {problem.title}: {problem.cause} {problem.next_action}"
        self._trouble = self._problem
        self._paint()

    def action_leave(self) -> None:
        """Takes the filter away, or leaves."""
        box = self.query_one("#watch-filter", Input)
        if self.has_class("-filtering") or box.value:
            box.value = ""
            self.remove_class("-filtering")
            self.set_focus(self._table())
            return
        self.leave_by(WatchLeft())

    def action_filter(self) -> None:
        """Asks for a text that rows must contain."""
        self.add_class("-filtering")
        self.set_focus(self.query_one("#watch-filter", Input))

    def action_groups(self) -> None:
        """Groups instead of entries, and back."""
        self.toggle_class("-groups")
        self.set_focus(self._table())
        self._paint()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another filter."""
        for table in self.query(LiveTable):
            table.filter(event.value)
        self._paint()

    def on_input_submitted(self) -> None:
        """Keeps the filter and goes back to the rows."""
        self.set_focus(self._table())

    def on_live_table_moved(self) -> None:
        """Another row is under the cursor."""
        self._paint_row()

    def _table(self) -> LiveTable:
        return self.query_one("#groups" if self.has_class("-groups") else "#entries", LiveTable)

    def _paint(self) -> None:
        if not self.ready:
            return
        table = self._table()
        kind = "WorkloadGroup" if self.has_class("-groups") else "WorkloadEntry"
        count = table.row_count
        what = f"{count} {kind if count == 1 else kind.replace('Entry', 'Entrie') + 's'}"
        if table.shown_count != count:
            what += f", {table.shown_count} shown"
        self.query_one("#watch-head", Painted).show(
            Content.assemble(
                (f" {printable(self._namespace or 'all namespaces')}", "bold"),
                (f"  {printable(self._cluster)}", "$foreground-muted"),
                (f"   {what}   ", "$foreground"),
                self._live_words(),
            )
        )
        table.refresh()
        self._paint_row()

    def _paint_row(self) -> None:
        row = self._table().current()
        words = self._nothing_words()
        if row is not None:
            name, *rest = row.cells(time.time())
            words = "   ".join([f"{row.key[0]}/{name}", *rest])
        self.query_one("#watch-row", Painted).show(f" {printable(words)}")

    def _nothing_words(self) -> str:
        """Why the table is empty, where it is."""
        table = self._table()
        if table.row_count and not table.shown_count:
            return "No row has this text."
        if table.row_count or not self._synced or self._trouble:
            return ""
        groups = self.has_class("-groups")
        return "None yet." if groups else "None yet: one appears when the sidecar of a VM connects to istiod."

    def _live_words(self) -> tuple[str, str]:
        if self._trouble:
            return f"! {printable(self._trouble)}", "$text-warning"
        if not self._synced:
            return "↻ listing …", "$foreground-muted"
        ago = f", last event {span(time.time() - self._last)} ago" if self._last is not None else ""
        return f"✓ live{ago}", "$text-success"


class MonitorScreen(WatchScreen):
    """The same without a session: it is given only a reading transport, and has no key that changes anything."""
