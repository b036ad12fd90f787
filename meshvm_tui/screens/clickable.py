"""A painted text of which parts can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.message import Message

from meshvm_tui.screens.painted import Painted


class Place(NamedTuple):
    """Cells of one line, and what they stand for."""

    line: int
    start: int
    end: int
    name: str


class Clickable(Painted):
    """Tells which of its places was clicked."""

    @dataclass
    class Chosen(Message):
        """A place was clicked."""

        source: Clickable
        name: str

        @property
        def control(self) -> Clickable:
            """Who tells it."""
            return self.source

    def __init__(self, *, id: str) -> None:  # noqa: A002 (Textual's own word)
        super().__init__(fixed=True, id=id)
        self._places: Sequence[Place] = ()

    def show_places(self, content: Content, places: Sequence[Place]) -> None:
        """Shows the text with these places."""
        self._places = places
        self.show(content)

    def on_click(self, event: events.Click) -> None:
        """Finds the place under the pointer."""
        at = event.get_content_offset(self)
        if at is None:
            return
        for place in self._places:
            if place.line == at.y and place.start <= at.x < place.end:
                self.post_message(self.Chosen(self, place.name))
