"""Ways to ask the operator for a secret (`ports.Secrets`). Nothing of it is stored, logged or passed on.

The command line takes it from the environment or asks on the terminal; the app has it from its own dialog.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshvm_tui.ports import SecretKind

# By the words of SecretKind: the module of the ports need not be there for the first frame.
VARIABLES = {"sudo": "MESHVM_TUI_SUDO_PASSWORD", "passphrase": "MESHVM_TUI_KEY_PASSPHRASE"}
QUESTIONS = {"sudo": "Password for sudo as {}: ", "passphrase": "Passphrase for {}: "}
POLL_SECONDS = 0.1


class MemorySecrets:
    """What was given so far. It asks nobody: whoever finds it lacking gives it and tries again."""

    def __init__(self) -> None:
        self._given: dict[tuple[SecretKind, str], str] = {}

    def give(self, kind: SecretKind, subject: str, secret: str) -> None:
        """Keeps it until it is rejected, or the process ends."""
        self._given[kind, subject] = secret

    def ask(self, kind: SecretKind, subject: str, cancelled: Callable[[], bool]) -> str | None:
        """What was given; None where nothing was."""
        return self._given.get((kind, subject))

    def reject(self, kind: SecretKind, subject: str) -> None:
        """Forgets it."""
        self._given.pop((kind, subject), None)


class CommandLineSecrets:
    """From `VARIABLES`, which are taken out of the environment so that no child process gets them; then from the
    terminal, one question at a time, where standard input is one."""

    def __init__(self) -> None:
        self._from_environment = {kind: os.environ.pop(name, "") for kind, name in VARIABLES.items()}
        self._given = MemorySecrets()
        self._rejected: set[tuple[SecretKind, str]] = set()
        self._one_question = threading.Lock()
        self._closed = threading.Event()

    def ask(self, kind: SecretKind, subject: str, cancelled: Callable[[], bool]) -> str | None:
        """The secret; None where there is neither variable nor terminal, or the answer is empty."""
        with self._one_question:
            if (given := self._given.ask(kind, subject, cancelled)) is not None:
                return given
            again = (kind, subject) in self._rejected
            answer = "" if again else self._from_environment[kind]
            if not answer:
                wrong = "That was wrong. " if again else ""
                answer = self._from_terminal(wrong + QUESTIONS[kind].format(subject), cancelled)
            if answer:
                self._given.give(kind, subject, answer)
            return answer or None

    def reject(self, kind: SecretKind, subject: str) -> None:
        """Forgets it; the environment's is not tried there again."""
        self._rejected.add((kind, subject))
        self._given.reject(kind, subject)

    def close(self) -> None:
        """Ends a question that nobody waits for any more, and waits until the terminal is as it was."""
        self._closed.set()
        with self._one_question:
            pass

    def _from_terminal(self, question: str, cancelled: Callable[[], bool]) -> str:
        if not sys.stdin.isatty():
            return ""
        try:
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return ""
        try:
            with _without_echo(terminal):
                os.write(terminal, question.encode())
                return self._line(terminal, cancelled)
        finally:
            os.close(terminal)

    def _line(self, terminal: int, cancelled: Callable[[], bool]) -> str:
        """What is typed up to Enter; "" where the question is given up."""
        while not (self._closed.is_set() or cancelled()):
            if select.select([terminal], [], [], POLL_SECONDS)[0]:
                return os.read(terminal, 4096).decode(errors="replace").rstrip("\r\n")
        return ""


@contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.write(terminal, b"\n")
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
