"""Going on without a step that is at work: the operator's wish, and what ends the step's own work for it."""

from __future__ import annotations

import threading
import time

POLL = 0.05


class SkipWishes:
    """(step, machine) that the operator goes on without, wished while the run is under way; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wished: set[tuple[str, str]] = set()

    def add(self, step: str, machine: str) -> None:
        """Goes on without this step of this machine ("" for a step of all)."""
        with self._lock:
            self._wished.add((step, machine))

    def has(self, step: str, machine: str) -> bool:
        """Whether it was wished."""
        with self._lock:
            return (step, machine) in self._wished


class StepStop(threading.Event):
    """Set where the run is cancelled or its one step is to be skipped: what a step asks whether it may go on.

    It only reads: neither of the two is ever set through it."""

    def __init__(self, cancel: threading.Event, wishes: SkipWishes, step: str, machine: str) -> None:
        super().__init__()
        self._cancel = cancel
        self._wishes = wishes
        self._key = step, machine

    def is_set(self) -> bool:
        """Whether the step's work ends."""
        return self._cancel.is_set() or self._wishes.has(*self._key)

    def wait(self, timeout: float | None = None) -> bool:
        """True as soon as it is set, False after so many seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = POLL if end is None else min(POLL, end - time.monotonic())
            if left <= 0:
                return False
            self._cancel.wait(left)
        return True
