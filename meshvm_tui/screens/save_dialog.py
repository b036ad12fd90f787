"""The dialog that saves the plan or the script: it asks for the path, asks again before another file is replaced, and
stays until the file is there."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from meshvm_tui.screens.app_screen import Keyed
from meshvm_tui.screens.board import StepLine
from meshvm_tui.screens.dialog_keys import DialogKeys
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.messages import SaveWanted

WORDS = {
    "plan": (
        "Save the plan",
        "YAML, for meshvm-tui apply -f and onboard --plan. It holds no secret. Only you can read it.",
    ),
    "script": (
        "Save the commands as a script",
        "For sh, with kubectl, ssh and scp: it does what this review lists. It holds no secret; "
        "a token is made when it runs. Only you can read and run it.",
    ),
}
SAVE = {"save": "save", "leave": "leave it"}
OVER = {"save": "replace it", "leave": "another name"}


class SaveDialog(Keyed, ModalScreen[str]):
    """Gives the path of the saved file, "" where none was saved."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "save", "Save", priority=True),
        Binding("escape", "leave", "Leave", priority=True),
    ]

    def __init__(self, what: str, name: str, lines: tuple[StepLine, ...] = ()) -> None:
        super().__init__()
        self._what, self._lines = what, lines
        self._proposed = name
        self._asks_over = ""
        self._saving = False

    def compose(self) -> ComposeResult:
        """What is saved, where, what stands in the way, the keys."""
        title, meaning = WORDS[self._what]
        with VerticalGroup(classes="dialog"):
            yield Static(title, classes="dialog-title", markup=False)
            yield Input(str(_here() / self._proposed))
            yield Static(meaning, classes="dialog-text", markup=False)
            yield Static("", id="save-trouble", markup=False)
            yield DialogKeys(SAVE)

    def on_mount(self) -> None:
        """Typing goes into the field."""
        self.query_one(Input).focus()

    def on_input_changed(self) -> None:
        """Another name is no longer what was asked about."""
        if self._asks_over and self.query_one(Input).value.strip() != self._asks_over:
            self._ask_over("")

    def show_result(self, path: str, *, exists: bool, trouble: str) -> None:
        """Saved; or another file is there, or it cannot be written."""
        self._saving = False
        if exists:
            self._ask_over(self.query_one(Input).value.strip())
        elif trouble:
            self._say(f"! It is not saved. {trouble}")
        elif self.is_current:
            self.dismiss(path)

    def action_save(self) -> None:
        """Saves under the name in the field; over another file only after that was asked."""
        path = self.query_one(Input).value.strip()
        if not path:
            self._say("! A path is needed.")
        elif not self._saving:
            self._saving = True
            self.post_message(SaveWanted(self._what, path, self._lines, over=path == self._asks_over))

    def action_leave(self) -> None:
        """From the question back to the name; from there away."""
        if self._asks_over:
            self._ask_over("")
        else:
            self.dismiss("")

    def _ask_over(self, path: str) -> None:
        self._asks_over = path
        self._say(f"! {printable(path)} is there already. What is in it would be lost." if path else "")
        self.query_one(DialogKeys).show_words(OVER if path else SAVE)

    def _say(self, words: str) -> None:
        trouble = self.query_one("#save-trouble", Static)
        trouble.update(printable(words))
        trouble.set_class(bool(words), "-shown")


def _here() -> Path:
    """Where the app was started; home where that folder is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path.home()
