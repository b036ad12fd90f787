"""F1: what a screen is for, what its field with the cursor is for, and its keys as they are set now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from meshvm_tui.screens.app_screen import FieldHelp, Keyed
from meshvm_tui.screens.cells import padded, width
from meshvm_tui.screens.dialog_keys import DialogKeys

if TYPE_CHECKING:
    from meshvm_tui.screens.app_screen import AppScreen

ELSEWHERE = ("panel", "app")
LABEL = 10


@dataclass(frozen=True)
class KeyHelp:
    """The keys of one action, and what it does."""

    keys: str
    words: str


class HelpDialog(Keyed, ModalScreen[None]):
    """Scrolls by the arrows; any of its keys closes it."""

    CSS_PATH = "../styles/dialogs.tcss"
    AUTO_FOCUS = ".dialog-body"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,enter", "leave", "Close", priority=True, tooltip="closes the help")
    ]

    def __init__(self, screen: AppScreen) -> None:
        super().__init__()
        self._about = screen.about()
        self._field = screen.field_help()
        self._keys = key_help(screen)

    def compose(self) -> ComposeResult:
        """The screen, the field, the keys."""
        title, text, notes = self._about
        with VerticalGroup(classes="dialog -help"):
            yield Static(title, classes="dialog-title", markup=False)
            with VerticalScroll(classes="dialog-body", can_focus=True):
                yield Static(text.strip(), classes="help-part", markup=False)
                if self._field:
                    yield Static(_field_words(self._field), classes="help-part")
                yield Static(_keys_words(self._keys), classes="help-part")
                if notes:
                    yield Static(notes.strip(), markup=False)
            yield DialogKeys({"leave": "close"})

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)


def key_help(screen: Screen[Any]) -> list[KeyHelp]:
    """The screen's keys in the order of its BINDINGS, then those that are the same everywhere."""
    order = {binding.action: at for at, (_, binding) in enumerate(screen._bindings)}
    last = max(order.values(), default=0) + 1
    found: dict[str, tuple[int, list[str], str]] = {}
    for item in screen.active_bindings.values():
        binding = item.binding
        name = binding.id or ""
        elsewhere = name.partition(".")[0] in ELSEWHERE
        if not name or not (item.node is screen or elsewhere):
            continue
        at = order.get(binding.action, last) if not elsewhere else last + 1
        _, keys, _ = found.setdefault(name, (at, [], binding.tooltip or binding.description))
        keys.append(screen.app.get_key_display(binding))
    ordered = sorted(found.values(), key=lambda entry: entry[0])
    return [KeyHelp(" ".join(keys), words) for _, keys, words in ordered]


def _field_words(field: FieldHelp) -> Content:
    lines: list[tuple[str, str]] = [(f"{field.label}\n", "bold $foreground"), (f"{field.purpose}\n", "$foreground")]
    beside = (("valid", field.valid), ("example", field.example), ("in the plan", field.path))
    for label, words in beside:
        if words:
            lines += [(padded(label, LABEL + 3), "$foreground-muted"), (f"{words}\n", "$foreground")]
    return Content.assemble(*lines).rstrip()


def _keys_words(keys: Sequence[KeyHelp]) -> Content:
    room = max((width(item.keys) for item in keys), default=0) + 2
    parts: list[tuple[str, str]] = [("Keys\n", "bold $foreground")]
    for item in keys:
        parts += [(padded(item.keys, room), "$text-accent"), (f"{item.words}\n", "$foreground")]
    return Content.assemble(*parts).rstrip()
