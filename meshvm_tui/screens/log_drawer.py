"""The log drawer: every line that the engine told, newest last. Lines come in batches, for one by one is dear."""

from __future__ import annotations

from textual.widgets import Log

from meshvm_tui.durations import local_clock
from meshvm_tui.events import StepLogged
from meshvm_tui.screens.glyphs import printable

KEPT_LINES = 2000
SOURCE_WIDTH = 9


class LogDrawer(Log, can_focus=True):
    """Plain text; foreign words are shown as they came, without control characters."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own word)
        super().__init__(max_lines=KEPT_LINES, id=id)

    def show_lines(self, lines: list[str]) -> None:
        """Adds lines."""
        if lines:
            self.write_lines(lines)


def log_line(event: StepLogged) -> str:
    """Time, who said it, what."""
    return f" {local_clock(event.time)}  {event.source:<{SOURCE_WIDTH}}{printable(event.text)}"
