"""A step on Google Cloud with a world of its own: Compute in memory, a cluster in memory, a scope that records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from meshvm_tui.compute_ports import JSON, AccessState
from meshvm_tui.events import Change, Observation
from meshvm_tui.plan import GceCreate, GceInstance, GkeCluster, Machine, Plan
from meshvm_tui.ports import Ports, ReadPorts
from meshvm_tui.steps.step import Outcome, Step
from tests.fakes.cluster import FakeCluster
from tests.fakes.compute import FakeCompute
from tests.fakes.compute_world import PROJECT, ZONE
from tests.fakes.scope import NoIstioctl, TestScope, a_scope

GKE = {
    "name": "prod",
    "location": "us-central1",
    "status": "RUNNING",
    "network": "default",
    "networkConfig": {"network": f"projects/{PROJECT}/global/networks/default"},
    "clusterIpv4Cidr": "10.8.0.0/14",
    "endpoint": "34.1.2.3",
}
LINE = "ann:ssh-ed25519 AAAA google-ssh {}"


@dataclass
class FakeAccess:
    """The way into an instance: open once it was granted."""

    open: bool = False
    host_keys: str = "guest attributes"
    login: str = "metadata"
    granted: list[JSON] = field(default_factory=list)
    seconds: float = 0.0

    def public_line(self) -> str:
        return LINE

    def look(self, instance: JSON) -> AccessState:
        until = "22:00" if self.open else ""
        return AccessState("external", "203.0.113.7", "ann", self.login, self.open, self.host_keys, until)

    def grant(self, instance: JSON, said: Any, cancelled: Any, *, seconds: float) -> AccessState:
        self.seconds = seconds
        self.granted.append(instance)
        self.open = True
        return self.look(instance)

    def revoke(self) -> None:
        self.open = False


@dataclass
class Bench:
    """One machine's plan, ports and scope. Every call of a step is made as the engine makes it."""

    plan: Plan
    compute: FakeCompute = field(default_factory=FakeCompute)
    access: FakeAccess = field(default_factory=FakeAccess)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    scope: TestScope = field(init=False)

    def __post_init__(self) -> None:
        self.compute.cluster_items.append(dict(GKE))
        self.anew()

    def anew(self) -> None:
        """Another process: only what was kept is left."""
        kept = {f"machine/{self.plan.machines[0].name}/{key}": value for key, value in self._kept().items()}
        self.scope = a_scope(self.plan, self.plan.machines[0])
        self.scope.kept = kept

    def _kept(self) -> dict[str, Any]:
        return self.scope.told.kept if hasattr(self, "scope") else {}

    @property
    def reading(self) -> ReadPorts:
        return ReadPorts(self.cluster, NoIstioctl(), compute=self.compute, access=self.access)

    @property
    def ports(self) -> Ports:
        return Ports(self.cluster, NoIstioctl(), compute=self.compute, access=self.access)

    def observe(self, step: Step) -> Observation:
        self.scope.forget()
        return step.observe(self.reading, self.scope)

    def changes(self, step: Step) -> tuple[Change, ...]:
        return step.changes(self.reading, self.scope, self.observe(step))

    def apply(self, step: Step) -> Outcome:
        self.scope.forget()
        outcome = step.apply(self.ports, self.scope)
        self.scope.forget()
        return outcome


def a_plan(*, create: bool = True, **parts: Any) -> Plan:
    """The guide's VM in the fake's project, beside the cluster `prod`."""
    gce = GceInstance(project=PROJECT, zone=ZONE, create=GceCreate() if create else None)
    plan = Plan(machines=[Machine(name="my-mesh-vm", gce=gce)])
    plan.cluster.gke = GkeCluster(project=PROJECT, location="us-central1", name="prod")
    value = plan.model_dump(by_alias=True)
    for name, part in parts.items():
        value[name] = {**value[name], **part}
    return Plan.model_validate(value)
