"""Time in the engine: its clock, the pauses between tries, and reading calls that a cancel need not wait for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from meshvm_tui.problems import Cancelled, TransientError

T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
CANCEL_POLL = 0.1


def _wait(event: threading.Event, seconds: float) -> bool:
    return event.wait(seconds)


@dataclass(frozen=True)
class Clock:
    """Where the engine takes time from. `wait` gives True the moment that the event is set.

    `jitter` gives a factor around 1, so that many clients do not come back at once.
    """

    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], bool] = _wait
    jitter: Callable[[], float] = field(default=lambda: random.uniform(0.8, 1.2))  # noqa: S311 (no secret)

    def now(self) -> str:
        """RFC 3339 in UTC, with milliseconds."""
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def try_until(
    deadline: float,
    work: Callable[[], T],
    *,
    clock: Clock,
    cancel: threading.Event,
    said: Callable[[TransientError, float], None],
) -> T:
    """Calls `work` until it raises nothing transient; gives up with its last problem when the deadline would pass.

    `said` is told each transient problem and the pause in seconds that follows it. Raises Cancelled in a pause.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return work()
        except TransientError as problem:
            length = pause * clock.jitter()
            if clock.monotonic() + length >= deadline:
                raise
            said(problem, length)
        if clock.wait(cancel, length):
            raise Cancelled
        pause = min(pause * 2, LONGEST_PAUSE)


def reading(work: Callable[[], T], cancel: threading.Event) -> T:
    """Calls `work`, which only reads, on a thread of its own, and leaves it behind where the run is cancelled.

    The call ends by its own timeout; as it only reads, nothing is lost or harmed.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def target() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 (it is raised again on the caller's thread)
            errors.append(error)
        finally:
            done.set()

    if cancel.is_set():
        raise Cancelled
    threading.Thread(target=target, name="meshvm-reading", daemon=True).start()
    while not done.wait(CANCEL_POLL):
        if cancel.is_set():
            raise Cancelled
    if errors:
        raise errors[0]
    return results[0]
