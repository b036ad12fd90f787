"""A program on a pseudo-terminal: what it asks is waited for, what is answered is typed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Self


class Conversation:
    """Everything that was said stands in `said`; what was waited for is behind `at`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._own, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"LC_ALL": "C.UTF-8", **environment},
            start_new_session=True,
        )
        os.close(theirs)
        self.said = ""
        self.at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._own)

    def wait_for(self, *texts: str, seconds: float = 60) -> str:
        """Waits until one of the texts is said, after what was waited for before; gives that text."""
        end = time.monotonic() + seconds
        while True:
            found = [(self.said.index(text, self.at), text) for text in texts if text in self.said[self.at :]]
            if found:
                place, text = min(found)
                self.at = place + len(text)
                return text
            assert self._read(end), f"{texts} were not said:\n{self.said[-4000:]}"

    def answer(self, text: str = "") -> None:
        """Types a line."""
        os.write(self._own, f"{text}\n".encode())

    def kill(self) -> None:
        """Ends the program as a power cut would."""
        self.process.kill()
        self.process.wait()

    def exit_status(self, seconds: float = 60) -> int:
        """Reads all that is still said, and gives the program's exit status."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        return self.process.wait(max(10.0, end - time.monotonic()))

    def _read(self, end: float) -> bool:
        """Reads what is there; False at the end of the program, or of the time."""
        ready, _, _ = select.select([self._own], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            piece = os.read(self._own, 65536)
        except OSError:
            return False
        self.said += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)
