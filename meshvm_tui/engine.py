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

from meshvm_tui.engine_ahead import MACHINES_AT_ONCE, Helpers
from meshvm_tui.engine_chain import Chain
from meshvm_tui.engine_result import conclude
from meshvm_tui.engine_retry import Clock
from meshvm_tui.engine_run import Run, RunRequest, Walk
from meshvm_tui.engine_telling import Telling
from meshvm_tui.events import RunFinished, RunStarted, Stage

if TYPE_CHECKING:
    from meshvm_tui.events import Event
    from meshvm_tui.ports import Connections
    from meshvm_tui.steps.step import Step

__all__ = ["RunRequest", "run"]


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
    """The steps of the request: those before the first one of a later stage than `upto` (a machine's own, or one of
    all machines), or the named ones."""
    stages, ended = list(Stage), set()
    chosen = []
    for step, machine in order:
        if request.upto is not None and stages.index(step.stage) > stages.index(request.upto):
            ended.add(machine)
        if ended & {machine, ""}:
            continue
        if request.only_steps is None or step.id in request.only_steps:
            chosen.append((step, machine))
    return tuple(chosen)


def _walk_all(run_: Run, order: Walk) -> None:
    """The shared steps before the machines', then every machine on its own way through the rest. A look that has come
    past the first step, which says whether the cluster answers at all, asks for the rest ahead."""
    groups = [tuple(group) for _, group in groupby(order, key=lambda item: not item[1])]
    shared = Chain(run_, None)
    machines = [Chain(run_, run_.request.plan.machine(name)) for name in dict.fromkeys(m for _, m in order if m)]
    helpers = Helpers()
    if groups and not groups[0][0][1]:
        steps = _steps(groups.pop(0))
        if run_.looks:
            shared.walk(steps[:1], unreachable="")
            steps = steps[1:]
            if not shared.stopped_by:
                rows = [each.ahead(_steps(order, each.name)) for each in machines]
                helpers.begin(shared.ahead(_steps(order)[1:]), rows)
        shared.walk(steps, unreachable="")
    rest = [_Samples(shared, _steps(group)) if not group[0][1] else group for group in groups]

    def walk(machine: Chain) -> None:
        for group in rest:
            if isinstance(group, _Samples):
                group.walk_once(machine)
            else:
                machine.walk(_steps(group, machine.name), unreachable=shared.stopped_by)

    if len(machines) == 1:
        walk(machines[0])
    elif machines:
        with ThreadPoolExecutor(min(MACHINES_AT_ONCE, len(machines)), thread_name_prefix="meshvm-machine") as pool:
            for future in [pool.submit(walk, machine) for machine in machines]:
                future.result()
    for group in rest:
        if isinstance(group, _Samples):
            group.leave_out_where_nobody_came()
    helpers.end()


def _steps(group: Walk, machine: str = "") -> tuple[Step, ...]:
    return tuple(step for step, name in group if name == machine)


class _Samples:
    """Shared steps amid the machines': the first machine that gets there has them done, the others wait for it.

    So no machine waits for one that hangs, and nothing is made where no machine is left to use it.
    """

    def __init__(self, shared: Chain, steps: tuple[Step, ...]) -> None:
        self._shared = shared
        self._steps = steps
        self._lock = threading.Lock()
        self._walked = False

    def walk_once(self, machine: Chain) -> None:
        """Runs the steps, unless the machine has failed or another one had them done."""
        if machine.stopped_by:
            return
        with self._lock:
            if not self._walked:
                self._walked = True
                self._shared.walk(self._steps, unreachable="")

    def leave_out_where_nobody_came(self) -> None:
        """After all machines: says that the steps were not reached."""
        if not self._walked:
            self._shared.walk(self._steps, unreachable="no machine is left")


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
