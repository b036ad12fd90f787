"""Lines out, lines in: everything that the plain wizard says and hears."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from meshvm_tui.screens.glyphs import printable
from meshvm_tui.terminal_text import Look


class Left(BaseException):
    """The operator is gone or wants to go: nothing more is asked. `code` is how the command ends."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code


class Talk:
    """A conversation. Lines may be said from any thread; foreign text comes without control characters."""

    def __init__(self, heard: TextIO, said: TextIO, *, unicode: bool = True) -> None:
        self._heard = heard
        self._said = said
        self._look = Look(unicode=unicode)
        self._lock = threading.Lock()

    def say(self, *lines: str) -> None:
        """Says each as a line of its own."""
        with self._lock:
            for line in lines:
                self._said.write(self._look.text(printable(line)).rstrip() + "\n")
            self._said.flush()

    def ask(self, question: str, default: str | None = None) -> str:
        """What is answered, as typed and without its line end. Raises Left where nobody answers any more."""
        shown = "" if default is None else f" [{default or 'empty'}]"
        with self._lock:
            self._said.write(self._look.text(printable(f"{question}{shown}: ")))
            self._said.flush()
        try:
            line = self._heard.readline()
        except KeyboardInterrupt:
            self.say("")
            raise Left(128 + signal.SIGINT) from None
        if not line:
            self.say("")
            raise Left
        return line.strip()

    def yes(self, question: str) -> bool:
        """Whether the answer is yes; Enter is no."""
        while True:
            answer = self.ask(f"{question} yes or no", "no").lower()
            if answer in ("", "n", "no"):
                return False
            if answer in ("y", "yes"):
                return True
            self.say(f"Not taken: {answer!r}. Valid: yes, no.")


@contextmanager
def leaving_by_signals() -> Iterator[None]:
    """While it is entered, SIGTERM and SIGHUP are a Left, so that everything is put back on the way out."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise Left(128 + number)

    earlier: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}
    for wanted in (signal.SIGTERM, signal.SIGHUP):
        earlier[wanted] = signal.signal(wanted, leave)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
