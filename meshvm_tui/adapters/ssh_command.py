"""A command that runs over SSH: its input is sent whole, its lines are given as they come, its other words are kept."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from meshvm_tui.problems import Cancelled, TransientError

if TYPE_CHECKING:
    import paramiko

TURN_SECONDS = 0.1
"""How long a cancel may stay unseen while nothing comes."""
STATUS_SECONDS = 15.0
ANSWER_SECONDS = 15.0


class Command:
    """A command that runs: its lines as they come, its other words, how it ended."""

    def __init__(self, channel: paramiko.Channel, where: str, cancelled: Callable[[], bool], silence: float) -> None:
        self._channel = channel
        self._where = where
        self._cancelled = cancelled
        self._silence = silence
        self._words: deque[bytes] = deque(maxlen=200)
        self.sent_at = 0.0

    def start(self, command: str) -> None:
        """Asks the machine to run it. paramiko waits for the answer without end; a watch of ours ends that.

        No answer within `ANSWER_SECONDS`: a TransientError."""
        answered = threading.Event()
        asked = time.monotonic()
        longest = min(self._silence, ANSWER_SECONDS)

        def watch() -> None:
            while not answered.wait(TURN_SECONDS):
                if self._cancelled() or time.monotonic() - asked > longest:
                    self.close()
                    return

        threading.Thread(target=watch, name="meshvm-answer", daemon=True).start()
        try:
            self._channel.exec_command(command)
        except Exception as error:
            self._check()
            if time.monotonic() - asked > longest:
                raise TransientError("MVM-412", f"{self._where}: not a word for {longest:.0f} s") from error
            raise
        finally:
            answered.set()

    def send(self, pieces: Iterable[bytes]) -> None:
        """All of the input, then its end. A command that ends before it has read everything says why by itself."""
        for piece in pieces:
            rest = memoryview(piece)
            heard = time.monotonic()
            while rest:
                self._check()
                try:
                    sent = self._channel.send(rest[: 1 << 15].tobytes())
                except TimeoutError:
                    self._check_silence(heard)
                    continue
                except OSError:
                    sent = 0
                if sent == 0:
                    self._check_cut()
                    return
                heard = time.monotonic()
                rest = rest[sent:]
        self._channel.shutdown_write()
        self.sent_at = time.time()

    def lines(self) -> Iterator[str]:
        """Standard output by lines, until the command ends; raises where the connection is cut."""
        rest = b""
        heard = time.monotonic()
        try:
            while True:
                self._check()
                self._keep_words()
                try:
                    data = self._channel.recv(1 << 16)
                except TimeoutError:
                    self._check_silence(heard)
                    continue
                if not data:
                    break
                heard = time.monotonic()
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    yield line.decode(errors="replace")
        finally:
            self._keep_words()
            self._close_if_unfinished()
        if rest:
            yield rest.decode(errors="replace")

    def exit_status(self) -> int:
        """How it ended, after its last line. A connection that was cut has no status: a TransientError."""
        deadline = time.monotonic() + STATUS_SECONDS
        while not self._channel.status_event.wait(TURN_SECONDS):
            self._check()
            transport = self._channel.get_transport()
            if not transport.is_active() or time.monotonic() > deadline:
                break
        status = self._channel.exit_status
        if status == -1:
            self._check()
            raise TransientError("MVM-411", f"{self._where}: it was cut before the command had ended")
        return status

    def words(self) -> str:
        """The end of what it said on standard error."""
        return b"".join(self._words).decode(errors="replace")[-4000:]

    def close(self) -> None:
        """Stops listening; without a terminal the command goes on to its end."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.close()

    def _close_if_unfinished(self) -> None:
        if not self._channel.eof_received:
            self.close()

    def _check(self) -> None:
        if self._cancelled():
            raise Cancelled

    def _check_cut(self) -> None:
        if not self._channel.get_transport().is_active():
            raise EOFError("the connection was cut while it took its input")

    def _check_silence(self, heard: float) -> None:
        if time.monotonic() - heard > self._silence:
            self.close()
            raise TransientError("MVM-412", f"{self._where}: not a word for {self._silence:.0f} s")

    def _keep_words(self) -> None:
        # Unread words would stop the whole channel once its window is full.
        with contextlib.suppress(OSError):
            while self._channel.recv_stderr_ready():
                data = self._channel.recv_stderr(1 << 15)
                if not data:
                    return
                self._words.append(data)
