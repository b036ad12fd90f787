"""The lab's time: the real one, moved by an offset that every process of the same lab reads from one file."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """Tells the lab's time in seconds since the epoch.

    With a `file` the offset outlives the process, and all that read the same file agree on it.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch, as the lab sees them."""
        return time.time() + self.offset()

    def offset(self) -> float:
        """Seconds by which the lab's time is ahead of the real one."""
        if self._file is not None:
            try:
                self._offset = float(self._file.read_text())
            except FileNotFoundError:
                self._offset = 0.0
            except ValueError:
                return self._offset  # caught in the middle of being written: the last one known holds
        return self._offset

    def shift(self, seconds: float) -> None:
        """Moves the lab's time; negative values move it back."""
        self._offset = self.offset() + seconds
        if self._file is not None:
            self._file.write_text(f"{self._offset}\n")

    def timestamp(self) -> str:
        """The present as Kubernetes writes it: RFC 3339, whole seconds, UTC."""
        return rfc3339(self.now())


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 with whole seconds in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> float:
    """The opposite of `rfc3339`, for any fraction and offset; raises ValueError."""
    return datetime.fromisoformat(text).timestamp()
