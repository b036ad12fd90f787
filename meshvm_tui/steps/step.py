"""What a step is: the smallest thing that is observed and applied.

A step holds no state of its own between calls. What belongs to one run stands in its `Scope`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.problems import Cancelled, PermanentError, TransientError

if TYPE_CHECKING:
    from meshvm_tui.look_memory import Known
    from meshvm_tui.plan import Machine, Plan
    from meshvm_tui.ports import Ports, ReadPorts

T = TypeVar("T")


class Locks:
    """A lock for each name, so that what two steps want at once is read once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}

    def of(self, name: str) -> threading.RLock:
        """The lock of this name."""
        with self._lock:
            return self._locks.setdefault(name, threading.RLock())


@dataclass
class Scope:
    """What a step of one run works with; `memo` and `locks` are those of its whole chain.

    `say(source, text)` logs a line, `progress(message, done, total)` tells what is waited for, `keep(key, value)`
    records plain values that undo or a later session needs, `journal(kind, values)` writes an intent or a result.
    `files_dir` is the machine's folder for bootstrap files (None where nothing may be written: OBSERVE and PLAN).
    """

    plan: Plan
    machine: Machine | None
    cancelled: threading.Event
    say: Callable[[str, str], None]
    progress: Callable[[str, int | None, int | None], None]
    keep: Callable[[str, Any], None]
    journal: Callable[[str, Mapping[str, Any]], None]
    kept: Mapping[str, Any] = field(default_factory=dict)
    files_dir: Path | None = None
    deadline: float = 0.0
    memo: dict[str, Any] = field(default_factory=dict)
    locks: Locks = field(default_factory=Locks)
    known: Known | None = None

    def recall(self, key: str, compute: Callable[[], T]) -> T:
        """A value read once per run; the engine forgets all of them after every applied change."""
        with self.locks.of(key):
            if key not in self.memo:
                self.memo[key] = compute()
            return cast("T", self.memo[key])

    def remember(self, key: str, ask: Callable[[], T], *, lasts: Callable[[T], bool] = lambda _: True) -> T:
        """As `recall`; and looks that follow one another ask for it only now and then, for it hardly ever moves.
        `lasts` says whether a value may be kept so long: what stands in the way is asked for by each look."""
        known, owner = self.known, self.machine.name if self.machine else ""
        return self.recall(key, lambda: known.recall((owner, key), ask, lasts) if known else ask())

    def forget(self) -> None:
        """Drops what was recalled, for the world has changed; keys that start with `!` stay."""
        for key in [key for key in list(self.memo) if not key.startswith("!")]:
            self.memo.pop(key, None)

    def remaining(self) -> float:
        """Seconds until the step's deadline (monotonic); never negative."""
        return max(0.0, self.deadline - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Waits; raises `Cancelled` the moment that the run is cancelled or the step skipped."""
        if self.cancelled.wait(seconds):
            raise Cancelled

    def is_cancelled(self) -> bool:
        """Whether the run was cancelled, or the step is to be skipped."""
        return self.cancelled.is_set()


@dataclass(frozen=True)
class Outcome:
    """What apply did. Without an `observation` the engine observes the step again by itself."""

    changed: bool
    message: str = ""
    observation: Observation | None = None


class Step(ABC):
    """One step. `id` is kebab-case and stable, for it is persisted; `deadline` is in seconds.

    `needs` are ids of steps that must have succeeded or been satisfied (of the same machine or of none).
    `probe` marks a step that runs at every APPLY and never in OBSERVE or PLAN.
    `may_skip` marks a step that only proves something, so that an operator may go on without it: no step needs it.
    """

    id: ClassVar[str]
    stage: ClassVar[Stage]
    title: ClassVar[str]
    deadline: ClassVar[float] = 60.0
    needs: ClassVar[tuple[str, ...]] = ()
    per_machine: ClassVar[bool] = False
    probe: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False

    @abstractmethod
    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """What is there now. Reads only."""

    @abstractmethod
    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """What apply would do about an observation that is not satisfied; from the plan alone where it is unknown."""

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """What the saved script runs for this step; empty where the commands of its changes are whole."""
        return ()

    @abstractmethod
    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Makes it true and waits until it is. Running it twice does nothing more."""


class NotYetKnown(TransientError):
    """What is asked of the world can only be known after another step has run: where a run only looks, the step that
    asks is unknown until then, not failed. `yet_to_be_made` says that nothing is there which could be changed."""

    def __init__(self, waits_for: str, message: str, *, yet_to_be_made: bool = False) -> None:
        super().__init__("MVM-829", message)
        self.waits_for = waits_for
        self.yet_to_be_made = yet_to_be_made


def machine_of(scope: Scope) -> Machine:
    """The machine that a step runs for."""
    if scope.machine is None:
        raise PermanentError("MVM-901", "a step of a machine was run without one")
    return scope.machine


def satisfied(message: str, *, reason: str = "AsPlanned", details: tuple[tuple[str, str], ...] = ()) -> Observation:
    """There and as the plan wants it."""
    return Observation(Standing.SATISFIED, reason, message, details)


def missing(message: str, *, reason: str = "NotFound", details: tuple[tuple[str, str], ...] = ()) -> Observation:
    """Not there."""
    return Observation(Standing.MISSING, reason, message, details)


def different(message: str, *, reason: str = "Differs", details: tuple[tuple[str, str], ...] = ()) -> Observation:
    """There, but not as the plan wants it."""
    return Observation(Standing.DIFFERENT, reason, message, details)


def unknown(waits_for: str, message: str) -> Observation:
    """Cannot be known before another step has run."""
    return Observation(Standing.UNKNOWN, "WaitsForAnotherStep", message, waits_for=waits_for)


def fingerprint(*values: Any) -> str:
    """A short hash of what a change was computed from; JSON-able values only."""
    text = json.dumps(values, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
