"""One bootstrap file on demand: what differs on the VM, and all of it. Of a token only what may be said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from meshvm_tui.events import FileStanding, FileView
from meshvm_tui.screens.app_screen import Keyed
from meshvm_tui.screens.dialog_keys import DialogKeys
from meshvm_tui.screens.file_lines import MARKS, PURPOSES, TOKEN, size_words, token_words
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, printable
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.preview import diff_parts

Part = tuple[str, str]
WHOLE, DIFFERENCE = "the whole file", "what differs"


class FileDialog(Keyed, ModalScreen[None]):
    """Begins with what differs, where something does; `now` tells the time for what is left of a token."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+e", "view", "Other view", key_display="^E", priority=True),
        Binding("escape,enter,f4", "leave", "Close", priority=True),
    ]

    def __init__(self, machine: str, view: FileView, now: Callable[[], float]) -> None:
        super().__init__()
        self._machine, self._view, self._now = machine, view, now
        self._whole = not (view.diff or view.differs)

    @property
    def _differs(self) -> bool:
        return self._view.name != TOKEN and bool(self._view.diff or self._view.differs)

    def compose(self) -> ComposeResult:
        """Title, standing, text, keys."""
        view = self._view
        with VerticalGroup(classes="dialog -file"):
            yield Static(f"{view.name}  of {printable(self._machine)}", classes="dialog-title", markup=False)
            yield Static(Content.assemble(*self._head()), id="file-head", markup=False)
            with VerticalScroll(classes="dialog-body", can_focus=True):
                yield Painted(id="file-text")
            yield DialogKeys(self._keys())

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one(VerticalScroll).focus()
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is another view only of a file that differs."""
        return self._differs if action == "view" else True

    def action_view(self) -> None:
        """What differs, or all of it."""
        self._whole = not self._whole
        self.query_one(DialogKeys).show_words(self._keys())
        self.query_one(VerticalScroll).scroll_home(animate=False)
        self._show()

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)

    def _keys(self) -> dict[str, str]:
        other = {"view": DIFFERENCE if self._whole else WHOLE} if self._differs else {}
        return {**other, "leave": "close"}

    def _head(self) -> Iterator[Part]:
        view = self._view
        mark = MARKS[view.standing]
        yield f"{PURPOSES[view.name]}, in {printable(view.place)}\n", "$foreground-muted"
        yield f"{GLYPHS[mark]} ", COLOURS[mark]
        yield view.standing.value, "$foreground"
        size = "" if view.name == TOKEN else size_words(view)
        more = [words for words in (size, token_words(view, self._now()), view.note) if words]
        yield "".join(f"    {printable(words)}" for words in more), "$foreground-muted"

    def _show(self) -> None:
        self.query_one("#file-text", Painted).show(Content.assemble(*self._text()))

    def _text(self) -> list[Part]:
        view = self._view
        if view.name == TOKEN:
            words = "A token is a secret: it is never shown, and never kept in a log.\n"
            if view.standing is FileStanding.NOT_NEEDED:
                words += "None is asked for while the VM renews its certificate by the one that it has.\n"
            said = [(f"! {printable(differs)}\n\n", "$text-warning") for differs in view.differs]
            return [*said, (words, "$foreground-muted")]
        if self._whole:
            return [
                (printable(view.content) or "Not known yet. It is made from what istiod and the VM say.", "$foreground")
            ]
        said = [(f"! {printable(words)}\n", "$text-warning") for words in view.differs]
        return [*said, *([("\n", "")] if said else []), *diff_parts(view.diff)]
