"""The log drawer: every line that the engine told, newest last. Lines come in batches, for one by one is dear."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from textual.widgets import Log

from meshvm_tui.durations import local_clock
from meshvm_tui.events import StepLogged
from meshvm_tui.screens.glyphs import printable

KEPT_LINES = 2000
SOURCE_WIDTH = 9


class LogLine(NamedTuple):
    """A line of the log, and the machine that it is of; "" where it is of all."""

    machine: str
    text: str


class LogDrawer(Log, can_focus=True):
    """Plain text; foreign words are shown as they came, without control characters."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own word)
        super().__init__(max_lines=KEPT_LINES, id=id)
        self._kept: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._machine = ""

    def show_lines(self, lines: Sequence[LogLine]) -> None:
        """Adds lines."""
        self._kept.extend(lines)
        if seen := [line.text for line in lines if self._is_of(line)]:
            self.write_lines(seen)

    def show_machine(self, machine: str) -> None:
        """Shows what is said of one machine and of all; "" shows every line again."""
        if machine != self._machine:
            self._machine = machine
            self.clear()
            self.write_lines([line.text for line in self._kept if self._is_of(line)])

    def _is_of(self, line: LogLine) -> bool:
        return not self._machine or line.machine in ("", self._machine)


def log_line(event: StepLogged, *, several: bool) -> LogLine:
    """Time, who said it, what; of which machine where there are several."""
    machine = f"{event.machine}: " if several and event.machine else ""
    said = f" {local_clock(event.time)}  {event.source:<{SOURCE_WIDTH}}{machine}{printable(event.text)}"
    return LogLine(event.machine, said)
