"""A cluster, a session store and an engine in memory, for the app's tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from meshvm_tui import events as ev
from meshvm_tui.engine_run import RunRequest
from meshvm_tui.events import Change, Mode, Observation, Stage, Standing, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.ports import WORKLOAD_ENTRIES, Access, ContextEntry, Resource, WatchEvent
from meshvm_tui.problems import PermanentError, Problem

TIME = "2026-11-22T21:14:07Z"

FINGERPRINT = "SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


class FakeReader:
    """A reading cluster whose watches end when they are told to. Every call is noted; nothing else exists."""

    context = "acme"
    server = "https://127.0.0.1:6443"

    def __init__(self, entries: Sequence[dict[str, Any]] = (), then: Sequence[WatchEvent] = ()) -> None:
        self.calls: list[str] = []
        self.entries = tuple(entries)
        self.more: list[WatchEvent] = list(then)
        self.wake = threading.Event()
        self.closed = False

    def tell(self, event: WatchEvent) -> None:
        """One more event for the watch of entries."""
        self.more.append(event)
        self.wake.set()

    def watch(self, resource: Resource, namespace: str | None, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        self.calls.append(f"watch {resource.plural} {namespace}")
        yield WatchEvent("SYNCED", objects=self.entries if resource == WORKLOAD_ENTRIES else ())
        while not stop() and not self.closed:
            if resource == WORKLOAD_ENTRIES and self.more:
                yield self.more.pop(0)
                continue
            self.wake.wait(0.05)
            self.wake.clear()

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        self.calls.append(f"list {resource.plural}")
        return [
            {
                "metadata": {"name": "istiod-1-30", "labels": {"istio.io/rev": "1-30"}},
                "status": {"availableReplicas": 1},
            }
        ]

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        self.calls.append(f"get {resource.plural}")
        return None

    def first(self, resource: Resource, count: int) -> Sequence[dict[str, Any]]:
        return []

    def version(self) -> str:
        return "v1.33.1"

    def server_time(self) -> float | None:
        return None

    def serves(self, resource: Resource) -> bool:
        return True

    def user(self) -> str:
        return "operator"

    def allowed(self, questions: Sequence[Access]) -> tuple[bool, ...]:
        return tuple(True for _ in questions)

    def pod_log(self, namespace: str, name: str, container: str, *, tail_lines: int = 200) -> str:
        return ""

    def close(self) -> None:
        self.closed = True
        self.wake.set()


@dataclass
class FakeConnections:
    """Gives the reader; whatever could change something is refused and noted."""

    reader: FakeReader = field(default_factory=FakeReader)
    mutating: list[str] = field(default_factory=list)
    problem: Problem | None = None

    def contexts(self, kubeconfig: str) -> tuple[ContextEntry, ...]:
        if self.problem:
            raise self.problem
        return (
            ContextEntry("acme", "acme", "https://127.0.0.1:6443", "op", "team-a", True),
            ContextEntry("other", "other", "https://127.0.0.2:6443", "op", "", False),
        )

    def cluster_reader(self, plan: Plan) -> FakeReader:
        return self.reader

    def cluster(self, plan: Plan) -> Any:
        return self._refuse("cluster")

    def guest_reader(self, plan: Plan, machine: Machine) -> Any:
        return self._refuse("guest_reader")

    def guest(self, plan: Plan, machine: Machine) -> Any:
        return self._refuse("guest")

    def istioctl(self, plan: Plan) -> Any:
        return self._refuse("istioctl")

    def compute_reader(self, plan: Plan) -> Any:
        return self._refuse("compute_reader")

    def compute(self, plan: Plan) -> Any:
        return self._refuse("compute")

    def access_reader(self, plan: Plan, machine: Machine) -> Any:
        return self._refuse("access_reader")

    def access(self, plan: Plan, machine: Machine) -> Any:
        return self._refuse("access")

    def close(self) -> None:
        self.reader.close()

    def _refuse(self, what: str) -> Any:
        self.mutating.append(what)
        raise AssertionError(f"{what} was opened")


STEPS = (
    ("cluster-reachable", "", Stage.CLUSTER, "Cluster reachable"),
    ("control-plane", "", Stage.MESH, "Control plane"),
    ("eastwest-gateway", "", Stage.GATEWAY, "East-west gateway"),
    ("namespace", "", Stage.WORKLOAD, "Namespace"),
    ("workload-group", "", Stage.WORKLOAD, "WorkloadGroup"),
    ("guest-reachable", "vm-1", Stage.MACHINE, "VM reachable"),
    ("bootstrap-files", "vm-1", Stage.FILES, "Bootstrap files"),
    ("sidecar-running", "vm-1", Stage.INSTALL, "Sidecar running"),
    ("probe-vm-to-cluster", "vm-1", Stage.SERVICES, "VM reaches the cluster"),
    ("probe-cluster-to-vm", "vm-1", Stage.SERVICES, "Cluster reaches the VM"),
)


@dataclass
class ScriptedEngine:
    """Stands in for `engine.run`: tells what the world in it says, and changes that world in APPLY."""

    done: set[str] = field(default_factory=lambda: {"cluster-reachable", "guest-reachable"})
    problems: dict[str, Problem] = field(default_factory=dict)
    requests: list[RunRequest] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    holds: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    gated: bool = False
    holds_at: str = ""
    """The only step that holds, where it is named."""
    says: str = ""
    steps: tuple[tuple[str, str, Stage, str], ...] = STEPS
    may_skip: frozenset[str] = frozenset({"probe-vm-to-cluster", "probe-cluster-to-vm"})

    def __call__(  # noqa: PLR0917 (as engine.run)
        self,
        request: RunRequest,
        connections: Any,
        emit: Callable[[ev.Event], None],
        cancel: threading.Event,
        kept: Mapping[str, Any],
        keep: Callable[[str, Any], None],
        journal: Callable[[str, Mapping[str, Any]], None],
    ) -> ev.RunFinished:
        if self.gated:
            self.gate.wait(5)
        self.requests.append(request)
        stages = list(Stage)
        last = stages.index(request.upto) if request.upto else len(stages)
        steps = [step for step in self.steps if stages.index(step[2]) <= last]
        emit(ev.RunStarted(TIME, request.session, request.mode, tuple((a, b, str(c), d) for a, b, c, d in steps)))
        code = ExitCode.DONE
        for step, machine, _, title in steps:
            if cancel.is_set():
                code = ExitCode.CANCELLED
                break
            may_skip = step in self.may_skip and request.mode is Mode.APPLY
            emit(ev.StepStarted(TIME, request.session, step, machine, title, may_skip))
            if self.says:
                emit(ev.StepLogged(TIME, request.session, step, machine, "cluster", self.says))
            if self.holds and request.mode is Mode.APPLY and self.holds_at in ("", step):
                emit(ev.StepLogged(TIME, request.session, step, machine, "guest", "waiting [bold]here[/]"))
                while not self.hold.wait(0.02) and not cancel.is_set() and not request.wishes.has(step, machine):
                    pass
            problem = self.problems.get(step)
            skipped = (step, machine) in request.skips or request.wishes.has(step, machine)
            if skipped and step in self.may_skip:
                emit(_left_out(request, step, machine))
                code = ExitCode.NOT_PROVEN
                continue
            emit(self._finished(request, step, machine, problem))
            if problem:
                code = ExitCode.FAILED
                break
        finished = ev.RunFinished(TIME, request.session, request.mode, int(code), False, f"ended: {code.name.lower()}")
        emit(finished)
        return finished

    def _finished(self, request: RunRequest, step: str, machine: str, problem: Problem | None) -> ev.StepFinished:
        end = ev.StepFinished(TIME, request.session, step, machine, StepState.PENDING, False, "NotFound", "none", 0.4)
        if problem:
            record, may_skip = problem.record(), step in self.may_skip
            return replace(end, state=StepState.FAILED, message=problem.title, problem=record, may_skip=may_skip)
        if step.startswith("probe-"):
            if request.mode is Mode.APPLY:
                return replace(end, state=StepState.SUCCEEDED, message="200 in 3.1 ms", observation=_proof())
            return replace(end, changes=(Change("probe", f"{step} of {machine}"),))
        if step in self.done:
            there = Observation(Standing.SATISFIED, "AsPlanned", "as planned")
            return replace(end, state=StepState.SKIPPED, message="as planned", observation=there)
        change = Change(
            "create", f"Thing/{step}", "+ kind: Thing\n", (f"kubectl apply -f {step}.yaml",), f"print-{step}"
        )
        if request.mode is Mode.APPLY:
            self.done.add(step)
            return replace(end, state=StepState.SUCCEEDED, changed=True, message="made", changes=(change,))
        return replace(end, observation=Observation(Standing.MISSING, "NotFound", "does not exist"), changes=(change,))


def _left_out(request: RunRequest, step: str, machine: str) -> ev.StepFinished:
    words = "skipped: not proven"
    state = StepState.LEFT_OUT
    return ev.StepFinished(TIME, request.session, step, machine, state, False, "SkippedByOperator", words, 0.0)


def _proof() -> Observation:
    return Observation(
        Standing.SATISFIED,
        "Answered",
        "200",
        (("vm-1 → http://hello-world.default", "200 in 3.1 ms; id 7f3a in the log of Pod hello-world-1"),),
    )


def unknown_host_key() -> Problem:
    """What an unknown host key looks like to a screen."""
    return PermanentError(
        "MVM-404",
        f"vm-1 shows ssh-ed25519 {FINGERPRINT}",
        evidence={"fingerprint": FINGERPRINT},
    )


def plan_with_vm() -> Plan:
    """A plan that lacks nothing."""
    return Plan(machines=[Machine(name="vm-1", host="10.128.0.7")])


def entry(name: str, **annotations: str) -> dict[str, Any]:
    """A WorkloadEntry as istiod writes it."""
    return {
        "metadata": {
            "name": name,
            "namespace": "vm-namespace",
            "creationTimestamp": "2026-11-22T20:00:00Z",
            "annotations": {
                "istio.io/autoRegistrationGroup": "hello-vm",
                "istio.io/connectedAt": "2026-11-22T20:00:01.5Z",
                **annotations,
            },
        },
        "spec": {"address": name.rsplit("-", 1)[-1]},
    }


def store_at(path: Path) -> Any:
    """A real session store."""
    from meshvm_tui.session_store import SessionStore

    return SessionStore(path)
