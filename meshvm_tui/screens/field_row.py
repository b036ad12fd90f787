"""One line of a form: label, value, hint; and under it what is wrong with the value, while it is."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from meshvm_tui.screens.cells import cut
from meshvm_tui.screens.fields import Field
from meshvm_tui.screens.key_words import with_own_keys

LABEL_WIDTH = 18
HINT_WIDTH = 24


class Choice(Widget, can_focus=True):
    """All that is valid, side by side; arrows, space or a first letter choose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "step(1)", "Choose", show=False),
        Binding("left", "step(-1)", "Choose", show=False),
    ]

    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another value was chosen."""

        choice: Choice
        value: str

    def __init__(self, choices: tuple[str, ...], value: str) -> None:
        super().__init__()
        self._choices = choices
        self.set_reactive(Choice.value, value)

    def render(self) -> Content:
        """The choices with the chosen one marked."""
        parts = [
            (f"● {choice}  ", "$text-accent" if self.has_focus else "$foreground")
            if choice == self.value
            else (f"○ {choice}  ", "$foreground-muted")
            for choice in self._choices
        ]
        return Content.assemble(*parts)

    @property
    def needed(self) -> int:
        """Cells that show every choice."""
        return sum(len(choice) + 4 for choice in self._choices) - 2

    def action_step(self, by: int) -> None:
        """Chooses the neighbour."""
        at = self._choices.index(self.value) if self.value in self._choices else 0
        self.value = self._choices[(at + by) % len(self._choices)]
        self.post_message(self.Changed(self, self.value))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Letters are its own."""
        return character is not None and character.isalpha()

    def choose(self, letter: str) -> None:
        """Chooses by first letter."""
        for choice in self._choices:
            if choice.startswith(letter) and choice != self.value:
                self.value = choice
                self.post_message(self.Changed(self, choice))
                return

    def on_key(self, event: object) -> None:
        """A letter chooses; what belongs to no choice goes on to the bindings."""
        letter = getattr(event, "character", None)
        if letter and letter.isalpha():
            self.choose(letter)


class FieldRow(Widget):
    """A field of a form. It tells what was typed and shows what it is told; it judges nothing.

    Label, hint and error are painted by the row itself around its one child, the editor: a stage with ten fields
    opens at once.
    """

    @dataclass
    class Typed(Message):
        """The field's text is another one now."""

        row: FieldRow
        text: str

    def __init__(self, field: Field, text: str, *, seen: bool = True) -> None:
        super().__init__(id=field.name, classes="-begins" if field.begins else None)
        self.field = field
        self.heard = text
        self.editor: Input | Choice = (
            Choice(field.choices, text) if field.choices else Input(text, compact=True, classes="field-input")
        )
        self._error = ""
        self._hint = field.hint
        self.seen = seen
        """Whether its conditions are true; a line that is not seen takes no room."""
        self.display = seen

    def compose(self) -> ComposeResult:
        """The editor."""
        yield self.editor

    def render(self) -> Content:
        """Label and hint around the editor; under it what is wrong."""
        tone = "$foreground-disabled" if self.editor.disabled else "$text-error" if self._error else "$foreground"
        muted = "$foreground-disabled" if self.editor.disabled else "$foreground-muted"
        gap = max(0, self.size.width - LABEL_WIDTH - HINT_WIDTH)
        room = HINT_WIDTH - 2
        hint = cut(with_own_keys(self._hint, self.app), room)
        parts = [
            (f"{self.field.label:<{LABEL_WIDTH}}", tone),
            (" " * gap + f"  {hint:<{room}}", muted),
        ]
        parts += [(f"\n{' ' * LABEL_WIDTH}{line}", "$text-error") for line in self._error_lines()]
        return Content.assemble(*parts)

    def on_resize(self) -> None:
        """An error takes as many lines as it needs; choices that do not fit take the room of the hint."""
        if isinstance(self.editor, Choice):
            self.set_class(self.editor.needed > self.size.width - LABEL_WIDTH - HINT_WIDTH, "-tight")
        self._fit()

    @property
    def text(self) -> str:
        """What stands in the editor now."""
        return self.editor.value

    @property
    def error(self) -> str:
        """What is wrong with the text; "" while it is valid."""
        return self._error

    def show_error(self, error: str) -> None:
        """Says what is wrong and what is valid, under the field; "" takes it away."""
        if with_own_keys(error, self.app) == self._error:
            return
        self._error = with_own_keys(error, self.app)
        self._fit()
        self.refresh()

    def show_text(self, text: str) -> None:
        """Puts a text in without telling that it was typed."""
        self.heard = text
        self.editor.value = text

    def show_hint(self, hint: str, stands_in: str = "") -> None:
        """Another hint; `stands_in` is what an empty value means, shown in the empty editor."""
        if isinstance(self.editor, Input):
            self.editor.placeholder = stands_in
        if hint != self._hint:
            self._hint = hint
            self.refresh()

    def show_seen(self, seen: bool) -> None:
        """Comes or goes."""
        if seen is not self.seen:
            self.seen = self.display = seen

    def show_enabled(self, enabled: bool) -> None:
        """A field of a part that is left out takes no keys."""
        if self.editor.disabled is enabled:
            self.editor.disabled = not enabled
            self.refresh()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tells what was typed."""
        event.stop()
        self._tell(event.value)

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Tells what was chosen."""
        event.stop()
        self._tell(event.value)

    def _tell(self, text: str) -> None:
        if text != self.heard:
            self.heard = text
            self.post_message(self.Typed(self, text))

    def _error_lines(self) -> list[str]:
        if not self._error:
            return []
        return wrap(
            f"{self.field.label.strip()}: {self._error}", max(20, self.size.width - LABEL_WIDTH), break_on_hyphens=False
        )

    def _fit(self) -> None:
        height = 1 + len(self._error_lines())
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
