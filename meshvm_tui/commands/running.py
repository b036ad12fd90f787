"""Runs the engine for a command: signals cancel it, its events are written and kept in the session."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from meshvm_tui.engine import RunRequest, run
from meshvm_tui.events import Event, RunFinished
from meshvm_tui.terminal_output import Output, say

if TYPE_CHECKING:
    from meshvm_tui.ports import Connections
    from meshvm_tui.session_store import OpenSession


def run_plan(
    request: RunRequest,
    connections: Connections,
    output: Output,
    held: OpenSession | None = None,
    kept: Mapping[str, Any] | None = None,
    *,
    record: bool = True,
    heard: Callable[[int], None] | None = None,
) -> RunFinished:
    """One run on this thread. Where a session is held, everything is kept in it; else nothing is.

    Without `record` its events are not folded into the session: a look is not what was done. `heard` is told each
    signal.

    SIGINT, SIGTERM and SIGHUP cancel it; a second SIGINT ends it at once. Where the output cannot be
    written any more, the run is cancelled and that OSError is raised after its end.
    """
    cancel = threading.Event()
    broken: list[OSError] = []

    def emit(event: Event) -> None:
        if held and record:
            held.take_event(event)
        if not broken:
            try:
                output.take(event)
            except OSError as error:
                broken.append(error)
                cancel.set()

    with _signals(cancel, heard):
        finished = run(
            request,
            connections,
            emit,
            cancel,
            dict(held.session.kept) if held else dict(kept or {}),
            held.take_kept if held else _nowhere,
            held.append_journal if held else _nowhere,
        )
    if broken:
        raise broken[0]
    return finished


def _nowhere(_name: str, _value: Any) -> None:
    """A dry run keeps nothing."""


@contextmanager
def _signals(cancel: threading.Event, heard: Callable[[int], None] | None) -> Iterator[None]:
    """Cancels on the first signal; the handlers that were there come back at the end."""
    handlers: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def handle(number: int, _frame: FrameType | None) -> None:
        if cancel.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not cancel.is_set():
            say("Cancelling: nothing new starts. Ctrl-C again leaves at once.")
        cancel.set()
        if heard:
            heard(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        handlers[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for earlier in handlers.items():
            signal.signal(*earlier)
