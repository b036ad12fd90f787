"""One line of a form: label, value, hint; and under it what is wrong with the value, while it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, VerticalGroup
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from meshvm_tui.screens.stage_forms import Field


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
            (f"● {choice}   ", "$text-accent" if self.has_focus else "$foreground")
            if choice == self.value
            else (f"○ {choice}   ", "$foreground-muted")
            for choice in self._choices
        ]
        return Content.assemble(*parts)

    def action_step(self, by: int) -> None:
        """Chooses the neighbour."""
        at = self._choices.index(self.value) if self.value in self._choices else 0
        self.value = self._choices[(at + by) % len(self._choices)]
        self.post_message(self.Changed(self, self.value))

    def key_letter(self, letter: str) -> None:
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
            self.key_letter(letter)


class FieldRow(VerticalGroup):
    """A field of a form. It tells what was typed and shows what it is told; it judges nothing."""

    @dataclass
    class Typed(Message):
        """The field's text is another one now."""

        row: FieldRow
        text: str

    def __init__(self, field: Field, text: str) -> None:
        super().__init__(id=field.name)
        self.field = field
        self.heard = text
        self._first = text
        self._error = ""

    def compose(self) -> ComposeResult:
        """Label, editor, hint; and the line for an error."""
        with HorizontalGroup(classes="field-line"):
            yield Static(self.field.label, classes="field-label", markup=False)
            if self.field.choices:
                yield Choice(self.field.choices, self._first)
            else:
                yield Input(self._first, compact=True, classes="field-input")
            yield Static(self.field.hint, classes="field-hint", markup=False)
        yield Static("", classes="field-error", markup=False)

    @property
    def text(self) -> str:
        """What stands in the editor now."""
        return self.editor.value

    @property
    def editor(self) -> Input | Choice:
        """The widget that takes the keys."""
        return self.query_one(Choice) if self.field.choices else self.query_one(Input)

    @property
    def error(self) -> str:
        """What is wrong with the text; "" while it is valid."""
        return self._error

    def show_error(self, error: str) -> None:
        """Says what is wrong and what is valid, under the field; "" takes it away."""
        if error == self._error:
            return
        self._error = error
        self.query_one(".field-error", Static).update(f"{self.field.label.strip()}: {error}" if error else "")
        self.set_class(bool(error), "-wrong")

    def show_text(self, text: str) -> None:
        """Puts a text in without telling that it was typed."""
        self.heard = text
        self.editor.value = text

    def show_enabled(self, enabled: bool) -> None:
        """A field of a part that is left out takes no keys."""
        self.editor.disabled = not enabled
        self.set_class(not enabled, "-left-out")

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
