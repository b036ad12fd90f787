"""What every screen of the app has in common: help, new facts, and how it is left.

A screen that has told the app to go elsewhere takes no more keys: the app keeps them for the next screen. Without
this, what is typed ahead (or pasted, or sent over a slow line in one piece) would land on the old screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textual.binding import Binding, BindingType
from textual.screen import Screen

from meshvm_tui.screens.messages import Intent

if TYPE_CHECKING:
    from meshvm_tui.screens.log_drawer import LogLine

Command = tuple[str, str, Callable[[], Any]]
"""Its name, what it does, and the doing."""


class Keyed:
    """A screen or dialog each of whose keys has a name, `wizard.next`, by which it can be given another key."""

    def __init_subclass__(cls, **more: Any) -> None:
        own = cls.__dict__.get("BINDINGS")
        if own:
            place = re.sub(r"(Screen|Dialog)$", "", cls.__name__).lower()
            cls.BINDINGS = [_named(place, item) for item in own]  # type: ignore[attr-defined]
        super().__init_subclass__(**more)


def _named(place: str, item: BindingType) -> Binding:
    binding = item if isinstance(item, Binding) else Binding(*item)
    if binding.id:
        return binding
    # Two keys of one action with other parameters are told apart by what they do.
    words = binding.description if "(" in binding.action else binding.action.rpartition(".")[2]
    return replace(binding, id=f"{place}.{re.sub('[^a-z0-9]+', '-', words.lower()).strip('-')}")


@dataclass(frozen=True)
class FieldHelp:
    """What F1 says of a field."""

    label: str
    path: str
    purpose: str
    valid: str = ""
    example: str = ""


class AppScreen(Keyed, Screen[None]):
    """A screen of the app. `help_title` and `help_text` are what F1 says before it lists the keys."""

    help_title = "Help"
    help_text = ""
    leaving = False

    @property
    def ready(self) -> bool:
        """Whether its widgets are there: not yet before it is composed, no more while it is taken down, when the
        first of them go before the screen does."""
        return self.is_running and self.is_attached and self.display and bool(self.children)

    def leave_by(self, intent: Intent) -> None:
        """Tells the app where to go, and takes no more keys until it has decided."""
        self.leaving = True
        self.post_message(intent)

    def about(self) -> tuple[str, str, str]:
        """For the help: a title, what the screen is for, and what stands at the end."""
        return self.help_title, self.help_text, ""

    def field_help(self) -> FieldHelp | None:
        """For the help: the field with the cursor."""
        return None

    def commands(self) -> Iterator[Command]:
        """What can be done here now beside what has a key: for the palette."""
        yield from ()

    def show_preference_problems(self, problems: Sequence[str]) -> None:
        """What is not valid in the operator's preferences."""
        for words in problems:
            self.notify(words, severity="warning", markup=False, timeout=15)

    def show_board(self) -> None:
        """The engine told something about the board that this screen was given."""

    def show_status(self, text: str) -> None:
        """What the app is doing while this screen waits."""
        self.notify(text, timeout=60, markup=False)

    def show_log(self, lines: list[LogLine]) -> None:
        """New lines of the log."""
