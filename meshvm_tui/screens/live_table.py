"""A table of live rows on Textual's line API: it draws only the lines that can be seen.

DataTable measures every cell and repaints whole; at ten thousand rows this one paints in a few milliseconds.
The cursor stays on its row by key, whatever is inserted above it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshvm_tui.screens.glyphs import GLYPHS, Mark, printable

Key = tuple[str, str]


class LiveRow(Protocol):
    """What the table needs of a row. `cells` are words for this moment (seconds since the epoch)."""

    @property
    def key(self) -> Key: ...

    def mark(self) -> str: ...

    def cells(self, now: float) -> tuple[str, ...]: ...


WIDE = 100
LEAD = 3
"""Cells before the first column: the mark, in line with what stands above the table."""


class LiveTable(ScrollView, can_focus=True):
    """Rows sorted by key. Columns are (title, width, width from 100 columns on); the first takes what is left.

    With `qualified`, the first column says namespace/name.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "live-table--header",
        "live-table--cursor",
        "live-table--attention",
        "live-table--waiting",
        "live-table--done",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor(-1)", "Up", show=False),
        Binding("down", "cursor(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "end(0)", "First", show=False),
        Binding("end", "end(-1)", "Last", show=False),
    ]

    class Moved(Message):
        """Another row is under the cursor."""

    def __init__(
        self,
        columns: Sequence[tuple[str, int, int]],
        *,
        qualified: bool = False,
        id: str | None = None,  # noqa: A002 (Textual's own word)
    ) -> None:
        super().__init__(id=id)
        self._qualified = qualified
        self._columns = tuple(columns)
        self._rows: dict[Key, LiveRow] = {}
        self._order: list[Key] = []
        self._shown: list[Key] = []
        self._cursor: Key | None = None
        self._filter = ""

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def shown_count(self) -> int:
        """How many of them pass the filter."""
        return len(self._shown)

    def texts(self) -> list[tuple[str, ...]]:
        """The cells of the shown rows, as a reader would copy them."""
        return [self._cells(self._rows[key]) for key in self._shown]

    def current(self) -> LiveRow | None:
        """The row under the cursor."""
        return self._rows.get(self._cursor) if self._cursor else None

    def change(self, changed: Iterable[LiveRow], removed: Iterable[Key], *, reset: bool = False) -> None:
        """Takes what changed; paints once."""
        if reset:
            self._rows = {}
        before = len(self._rows)
        fresh = False
        for row in changed:
            fresh = fresh or row.key not in self._rows
            self._rows[row.key] = row
        for key in removed:
            self._rows.pop(key, None)
        if reset or fresh or len(self._rows) != before:
            self._order = sorted(self._rows)
            self._select()
        self.refresh()

    def filter(self, text: str) -> None:
        """Shows only rows one of whose cells contains the text; "" shows all."""
        self._filter = text.lower()
        self._select()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The header, or the row that stands at this line."""
        width = self.size.width
        if y == 0:
            return self._strip(" " * LEAD, [title for title, _, _ in self._columns], "live-table--header")
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        row = self._rows[self._shown[index]]
        mark = Mark(row.mark())
        here = self._shown[index] == self._cursor and self.has_focus
        component = f"live-table--{mark.value}" if mark.value in ("attention", "waiting") else ""
        return self._strip(f" {GLYPHS[mark]} ", self._cells(row), component, cursor=here)

    def action_cursor(self, lines: int) -> None:
        """Moves the cursor."""
        self._move_to(self._position() + lines)

    def action_page(self, pages: int) -> None:
        """Moves the cursor by what is seen at once."""
        self._move_to(self._position() + pages * max(1, self.size.height - 2))

    def action_end(self, index: int) -> None:
        """Moves the cursor to the first row, or with -1 to the last."""
        self._move_to(index if index >= 0 else len(self._shown) - 1)

    def on_resize(self) -> None:
        """Another width, or another number of lines."""
        self._measure()

    def _select(self) -> None:
        if self._filter:
            self._shown = [key for key in self._order if self._passes(self._rows[key])]
        else:
            self._shown = self._order
        if self._cursor not in self._rows:
            at = bisect_left(self._shown, self._cursor) if self._cursor else 0
            self._cursor = self._shown[min(at, len(self._shown) - 1)] if self._shown else None
        self._measure()

    def _passes(self, row: LiveRow) -> bool:
        return any(self._filter in cell.lower() for cell in self._cells(row))

    def _cells(self, row: LiveRow) -> tuple[str, ...]:
        name, *rest = row.cells(time.time())
        return (f"{row.key[0]}/{name}" if self._qualified else name, *rest)

    def _measure(self) -> None:
        # One line more than rows: the header takes the first of the lines that are seen.
        self.virtual_size = Size(self.size.width, len(self._shown) + 1)

    def _position(self) -> int:
        if self._cursor is None:
            return 0
        at = bisect_left(self._shown, self._cursor)
        return min(at, max(0, len(self._shown) - 1))

    def _move_to(self, index: int) -> None:
        if not self._shown:
            return
        index = max(0, min(index, len(self._shown) - 1))
        self._cursor = self._shown[index]
        self.scroll_to_region(Region(0, index, 1, 2), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def _strip(self, lead: str, cells: Sequence[str], component: str, *, cursor: bool = False) -> Strip:
        width = self.size.width
        # Colours of whole styles: those that let the screen shine through are blended with it there.
        style = self.rich_style
        if component:
            style += Style(color=self.get_component_rich_style(component).color)
        if cursor:
            style += Style(bgcolor=self.get_component_rich_style("live-table--cursor").bgcolor)
        text = lead + "  ".join(self._fitted(cells))
        return Strip([Segment(set_cell_size(text, width), style)], width)

    def _fitted(self, cells: Sequence[str]) -> list[str]:
        wide = self.size.width >= WIDE
        sizes = [(large if wide else small) for _, small, large in self._columns]
        sizes[0] = max(6, self.size.width - sum(sizes[1:]) - LEAD - 2 * (len(sizes) - 1))
        fitted = [_cut(printable(cell), size) for cell, size in zip(cells, sizes, strict=True)]
        if self._qualified:
            # Of namespace/name the end tells more.
            fitted[0] = _cut_left(printable(cells[0]), sizes[0])
        return fitted


def _cut(text: str, width: int) -> str:
    flat = text.replace("\n", " ")
    fitted: str = set_cell_size(flat, width)
    if fitted.rstrip() != flat.rstrip() and width > 1:
        return set_cell_size(flat, width - 1) + "…"
    return fitted


def _cut_left(text: str, width: int) -> str:
    while cell_len(text) > width and len(text) > 1:
        text = "…" + text[2:]
    padded: str = set_cell_size(text, width)
    return padded
