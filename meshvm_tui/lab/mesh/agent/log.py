"""The agent's log in Istio's own format: time, level, scope, message, then key=value pairs, tab separated."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


class AgentLog:
    """Writes lines to standard output, which istio-start.sh appends to istio.log."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    def info(self, message: str, *, scope: str = "", **pairs: object) -> None:
        """What happened."""
        self._write("info", message, scope, pairs)

    def warn(self, message: str, *, scope: str = "", **pairs: object) -> None:
        """What failed and is tried again."""
        self._write("warn", message, scope, pairs)

    def error(self, message: str, *, scope: str = "", **pairs: object) -> None:
        """What failed."""
        self._write("error", message, scope, pairs)

    def _write(self, level: str, message: str, scope: str, pairs: dict[str, object]) -> None:
        moment = self.now()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"
        fields = [stamp, level, *([scope] if scope else []), message]
        fields += [f"{key}={value}" for key, value in pairs.items()]
        sys.stdout.write("\t".join(fields) + "\n")
        sys.stdout.flush()
