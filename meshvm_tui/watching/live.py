"""The live model of one kind of object: fed by a watch on its own thread, drained by whoever shows it.

Between two drains only the latest of each object is kept, so a flood costs what its objects cost, not its events.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from meshvm_tui.ports import WatchEvent

Key = tuple[str, str]


class Row(Protocol):
    """What is kept of an object."""

    @property
    def key(self) -> Key:
        """Namespace and name."""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Delta(Generic[R]):
    """What changed since the last drain. With `reset`, `changed` is everything there is."""

    changed: tuple[R, ...] = ()
    removed: tuple[Key, ...] = ()
    reset: bool = False


@dataclass(frozen=True)
class Liveness:
    """Whether the watch is live: `synced` after the first list; `trouble` says why it is not live now.

    `last_event` is when the watch last told anything, in seconds since the epoch."""

    synced: bool = False
    trouble: str = ""
    last_event: float | None = None


class LiveSet(Generic[R]):
    """The rows of one watch. `take` is called by the watch's thread, the rest by any thread."""

    def __init__(self, row_of: Callable[[dict[str, Any]], R], clock: Callable[[], float] = time.time) -> None:
        self._row_of = row_of
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[Key, R] = {}
        self._changed: dict[Key, R] = {}
        self._removed: set[Key] = set()
        self._reset = False
        self._liveness = Liveness()

    def take(self, event: WatchEvent) -> None:
        """Takes one event of the watch."""
        if event.type == "STALE":
            with self._lock:
                self._liveness = Liveness(self._liveness.synced, event.message, self._liveness.last_event)
            return
        if event.type == "SYNCED":
            rows = {row.key: row for row in map(self._row_of, event.objects)}
            with self._lock:
                self._rows, self._changed, self._removed, self._reset = rows, {}, set(), True
                self._heard()
            return
        row = self._row_of(event.object)
        with self._lock:
            if event.type == "DELETED":
                self._rows.pop(row.key, None)
                self._changed.pop(row.key, None)
                self._removed.add(row.key)
            elif self._rows.get(row.key) != row:
                self._rows[row.key] = self._changed[row.key] = row
                self._removed.discard(row.key)
            self._heard()

    def failed(self, reason: str) -> None:
        """The watch has ended and will not come back."""
        with self._lock:
            self._liveness = Liveness(self._liveness.synced, reason, self._liveness.last_event)

    def drain(self) -> Delta[R]:
        """What changed since the last drain."""
        with self._lock:
            if self._reset:
                delta = Delta(tuple(self._rows.values()), (), reset=True)
            else:
                delta = Delta(tuple(self._changed.values()), tuple(self._removed))
            self._changed, self._removed, self._reset = {}, set(), False
            return delta

    def rows(self) -> tuple[R, ...]:
        """Everything there is now."""
        with self._lock:
            return tuple(self._rows.values())

    @property
    def liveness(self) -> Liveness:
        """How live it is."""
        with self._lock:
            return self._liveness

    def _heard(self) -> None:
        self._liveness = Liveness(True, "", self._clock())
