"""A connection that nobody has used for a while is ended: an operator who left a stage holds no way into a VM open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

IDLE_SECONDS = 120.0
"""Longer than the rest between two looks, so that a stage that is open keeps its connection."""


class Clock(Protocol):
    """What calls once, later, unless it is cancelled before."""

    def start(self) -> None:
        """From now on."""

    def cancel(self) -> None:
        """Not any more."""


MakeClock = Callable[[float, Callable[[], None]], Clock]


def daemon_timer(seconds: float, call: Callable[[], None]) -> Clock:
    """A thread that waits, and for which no process waits."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    return timer


class Idle:
    """Calls `end` once nobody has used the connection for a while; never while somebody does."""

    def __init__(self, end: Callable[[], None], make_clock: MakeClock) -> None:
        self._end = end
        self._make_clock = make_clock
        self._lock = threading.Lock()
        self._users = 0
        self._over = False
        self._clock: Clock | None = None

    @property
    def in_use(self) -> bool:
        """Whether somebody uses it now."""
        return self._users > 0

    @contextmanager
    def used(self) -> Iterator[None]:
        """While this lasts it is in use."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def over(self) -> None:
        """The connection is closed for good."""
        with self._lock:
            self._over = True
            self._stop()

    def _count(self, more: int) -> None:
        with self._lock:
            self._users += more
            self._stop()
            if not self._users and not self._over:
                self._clock = self._make_clock(IDLE_SECONDS, self._end)
                self._clock.start()

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
