"""How the engine tells: one event at a time, stamped, redacted, and none after the run's end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from meshvm_tui.events import Event, StepLogged, StepProgressed
from meshvm_tui.redaction import redacted

if TYPE_CHECKING:
    from meshvm_tui.engine_retry import Clock

E = TypeVar("E", bound=Event)


class Telling:
    """Makes events and hands them to the caller; safe to use from every thread of a run."""

    def __init__(self, session: str, emit: Callable[[Event], None], clock: Clock) -> None:
        self._session = session
        self._emit = emit
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = False
        self._applying: set[tuple[str, str]] = set()

    def tell(self, kind: type[E], **values: Any) -> E:
        """Makes an event of this kind, redacts it and emits it; gives it back."""
        event = redacted(kind(time=self._clock.now(), session=self._session, **values))
        with self._lock:
            if not self._closed:
                self._emit(event)
        return event

    def log(self, step: str, machine: str, source: str, text: str) -> None:
        """A line of what a step does, or what another system said."""
        self.tell(StepLogged, step=step, machine=machine, source=source, text=text)

    def progress(
        self, step: str, machine: str, message: str, done: int | None = None, total: int | None = None
    ) -> None:
        """What a step waits for or has reached."""
        self.tell(StepProgressed, step=step, machine=machine, message=message, done=done, total=total)

    def applying(self, step: str, machine: str, *, begins: bool) -> None:
        """Notes that a step changes the world now, or no longer."""
        with self._lock:
            if begins:
                self._applying.add((step, machine))
            else:
                self._applying.discard((step, machine))

    def finishing(self) -> None:
        """Says of every step that changes the world now that it is being finished, for the run was cancelled."""
        with self._lock:
            applying = sorted(self._applying)
        for step, machine in applying:
            self.progress(step, machine, "cancelling: finishing what cannot be cut safely")

    def close(self) -> None:
        """Nothing is told after this, even by a reading call that was left behind."""
        with self._lock:
            self._closed = True
