"""A look asks ahead: what later steps see is asked for beside what earlier ones see, and told in its turn.

Each step is asked once before its turn. Where that raises, nothing came of it: the walk asks again when it comes there,
with its pauses and its words. So a look tells the same, in the same order, as if it had asked one after another.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from meshvm_tui.engine_retry import CANCEL_POLL
from meshvm_tui.engine_step import StepResult
from meshvm_tui.problems import Cancelled

SHARED_AT_ONCE = 3
"""Steps that all machines share and that are asked ahead at once, beside the walk's own."""
MACHINES_AT_ONCE = 8
"""Machines that are asked at once; the steps of one wait for one another, as they share what it says."""


class Held:
    """What a step says before its turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], None]] | None = []

    def tell(self, tell: Callable[[], None]) -> None:
        """Tells it at once where its turn has come, else then."""
        with self._lock:
            if self._waiting is None:
                tell()
            else:
                self._waiting.append(tell)

    def open(self) -> None:
        """Its turn has come."""
        with self._lock:
            waiting, self._waiting = self._waiting or [], None
            for tell in waiting:
                tell()


class Early:
    """One step's look, made once: by whoever comes first, a helper ahead of the walk or the walk itself."""

    def __init__(self, look: Callable[[Held], StepResult]) -> None:
        self._look = look
        self._held = Held()
        self._claim = threading.Lock()
        self._done = threading.Event()
        self._result: StepResult | None = None

    def attempt(self) -> bool:
        """A helper looks. Whether what follows may be asked as well: not where this one raised."""
        if not self._claim.acquire(blocking=False):
            return True
        try:
            self._result = self._look(self._held)
        except Exception:  # noqa: BLE001 (asked again in its turn, where it is told)
            return False
        finally:
            self._done.set()
        return True

    def seen(self, cancel: threading.Event) -> StepResult | None:
        """In the step's turn: what was seen; None where the step is still to be asked."""
        if self._claim.acquire(blocking=False):
            return None
        while not self._done.wait(CANCEL_POLL):
            if cancel.is_set():
                raise Cancelled
        if self._result is not None:
            self._held.open()
        return self._result


class Helpers:
    """Threads that look ahead until `end`. They only read: one that is left behind does no harm."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def begin(self, shared: Iterable[Early], machines: Iterable[Sequence[Early]]) -> None:
        """Asks the machines side by side, each in its order, and the shared steps a few at once."""
        self._start(deque(machines), MACHINES_AT_ONCE)
        self._start(deque((early,) for early in shared), SHARED_AT_ONCE)

    def end(self) -> None:
        """Nothing further is asked."""
        self._over.set()

    def _start(self, rows: deque[Sequence[Early]], at_once: int) -> None:
        for _ in range(min(at_once, len(rows))):
            threading.Thread(target=self._work, args=(rows,), name="meshvm-ahead", daemon=True).start()

    def _work(self, rows: deque[Sequence[Early]]) -> None:
        while not self._over.is_set():
            try:
                row = rows.popleft()
            except IndexError:
                return
            for early in row:
                if self._over.is_set() or not early.attempt():
                    break
