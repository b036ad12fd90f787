"""A list to pick from, filtered by what is typed. It is there before its answer: asking, the list, or a problem."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from meshvm_tui.candidates import Candidate, Found
from meshvm_tui.problems import ProblemRecord
from meshvm_tui.screens.app_screen import Keyed
from meshvm_tui.screens.dialog_keys import DialogKeys
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.painted import Painted

GAP = 2
"""Cells between two columns."""
MOST_LINES = 12
"""Lines of the list that are seen at once, at most."""
CHROME, DETAIL = 12, 3
"""Lines of the dialog around its list, and of the detail of a line that does not fit."""
FRAME = 7
"""Cells beside the list."""


ASKING = {"leave": "leave"}
ENDED = {"ask": "ask again", "leave": "leave"}
FOUND = {"pick": "pick", "list('cursor_up')": "", "list('cursor_down')": "move", **ENDED}
"""What its keys do while it asks, after an answer with nothing in it, and with a list."""


class PickDialog(Keyed, ModalScreen[Candidate | None]):
    """Picks one candidate; None where none was picked.

    `ask` asks, also again, and gives the question's token: an answer to another one is not for this dialog. `now` is
    what stands in the field: the cursor begins there.
    """

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", priority=True),
        Binding("enter", "pick", "Pick", priority=True),
        Binding("f3", "ask", "Ask again", priority=True),
        Binding("up", "list('cursor_up')", "Up", priority=True),
        Binding("down", "list('cursor_down')", "Down", priority=True),
        Binding("pageup", "list('page_up')", "Page up", priority=True),
        Binding("pagedown", "list('page_down')", "Page down", priority=True),
    ]

    def __init__(self, title: str, asked: str, ask: Callable[[], int], *, now: str = "") -> None:
        super().__init__()
        self.token = 0
        self._title = title
        self._asked = asked
        self._now = now
        self._ask = ask
        self._since = 0.0
        self._found: Found | None = None
        self._lines: list[Content] = []
        self._plain: list[str] = []
        self._matching: list[int] = []
        self._filtered = ""

    def compose(self) -> ComposeResult:
        """What is asked, the filter, the list, and what is to be said about it."""
        with VerticalGroup(classes="dialog -pick"):
            yield Static(self._title, classes="dialog-title", markup=False)
            yield Painted(id="pick-where")
            yield Input(placeholder="type to filter", compact=True, id="pick-filter")
            options = OptionList(compact=True)
            options.can_focus = False
            yield options
            yield Painted(id="pick-detail")
            with VerticalScroll(id="pick-body", can_focus=False):
                yield Painted(id="pick-words")
            yield Painted(id="pick-note")
            yield DialogKeys(ASKING)

    def on_mount(self) -> None:
        """Asks at once; what is typed meanwhile is the filter."""
        self.set_interval(1, self._tick)
        self.action_ask()

    def show_found(self, found: Found) -> None:
        """The answer."""
        self._found = found
        self._lines = _aligned(found.candidates)
        self._plain = [" ".join((item.value, *item.columns)).lower() for item in found.candidates]
        self._state("-found" if found.candidates else "-nothing")
        self.query_one("#pick-where", Painted).show(printable(found.where))
        self._note(f"! {printable(found.note)}" if found.note else "")
        self._fit()
        self._filter()

    def show_problem(self, problem: ProblemRecord) -> None:
        """Why there is no answer, and what to do about it before asking again."""
        self._found = None
        self._state("-problem")
        self._note("")
        self.query_one("#pick-words", Painted).show(
            Content.assemble(
                (f"✗ {problem.code}  ", "$text-error"),
                (f"{printable(problem.title)}\n\n", "bold $foreground"),
                (f"{printable(problem.cause)}\n\n", "$foreground"),
                ("What to do\n", "$foreground-muted"),
                (printable(problem.next_action), "$foreground"),
            )
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another filter."""
        event.stop()
        self._catch_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click picks."""
        event.stop()
        self._dismiss(event.option_index)

    def on_resize(self) -> None:
        """As many lines as there is room for; what does not fit into its line is said below the list."""
        self._fit()
        self._detail()

    def on_option_list_option_highlighted(self) -> None:
        """Another one is under the cursor."""
        self._detail()

    def action_pick(self) -> None:
        """The one under the cursor."""
        self._catch_up()
        highlighted = self.query_one(OptionList).highlighted
        if self._found and highlighted is not None:
            self._dismiss(highlighted)

    def action_ask(self) -> None:
        """Asks, or asks anew."""
        self._found, self._since = None, time.monotonic()
        self._state("-asking")
        self.query_one(Input).focus()
        self.query_one("#pick-words", Painted).show("")
        self._note("")
        self._tick()
        self.token = self._ask()

    def action_list(self, action: str) -> None:
        """Moves in the list while the filter has the keys, or in the words of a problem."""
        self._catch_up()
        if self._found is None:
            action = action.replace("cursor", "scroll")
        getattr(self.query_one(OptionList) if self._found else self.query_one("#pick-body"), f"action_{action}")()

    def action_leave(self) -> None:
        """None of them; an answer that is still to come is nobody's."""
        self.dismiss(None)

    def _dismiss(self, at: int) -> None:
        if self._found:
            self.dismiss(self._found.candidates[self._matching[at]])

    def _tick(self) -> None:
        """How long it has been asked, after the first moment."""
        if self._found is None and self.query(".dialog.-asking"):
            seconds = int(time.monotonic() - self._since)
            self.query_one("#pick-where", Painted).show(f"↻ {self._asked} …{f'  {seconds} s' if seconds else ''}")

    def _catch_up(self) -> None:
        """Keys that come in one piece may move or pick before the filter has told that it was typed into."""
        if self.query_one(Input).value != self._filtered:
            self._filter()

    def _filter(self) -> None:
        """Shows the candidates in which each word of the filter stands somewhere."""
        if self._found is None:
            return
        self._filtered = self.query_one(Input).value
        words = self._filtered.lower().split()
        self._matching = [at for at, text in enumerate(self._plain) if all(word in text for word in words)]
        options = self.query_one(OptionList)
        options.set_options([Option(self._lines[at]) for at in self._matching])
        values = [self._found.candidates[at].value for at in self._matching]
        options.highlighted = values.index(self._now) if self._now in values else 0 if values else None
        self._words(len(self._lines))
        self.call_after_refresh(self._detail)

    def _words(self, count: int) -> None:
        shown = len(self._matching)
        words = f"{shown} of {count}"
        if not count:
            words = "There is nothing to pick from."
        elif not shown:
            words = f"None of {count} has that."
        self.query_one("#pick-words", Painted).show(words)

    def _fit(self) -> None:
        """The list is as high as all of it, however few are left by the filter: typing never moves the dialog."""
        long = any(len(line) > min(int(self.size.width * 0.96), 110) - FRAME for line in self._lines)
        note = bool(self._found and self._found.note)
        room = int(self.size.height * 0.9) - CHROME - note - DETAIL * long
        self.query_one(OptionList).styles.height = max(3, min(len(self._lines), MOST_LINES, room))

    def _detail(self) -> None:
        """The whole of the line under the cursor, where some line does not fit."""
        options = self.query_one(OptionList)
        at, width = options.highlighted, options.scrollable_content_region.width
        cut = at is not None and any(len(line) > width for line in self._lines)
        words = ""
        if cut and self._found and at is not None and at < len(self._matching):
            item = self._found.candidates[self._matching[at]]
            words = " · ".join(printable(cell.strip()) for cell in (item.value, *item.columns) if cell)
        detail = self.query_one("#pick-detail", Painted)
        detail.display = bool(words)
        detail.show(words)

    def _note(self, words: str) -> None:
        note = self.query_one("#pick-note", Painted)
        note.display = bool(words)
        note.show(words)

    def _state(self, state: str) -> None:
        self.query_one(".dialog").set_classes(f"dialog -pick {state}")
        keys = {"-found": FOUND, "-asking": ASKING}.get(state, ENDED)
        self.query_one(DialogKeys).show_words(keys)


def _aligned(candidates: tuple[Candidate, ...]) -> list[Content]:
    """One line each, all columns under each other; a column that is empty everywhere takes no room."""
    rows = [(item.value, *item.columns) for item in candidates]
    count = max((len(row) for row in rows), default=0)
    rows = [tuple(map(printable, row)) + ("",) * (count - len(row)) for row in rows]
    widths = [max(len(row[at]) for row in rows) for at in range(count)] if rows else []
    lines = []
    for row in rows:
        cells = [f"{cell:<{width + GAP}}" for cell, width in zip(row, widths, strict=True) if width]
        lines.append(Content.assemble((cells[0], "$foreground"), ("".join(cells[1:]).rstrip(), "$foreground-muted")))
    return lines
