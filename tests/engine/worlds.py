"""A pretend world for the engine: steps that are switches, connections that count, a clock that needs no time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from meshvm_tui.engine import RunRequest, run
from meshvm_tui.engine_retry import Clock
from meshvm_tui.engine_run import Walk
from meshvm_tui.events import Change, Event, Mode, Observation, RunFinished, Stage, StepFinished
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.ports import Connections, Ports, ReadPorts
from meshvm_tui.steps.step import Outcome, Scope, Step, missing, satisfied


class PretendClock:
    """Time that passes only by waiting; `pauses` are the waits."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.pauses: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Passes the time at once."""
        self.pauses.append(seconds)
        self.time += seconds
        return event.is_set()

    def clock(self) -> Clock:
        """As the engine takes it."""
        return Clock(monotonic=lambda: self.time, wait=self.wait, jitter=lambda: 1.0)


class PretendCluster:
    """Knows nothing but the uid of kube-system."""

    context, server = "pretend", "https://pretend"

    def __init__(self, uid: str, made: str = "") -> None:
        self.metadata = {"uid": uid, "creationTimestamp": made}

    def get(self, resource: object, name: str, namespace: str | None = None) -> Mapping[str, Any] | None:
        """kube-system alone."""
        return {"metadata": self.metadata} if name == "kube-system" else None


@dataclass
class World:
    """What is true, who asked for which port, and what was told, kept and journalled."""

    true: set[tuple[str, str]] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    journal: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    done: list[tuple[str, str, str]] = field(default_factory=list)
    cancel: threading.Event = field(default_factory=threading.Event)
    time: PretendClock = field(default_factory=PretendClock)
    uid: str = "uid-1"
    made: str = ""

    def cluster_reader(self, _plan: Plan) -> Any:
        """A reader."""
        self.opened.append("cluster_reader")
        return PretendCluster(self.uid, self.made)

    def cluster(self, _plan: Plan) -> Any:
        """A cluster that may be changed."""
        self.opened.append("cluster")
        return PretendCluster(self.uid, self.made)

    def guest_reader(self, _plan: Plan, _machine: Machine) -> Any:
        """A guest to look at."""
        self.opened.append("guest_reader")
        return object()

    def guest(self, _plan: Plan, _machine: Machine) -> Any:
        """A guest."""
        self.opened.append("guest")
        return object()

    def istioctl(self, _plan: Plan) -> Any:
        """istioctl."""
        return object()

    def run(self, steps: Walk, plan: Plan, mode: Mode = Mode.APPLY, **request: Any) -> RunFinished:
        """One run of the engine in this world."""
        self.events = []
        return run(
            RunRequest(plan, mode, session="s", **request),
            cast("Connections", self),
            self.events.append,
            self.cancel,
            self.kept,
            self.kept.__setitem__,
            lambda kind, values: self.journal.append((kind, dict(values))),
            steps=steps,
            clock=self.time.clock(),
        )

    def finished(self) -> dict[tuple[str, str], StepFinished]:
        """The results by step and machine."""
        return {(event.step, event.machine): event for event in self.events if isinstance(event, StepFinished)}

    def states(self) -> dict[tuple[str, str], str]:
        """The states by step and machine."""
        return {key: event.state.value for key, event in self.finished().items()}


class Switch(Step):
    """A step that is true once it was applied; what else it does is given."""

    id = "switch"
    stage = Stage.WORKLOAD
    title = "Switch"

    def __init__(
        self,
        world: World,
        name: str = "switch",
        *,
        stage: Stage = Stage.WORKLOAD,
        needs: tuple[str, ...] = (),
        probe: bool = False,
        may_skip: bool = False,
        on_observe: Callable[[Scope], Observation | None] | None = None,
        on_apply: Callable[[Scope], None] | None = None,
        deadline: float = 60.0,
    ) -> None:
        self.world = world
        # What a real step's class fixes is given to each pretend one.
        vars(self).update(
            id=name, title=name.title(), stage=stage, needs=needs, probe=probe, deadline=deadline, may_skip=may_skip
        )
        self.on_observe, self.on_apply = on_observe, on_apply

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Whether the switch is on."""
        self.world.done.append(("observe", self.id, _machine(scope)))
        if self.on_observe and (seen := self.on_observe(scope)):
            return seen
        return satisfied("on") if (self.id, _machine(scope)) in self.world.true else missing("off")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """Turning it on."""
        action = "probe" if self.probe else "create"
        return (Change(action, self.id, "+ on", (f"turn {self.id} on",), f"print-{self.id}"),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Turns it on."""
        self.world.done.append(("apply", self.id, _machine(scope)))
        if self.on_apply:
            self.on_apply(scope)
        self.world.true.add((self.id, _machine(scope)))
        return Outcome(changed=not self.probe, message="turned on")


def shared(*steps: Step) -> Walk:
    """Steps that belong to no machine."""
    return tuple((step, "") for step in steps)


def plan_with(*machines: str) -> Plan:
    """A plan with these machines."""
    return Plan.model_validate({"machines": [{"name": name, "host": "10.0.0.1"} for name in machines]})


def _machine(scope: Scope) -> str:
    return scope.machine.name if scope.machine else ""
