"""The log of requests to the lab's Google: one JSON line each, with the body, without anything that lets one in."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshvm_tui.lab.clock import Clock

_SECRET = {"assertion", "access_token", "refresh_token", "client_secret", "access_key", "key"}


class GoogleRequestLog:
    """Appends to a file. Threads may share it."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._stream = file.open("a", buffering=1, encoding="utf-8")
        file.chmod(0o600)
        self._clock = clock
        self._lock = threading.Lock()

    def write(
        self, *, api: str, method: str, path: str, query: Mapping[str, str | Sequence[str]], body: Any, status: int
    ) -> None:
        """One request and the status of its answer; 0 where the connection was cut instead."""
        asked = {name: value for name, value in query.items() if name not in _SECRET}
        line = {"time": self._clock.timestamp(), "api": api, "method": method, "path": path, "query": asked}
        text = json.dumps({**line, "body": body, "status": status}, separators=(",", ":"))
        with self._lock:
            if not self._stream.closed:
                self._stream.write(text + "\n")

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._stream.close()
