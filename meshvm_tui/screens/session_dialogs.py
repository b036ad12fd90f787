"""Dialogs about a session as a whole: a name for it, a file for its plan, its deletion."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from meshvm_tui.screens.app_screen import Keyed
from meshvm_tui.screens.dialog_keys import DialogKeys
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.home_rows import SessionLine
from meshvm_tui.session_names import NAME, NAME_WORDS


class TextDialog(Keyed, ModalScreen[str]):
    """Asks for one line of text; "" where none was given. `wrong` says what is not valid of it, "" where all is."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Go on", priority=True),
        Binding("escape", "leave", "Leave it"),
    ]

    def __init__(self, title: str, words: str, value: str, wrong: Callable[[str], str]) -> None:
        super().__init__()
        self._words = title, words, value
        self._wrong = wrong

    def compose(self) -> ComposeResult:
        """What is asked for, the field, what is wrong, the keys."""
        title, words, value = self._words
        with VerticalGroup(classes="dialog"):
            yield Static(title, classes="dialog-title", markup=False)
            yield Static(words, classes="dialog-text", markup=False)
            yield Input(value, select_on_focus=True)
            yield Static("", id="text-wrong", markup=False)
            yield DialogKeys({"take": "go on", "leave": "leave it"})

    def on_mount(self) -> None:
        """Typing goes into the field."""
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Says at once what is not valid."""
        self.query_one("#text-wrong", Static).update(self._wrong(event.value))

    def action_take(self) -> None:
        """Gives the text where it is valid."""
        value = self.query_one(Input).value
        wrong = self._wrong(value)
        self.query_one("#text-wrong", Static).update(wrong)
        if not wrong:
            self.dismiss(value)

    def action_leave(self) -> None:
        """Nothing is given."""
        self.dismiss("")


class DeleteDialog(Keyed, ModalScreen[bool]):
    """Names what stays behind, and what goes. Enter alone deletes nothing."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "delete", "Delete it", priority=True),
        Binding("escape", "leave", "Keep it", priority=True),
        # Bound to nothing, so that it is not left over for the screen below when esc comes right behind it.
        Binding("enter", "nothing", show=False, priority=True),
    ]

    def __init__(self, session: SessionLine) -> None:
        super().__init__()
        self._session = session

    def compose(self) -> ComposeResult:
        """The question, what goes, what stays."""
        with VerticalGroup(classes="dialog -delete"):
            yield Static(f"Delete the session {self._session.name}?", classes="dialog-title", markup=False)
            yield Static(
                "Only its folder on this computer goes: plan, records, log.",
                classes="dialog-text",
                markup=False,
            )
            yield Static("What stays behind", classes="dialog-label", markup=False)
            with VerticalScroll(classes="dialog-body", can_focus=True):
                yield from self._stays()
            yield DialogKeys({"delete": "delete it", "leave": "keep it"})

    def action_delete(self) -> None:
        """It goes."""
        self.dismiss(True)

    def action_leave(self) -> None:
        """It stays."""
        self.dismiss(False)

    def action_nothing(self) -> None:
        """Enter is what one presses without reading."""

    def _stays(self) -> ComposeResult:
        if self._session.problem:
            yield Static("What it has made cannot be told, as it cannot be read.", classes="dialog-text")
        elif not self._session.stays:
            yield Static("Nothing: it has changed nothing in cluster, cloud or VM.", classes="dialog-text")
        for place, things in self._session.stays:
            words = Content.assemble((f"{printable(place)}: ", "bold"), printable(", ".join(things)))
            yield Static(words, classes="dialog-text")


def wrong_name(name: str, taken: frozenset[str]) -> str:
    """What is not valid of a session's name."""
    if not NAME.fullmatch(name):
        return f"Valid: {NAME_WORDS}"
    return "A session of that name is there already" if name in taken else ""
