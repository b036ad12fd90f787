"""The app's one engine worker: a daemon thread that runs what is asked, one run after another.

Looking gives way to everything: a newer request replaces one that only looks. A run that applies is never replaced,
only cancelled. Nothing here touches a widget; events go to `tell` from the engine's threads.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.engine_skip import SkipWishes
from meshvm_tui.events import Event, Mode, Stage
from meshvm_tui.look_memory import LookMemory
from meshvm_tui.problems import PermanentError, Problem, ProblemRecord

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections


@dataclass(frozen=True)
class Job:
    """One run to make. One that `follows` looks before it need not ask again for what hardly ever moves.

    `kept`, `keep`, `journal` and `record` (each event, before it is told) are the session's."""

    plan: Plan
    mode: Mode
    session: str
    upto: Stage | None
    kept: Mapping[str, Any]
    keep: Callable[[str, Any], None]
    journal: Callable[[str, Mapping[str, Any]], None]
    approved: Mapping[tuple[str, str], tuple[str, ...]] | None = None
    files_root: Path | None = None
    record: Callable[[Event], None] | None = None
    skips: frozenset[tuple[str, str]] = frozenset()
    follows: bool = False
    wishes: SkipWishes = field(default_factory=SkipWishes)
    cancel: threading.Event = field(default_factory=threading.Event)


class EngineWorker:
    """Runs jobs. `tell(token, event)` and `broke(token, problem)` are called from its threads."""

    def __init__(
        self,
        connections: Connections,
        tell: Callable[[int, Event], None],
        broke: Callable[[int, ProblemRecord], None],
    ) -> None:
        self._connections = connections
        self._tell = tell
        self._broke = broke
        self._tokens = itertools.count(1)
        self._changed = threading.Condition()
        self._waiting: tuple[int, Job] | None = None
        self._current: Job | None = None
        self._thread: threading.Thread | None = None
        self._memory = LookMemory()

    def submit(self, job: Job) -> int:
        """Runs this next, and ends what only looks now. Gives the token under which its events are told."""
        with self._changed:
            token = next(self._tokens)
            self._waiting = (token, job)
            if self._current and self._current.mode is not Mode.APPLY:
                self._current.cancel.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="meshvm-engine", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return token

    @property
    def applying(self) -> bool:
        """Whether the world is being changed now, or next."""
        with self._changed:
            jobs = (self._current, self._waiting[1] if self._waiting else None)
            return any(job is not None and job.mode is Mode.APPLY for job in jobs)

    def cancel(self) -> None:
        """Ends what runs and what waits; what cannot be cut safely is finished by the engine."""
        with self._changed:
            if self._current:
                self._current.cancel.set()
            self._waiting = None
            self._changed.notify_all()

    def skip(self, step: str, machine: str) -> None:
        """What runs goes on without this step, although it is at work."""
        with self._changed:
            if self._current:
                self._current.wishes.add(step, machine)

    def wait_idle(self, seconds: float) -> bool:
        """Waits until nothing runs or waits; False where it still does after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._current is None and self._waiting is None, seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._waiting is None:
                    self._changed.wait()
                token, job = self._waiting
                self._waiting, self._current = None, job
            try:
                self._run(token, job)
            finally:
                with self._changed:
                    self._current = None
                    self._changed.notify_all()

    def _run(self, token: int, job: Job) -> None:
        from meshvm_tui.engine import RunRequest, run

        if not job.follows:
            self._memory.forget()
        request = RunRequest(
            plan=job.plan,
            mode=job.mode,
            session=job.session,
            upto=job.upto,
            approved=job.approved,
            files_root=job.files_root,
            skips=job.skips,
            known=self._memory.of(job.plan) if job.follows else None,
            wishes=job.wishes,
        )

        def emit(event: Event) -> None:
            if job.record:
                job.record(event)
            self._tell(token, event)

        try:
            run(
                request,
                self._connections,
                emit,
                job.cancel,
                job.kept,
                job.keep,
                job.journal,
            )
        except Problem as problem:
            self._broke(token, problem.record())
        except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
            self._broke(token, PermanentError("MVM-901", f"{type(error).__name__}: {error}").record())
