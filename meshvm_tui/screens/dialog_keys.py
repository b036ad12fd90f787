"""A dialog's last line: its keys, each of which can be clicked."""

from __future__ import annotations

from collections.abc import Mapping

from textual.screen import Screen

from meshvm_tui.screens.key_line import KeyItem, KeyLine


class DialogKeys(KeyLine):
    """`words` say what each action does here: `{"go_on": "cancel it and quit"}`, in this order."""

    GAP = 4
    DEFAULT_CSS = "DialogKeys { dock: bottom; padding: 0; margin: 1 0 0 0; }"

    def __init__(self, words: Mapping[str, str], *, id: str | None = None) -> None:  # noqa: A002 (Textual's own word)
        super().__init__(id=id)
        self._words = dict(words)

    def show_words(self, words: Mapping[str, str]) -> None:
        """Other actions, or other words for them."""
        if words != self._words:
            self._words = dict(words)
            self.show(self.screen)

    def items(self, screen: Screen[object]) -> list[KeyItem]:
        """The dialog's own keys."""
        found: dict[str, KeyItem] = {}
        for item in screen.active_bindings.values():
            binding = item.binding
            if item.node is screen and binding.action in self._words and binding.action not in found:
                shown, words = self.app.get_key_display(binding), self._words[binding.action]
                found[binding.action] = KeyItem(binding.key, shown, words, item.enabled)
        return [found[action] for action in self._words if action in found]
