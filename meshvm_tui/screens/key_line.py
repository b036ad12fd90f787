"""The last line: what can be pressed now. A click on a key presses it.

Textual's Footer makes a widget of each key and makes all of them anew whenever the focus moves: 60 ms for one Tab.
This is one line of text, painted when it changes.
"""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget


class KeyLine(Widget):
    """The keys of the screen in the order of its BINDINGS, then the app's; those that do nothing now are dim."""

    DEFAULT_CSS = "KeyLine { dock: bottom; height: 1; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._content = Content("")
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follows what can be pressed."""
        self.screen.bindings_updated_signal.subscribe(self, self._show)
        self.call_after_refresh(self._show, self.screen)

    def render(self) -> Content:
        """The line."""
        return self._content

    def on_click(self, event: events.Click) -> None:
        """Presses the key under the pointer."""
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)

    def _show(self, screen: Screen[object]) -> None:
        if not self.is_attached:
            return
        parts: list[tuple[str, str]] = []
        self._places, column = [], self.styles.padding.left
        keys = _keys(screen)
        gap = self._gap([len(shown) + 1 + len(words) for _, shown, words, _ in keys])
        for key, shown, words, enabled in keys:
            tones = ("$text-accent", "$foreground") if enabled else ("$foreground-disabled", "$foreground-disabled")
            parts += [(f"{shown} ", tones[0]), (words + " " * gap, tones[1])]
            width = len(shown) + 1 + len(words)
            self._places.append((column, column + width, key))
            column += width + gap
        content = Content.assemble(*parts)
        if content != self._content or content.spans != self._content.spans:
            self._content = content
            self.refresh()

    def on_resize(self) -> None:
        """Another width may want another gap."""
        self._show(self.screen)

    def _gap(self, widths: list[int]) -> int:
        """Cells between two keys: one where two would push the last of them out."""
        room = self.content_size.width
        return 1 if room and sum(widths) + 2 * (len(widths) - 1) > room else 2


def _keys(screen: Screen[object]) -> list[tuple[str, str, str, bool]]:
    """Key, how it is shown, what it does, and whether it does so now."""
    order = {binding.action: at for at, (_, binding) in enumerate(screen._bindings)}
    active = [item for item in screen.active_bindings.values() if item.binding.show]
    active.sort(key=lambda item: order.get(item.binding.action, len(order)))
    return [
        (item.binding.key, screen.app.get_key_display(item.binding), item.binding.description, item.enabled)
        for item in active
    ]
