"""The engine walks a plan's steps: observe, apply only what is missing, observe again; it tells events as it goes.

It owns order, skipping, retry, deadlines, cancelling, the check of what was shown, and machines side by side.
It knows no cluster, VM or terminal: steps ask the world through ports, and nobody but the caller shows anything.
Synchronous: it runs on the caller's thread, with a pool of its own where a plan has several machines.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from meshvm_tui.engine_chain import Chain
from meshvm_tui.engine_result import conclude
from meshvm_tui.engine_retry import Clock
from meshvm_tui.engine_run import Run, RunRequest, Walk
from meshvm_tui.engine_telling import Telling
from meshvm_tui.events import RunFinished, RunStarted, Stage

if TYPE_CHECKING:
    from meshvm_tui.events import Event
    from meshvm_tui.ports import Connections

__all__ = ["RunRequest", "run"]

MACHINES_AT_ONCE = 8


def run(  # noqa: PLR0917 (the seam between engine and app: seven things, in the order of their contract)
    request: RunRequest,
    connections: Connections,
    emit: Callable[[Event], None],
    cancel: threading.Event,
    kept: Mapping[str, Any],
    keep: Callable[[str, Any], None],
    journal: Callable[[str, Mapping[str, Any]], None],
    *,
    steps: Walk | None = None,
    clock: Clock | None = None,
) -> RunFinished:
    """Walks the plan's steps in the request's mode and gives how it ended; every failure is told as an event.

    `emit` is called from the engine's threads, one call at a time. `kept` are the values of earlier runs, `keep`
    records one, `journal` writes an intent or a result. `steps` and `clock` replace the plan's own and real time.
    """
    clock = clock or Clock()
    telling = Telling(request.session, emit, clock)
    order = _chosen(_steps_of(request) if steps is None else steps, request)
    walk = Run(request, connections, cancel, clock, telling, dict(kept), keep, journal)
    telling.tell(
        RunStarted,
        mode=request.mode,
        steps=tuple((step.id, machine, str(step.stage), step.title) for step, machine in order),
    )
    with _watching_for_cancel(cancel, telling):
        _walk_all(walk, order)
    finished: RunFinished = telling.tell(RunFinished, **conclude(walk, order))
    telling.close()
    return finished


def _steps_of(request: RunRequest) -> Walk:
    from meshvm_tui.steps import steps_for

    return steps_for(request.plan)


def _chosen(order: Walk, request: RunRequest) -> Walk:
    """The steps of the request: those before the first one of a later stage than `upto`, or the named ones."""
    stages = list(Stage)
    chosen = []
    for step, machine in order:
        if request.upto is not None and stages.index(step.stage) > stages.index(request.upto):
            break
        if request.only_steps is None or step.id in request.only_steps:
            chosen.append((step, machine))
    return tuple(chosen)


def _walk_all(run_: Run, order: Walk) -> None:
    """Shared steps one after another; between them, the machines' steps side by side."""
    shared = Chain(run_, None)
    machines = {name: Chain(run_, run_.request.plan.machine(name)) for _, name in order if name}
    for is_shared, group in groupby(order, key=lambda item: not item[1]):
        steps = tuple(group)
        if is_shared:
            all_failed = bool(machines) and all(chain.stopped_by for chain in machines.values())
            shared.walk(tuple(step for step, _ in steps), unreachable="no machine is left" if all_failed else "")
        else:
            _side_by_side(machines, steps, shared.stopped_by)


def _side_by_side(machines: Mapping[str, Chain], steps: Walk, shared_stop: str) -> None:
    work = {name: tuple(step for step, machine in steps if machine == name) for _, name in steps}

    def walk(name: str) -> None:
        machines[name].walk(work[name], unreachable=shared_stop)

    if len(work) == 1:
        walk(next(iter(work)))
        return
    with ThreadPoolExecutor(min(MACHINES_AT_ONCE, len(work)), thread_name_prefix="meshvm-machine") as pool:
        for future in [pool.submit(walk, name) for name in work]:
            future.result()


@contextmanager
def _watching_for_cancel(cancel: threading.Event, telling: Telling) -> Iterator[None]:
    """While it runs: a cancel is answered at once for every step that is being applied and cannot be cut."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            if cancel.wait(0.1):
                telling.finishing()
                return

    threading.Thread(target=watch, name="meshvm-cancel", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
