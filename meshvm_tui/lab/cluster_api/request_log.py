"""The log of requests: one JSON line each, without bodies and without anything that could be a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class RequestLog:
    """Appends to a file; keeps nothing where there is none."""

    def __init__(self, file: Path | None) -> None:
        self._stream = file.open("a", buffering=1) if file else None

    def write(
        self, *, time: str, method: str, path: str, query: Mapping[str, str], agent: str, user: str, status: int
    ) -> None:
        """One request and the status of its answer."""
        if self._stream is None or self._stream.closed:
            return
        line: dict[str, Any] = {"time": time, "method": method, "path": path, "query": dict(query)}
        line |= {"userAgent": agent, "user": user, "status": status}
        self._stream.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Closes the file."""
        if self._stream is not None:
            self._stream.close()
