"""Runs of the engine inside the test, over the real adapters: a few steps of a plan on a lab, and how they ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshvm_tui.engine import RunRequest, run
from meshvm_tui.events import Event, Mode, Observation, RunFinished, StepFinished, StepPlanned
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import load_plan
from meshvm_tui.wiring import WiredConnections


@dataclass(frozen=True)
class Ended:
    """How a run and each of its steps ended, and what the steps saw before they changed something."""

    run: RunFinished
    steps: dict[str, StepFinished]
    seen: dict[str, Observation]

    @property
    def codes(self) -> dict[str, str]:
        """The problem code of each step that failed."""
        return {name: event.problem.code for name, event in self.steps.items() if event.problem}

    def differences(self, step: str) -> tuple[str, ...]:
        """What a step's observation says differs."""
        observation = self.seen.get(step) or self.steps[step].observation
        return tuple(text for name, text in observation.details if name == "differs") if observation else ()


@dataclass
class Engine:
    """Runs named steps of one plan; what a session would keep is kept from run to run."""

    plan: Plan
    files: Path
    connections: WiredConnections
    kept: dict[str, Any] = field(default_factory=dict)

    def run(self, mode: Mode, *steps: str) -> Ended:
        """One run of these steps alone."""
        events: list[Event] = []
        request = RunRequest(self.plan, mode, session="test", files_root=self.files, only_steps=frozenset(steps))
        finished = run(request, self.connections, events.append, threading.Event(), self.kept, self._keep, _nowhere)
        ended = {event.step: event for event in events if isinstance(event, StepFinished)}
        return Ended(
            finished, ended, {event.step: event.observation for event in events if isinstance(event, StepPlanned)}
        )

    def _keep(self, key: str, value: Any) -> None:
        self.kept[key] = value


@contextmanager
def engine_of(plan: Path, files: Path) -> Iterator[Engine]:
    """An engine for the plan of a file; its connections are closed at the end."""
    connections = WiredConnections()
    try:
        yield Engine(load_plan(plan), files, connections)
    finally:
        connections.close()


def _nowhere(*_: object) -> None:
    """The journal of these runs."""
