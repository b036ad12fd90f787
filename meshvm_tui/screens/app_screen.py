"""What every screen of the app has in common: help, new facts, and how it is left.

A screen that has told the app to go elsewhere takes no more keys: the app keeps them for the next screen. Without
this, what is typed ahead (or pasted, or sent over a slow line in one piece) would land on the old screen.
"""

from __future__ import annotations

from textual.screen import Screen

from meshvm_tui.screens.messages import Intent


class AppScreen(Screen[None]):
    """A screen of the app. `help_text` is what F1 shows."""

    help_text = ""
    leaving = False

    @property
    def ready(self) -> bool:
        """Whether its widgets are there: not yet before it is composed, no more while it is taken down."""
        return self.is_running and self.is_attached and bool(self.children)

    def leave_by(self, intent: Intent) -> None:
        """Tells the app where to go, and takes no more keys until it has decided."""
        self.leaving = True
        self.post_message(intent)

    def show_board(self) -> None:
        """The engine told something about the board that this screen was given."""

    def show_log(self, lines: list[str]) -> None:
        """New lines of the log."""
