"""The dialog for what is never stored: a password for sudo, the passphrase of a key. It is typed unseen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from meshvm_tui.problems import ProblemRecord
from meshvm_tui.screens.app_screen import Keyed
from meshvm_tui.screens.dialog_keys import DialogKeys
from meshvm_tui.screens.glyphs import printable

TITLES = {"sudo": "Password for sudo as {}", "passphrase": "Passphrase for {}"}
"""By the kind that a problem's evidence names under `secret`; `subject` is whose it is."""


def wanted_secret(problem: ProblemRecord) -> tuple[str, str]:
    """The kind and the subject of what the operator may give to go on; two empty strings where it is nothing."""
    evidence = dict(problem.evidence)
    kind = evidence.get("secret", "")
    return (kind, evidence.get("subject", "")) if kind in TITLES else ("", "")


class SecretDialog(Keyed, ModalScreen[str]):
    """Asks for one secret; "" where none was given."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "give", "Go on", priority=True),
        Binding("escape", "leave", "Leave"),
    ]

    def __init__(self, kind: str, subject: str) -> None:
        super().__init__()
        self._title = TITLES[kind].format(printable(subject))

    def compose(self) -> ComposeResult:
        """What is asked for, the field, the keys."""
        with VerticalGroup(classes="dialog"):
            yield Static(self._title, classes="dialog-title", markup=False)
            yield Input(password=True)
            yield Static("It is kept in memory until you quit, and written nowhere.", classes="dialog-text")
            yield DialogKeys({"give": "go on", "leave": "leave it for now"})

    def on_mount(self) -> None:
        """Typing goes into the field."""
        self.query_one(Input).focus()

    def action_give(self) -> None:
        """Gives it away; the field is gone with the dialog."""
        self.dismiss(self.query_one(Input).value)

    def action_leave(self) -> None:
        """Nothing is given."""
        self.dismiss("")
