"""The last line: what can be pressed now. A click on a key presses it.

Textual's Footer makes a widget of each key and makes all of them anew whenever the focus moves: 60 ms for one Tab.
This is one line of text, painted when it changes.
"""

from __future__ import annotations

from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from meshvm_tui.screens.cells import width as width_of


class KeyItem(NamedTuple):
    """A key, how it is shown, what it does, and whether it does so now."""

    key: str
    shown: str
    words: str
    enabled: bool

    @property
    def width(self) -> int:
        """Cells of key and words."""
        return width_of(self.shown) + (1 + width_of(self.words) if self.words else 0)


class KeyLine(Widget):
    """The keys of the screen in the order of its BINDINGS, then the app's; those that do nothing now are dim."""

    GAP = 2
    DEFAULT_CSS = "KeyLine { dock: bottom; height: 1; padding: 0 1; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own word)
        super().__init__(id=id)
        self._content = Content("")
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follows what can be pressed."""
        self.screen.bindings_updated_signal.subscribe(self, self.show)
        self.call_after_refresh(self.show, self.screen)

    def render(self) -> Content:
        """The line."""
        return self._content

    def on_click(self, event: events.Click) -> None:
        """Presses the key under the pointer."""
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)

    def show(self, screen: Screen[object]) -> None:
        """Paints what can be pressed now."""
        if not self.is_attached:
            return
        parts: list[tuple[str, str]] = []
        self._places, column = [], self.styles.padding.left
        keys, gap = self._fitting(self.items(screen))
        for item in keys:
            tones = ("$text-accent", "$foreground") if item.enabled else ("$foreground-disabled",) * 2
            behind = " " * (gap if item.words else 0)
            parts += [(item.shown, tones[0]), (f" {item.words}{behind}" if item.words else "", tones[1])]
            self._places.append((column, column + item.width, item.key))
            column += item.width + len(behind)
        content = Content.assemble(*parts)
        if content != self._content or content.spans != self._content.spans:
            self._content = content
            self.refresh()

    def items(self, screen: Screen[object]) -> list[KeyItem]:
        """The keys to show, in their order."""
        order = {binding.action: at for at, (_, binding) in enumerate(screen._bindings)}
        # An action with several keys is shown with the first of them.
        by_action = {item.binding.action: item for item in reversed(screen.active_bindings.values())}
        active = [item for item in reversed(by_action.values()) if item.binding.show]
        last = max(order.values(), default=0) + 1
        active.sort(key=lambda item: order.get(item.binding.action, last))
        return [
            KeyItem(item.binding.key, self.app.get_key_display(item.binding), item.binding.description, item.enabled)
            for item in active
        ]

    def on_resize(self) -> None:
        """Another width may want another gap."""
        self.show(self.screen)

    def _fitting(self, items: list[KeyItem]) -> tuple[list[KeyItem], int]:
        """The keys for which there is room, and the cells between two. The help, which names all, comes last and
        stays longest."""
        room = self.content_size.width or sum(item.width + self.GAP for item in items)
        for gap in (self.GAP, 2, 1):
            if sum(item.width + gap for item in items) - gap <= room:
                return items, gap
        kept = list(items)
        while len(kept) > 2 and sum(item.width + 1 for item in kept) - 1 > room:
            del kept[-3 if len(kept) > 2 else 0]
        return kept, 1
