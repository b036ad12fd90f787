"""What one run of the engine is asked for, and what all of its chains share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.engine_skip import SkipWishes, StepStop
from meshvm_tui.events import Mode, Stage, StepFinished, StepState

if TYPE_CHECKING:
    from meshvm_tui.engine_retry import Clock
    from meshvm_tui.engine_telling import Telling
    from meshvm_tui.look_memory import Known
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ClusterReader, Connections
    from meshvm_tui.steps.step import Step

Walk = tuple[tuple["Step", str], ...]
"""Steps in their order, each with its machine's name or ""."""

NOT_REACHED = "NotReached"
SKIPPED = "SkippedByOperator"


@dataclass(frozen=True)
class RunRequest:
    """What is asked of the engine.

    `upto` ends the walk before the first step of a later stage; `only_steps` keeps the named ones alone.
    `approved` are the fingerprints that the operator has seen, by (step, machine); None approves what is found.
    An empty fingerprint was shown as expected before it could be known, and approves what its step then finds.
    `files_root` is the folder in which each machine's bootstrap files get a folder.
    `skips` are (step, machine) that the operator goes on without, machine "" for all; only steps that allow it are.
    `wishes` are the same, told while the run is under way.
    `known` is what the looks before this one know of what hardly ever moves; None asks for everything.
    `longest` is how many seconds any step may wait or try again at most; None leaves it to each step's own deadline.
    """

    plan: Plan
    mode: Mode
    session: str = ""
    upto: Stage | None = None
    approved: Mapping[tuple[str, str], tuple[str, ...]] | None = None
    files_root: Path | None = None
    only_steps: frozenset[str] | None = None
    longest: float | None = None
    skips: frozenset[tuple[str, str]] = frozenset()
    known: Known | None = None
    wishes: SkipWishes = field(default_factory=SkipWishes)


@dataclass
class Run:
    """One run: its request, its doors to the outside, and the results so far by (step, machine)."""

    request: RunRequest
    connections: Connections
    cancel: threading.Event
    clock: Clock
    telling: Telling
    kept: dict[str, Any]
    keep_outside: Callable[[str, Any], None]
    journal: Callable[[str, Mapping[str, Any]], None]
    results: dict[tuple[str, str], StepFinished] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    checked: ClusterReader | None = None
    """The connection behind which this run has met the session's cluster."""

    @property
    def looks(self) -> bool:
        """Whether nothing is changed."""
        return self.request.mode is not Mode.APPLY

    def keep(self, key: str, value: Any) -> None:
        """Records a plain value for undo and later sessions, at once and one at a time."""
        with self.lock:
            if self.kept.get(key) != value:
                self.kept[key] = value
                self.keep_outside(key, value)

    def finished(self, event: StepFinished) -> None:
        """Takes a step's result."""
        with self.lock:
            self.results[event.step, event.machine] = event

    def result(self, step: str, machine: str) -> StepFinished | None:
        """The result of a step of this machine, or of the step that all machines share."""
        return self.results.get((step, machine)) or self.results.get((step, ""))

    def skipped(self, step: Step, machine: str) -> bool:
        """Whether the operator goes on without this step. A look that only shows what is there leaves nothing out."""
        wanted = not self.request.skips.isdisjoint({(step.id, machine), (step.id, "")})
        if self.request.mode is Mode.OBSERVE or not step.may_skip:
            return False
        return wanted or self.request.wishes.has(step.id, machine)

    def skips_while_working(self, step: Step) -> bool:
        """Whether the operator may go on without this step while it is at work."""
        return step.may_skip and not self.looks

    def stop_of(self, step: Step, machine: str) -> threading.Event:
        """What ends this step's work: the end of the run, or a wish to go on without it."""
        if not self.skips_while_working(step):
            return self.cancel
        return StepStop(self.cancel, self.request.wishes, step.id, machine)

    def blocker(self, needs: tuple[str, ...], machine: str) -> str:
        """The first of the needed steps that failed or was not reached; "" where none did."""
        for need in needs:
            result = self.result(need, machine)
            if result and (result.state in (StepState.FAILED, StepState.CANCELLED) or result.reason == NOT_REACHED):
                return need
        return ""
