"""Google as a script: the reading port with answers that wait until a test lets them through."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshvm_tui.compute_ports import GoogleDefaults, GoogleIdentity, Listing, Setting
from meshvm_tui.plan import Plan
from meshvm_tui.problems import ActionNeeded, Problem
from tests.app.fakes import FakeConnections

JSON = dict[str, Any]
BASE = "https://www.googleapis.com/compute/v1/projects/acme-prod"
HOST = "https://www.googleapis.com/compute/v1/projects/acme-net"


def cluster(name: str, location: str, **more: Any) -> JSON:
    """A GKE cluster."""
    return {
        "name": name,
        "location": location,
        "status": "RUNNING",
        "currentMasterVersion": "1.33.5-gke.1080000",
        **more,
    }


def instance(name: str, zone: str = "europe-west1-b", *, outside: str = "", tags: Sequence[str] = ()) -> JSON:
    """An instance."""
    interface: JSON = {"networkIP": "10.132.0.7", "network": f"{BASE}/global/networks/default"}
    if outside:
        interface["accessConfigs"] = [{"type": "ONE_TO_ONE_NAT", "natIP": outside}]
    return {
        "name": name,
        "zone": f"{BASE}/zones/{zone}",
        "status": "RUNNING" if outside else "TERMINATED",
        "networkInterfaces": [interface],
        "tags": {"items": list(tags)} if tags else {},
    }


def machine_type(name: str, cpus: int, memory: int, *, shared: bool = False) -> JSON:
    """A machine type."""
    return {"name": name, "guestCpus": cpus, "memoryMb": memory, "isSharedCpu": shared}


def subnet(name: str, region: str, cidr: str, network: str = f"{BASE}/global/networks/default") -> JSON:
    """A subnetwork."""
    return {"name": name, "region": f"{BASE}/regions/{region}", "ipCidrRange": cidr, "network": network}


CLUSTERS = Listing(
    (
        cluster("prod", "europe-west1", privateClusterConfig={"enablePrivateNodes": True}),
        cluster("auto", "us-central1", autopilot={"enabled": True}),
        cluster("staging", "europe-west1-b", status="PROVISIONING"),
    ),
    ("europe-west4-a",),
)
INSTANCES = Listing(
    (
        instance("web-1", outside="34.77.1.2", tags=("mesh-vm", "web")),
        instance("batch-1", "us-central1-a"),
    )
)
TYPES = (
    machine_type("n2-standard-16", 16, 65536),
    machine_type("n2-standard-2", 2, 8192),
    machine_type("n1-standard-2", 2, 7680),
    machine_type("e2-micro", 2, 1024, shared=True),
)


def expired_login() -> Problem:
    """As the adapter says it."""
    return ActionNeeded("MVM-802", "Reauthentication is needed. Please run gcloud auth application-default login.")


SETTING = GoogleDefaults(
    project=Setting("acme-prod", "CLOUDSDK_CORE_PROJECT"),
    zone=Setting("europe-west1-b", "gcloud configuration work"),
)


@dataclass
class FakeCompute:
    """Answers at once unless `slow`: then each call waits for one `let`. Every call is noted with its arguments."""

    slow: bool = False
    problem: Problem | None = None
    setting: GoogleDefaults = field(default_factory=lambda: SETTING)
    broken_projects: Mapping[str, Problem] = field(default_factory=dict)
    types: tuple[JSON, ...] = TYPES
    calls: list[tuple[str, ...]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def let(self) -> None:
        """Lets one call through."""
        self.gate.release()

    def _called(self, *call: str) -> None:
        self.calls.append(call)
        self.threads.add(threading.current_thread().name)
        if self.slow:
            assert self.gate.acquire(timeout=10), f"{call} was never let through"
        if self.problem:
            raise self.problem

    def defaults(self) -> GoogleDefaults:
        self.calls.append(("defaults",))
        self.threads.add(threading.current_thread().name)
        return self.setting

    def identity(self) -> GoogleIdentity:
        return GoogleIdentity("user", "ADC", "me@example.com")

    def clusters(self, project: str) -> Listing:
        self._called("clusters", project)
        return CLUSTERS

    def instances(self, project: str) -> Listing:
        self._called("instances", project)
        return INSTANCES

    def zones(self, project: str) -> tuple[JSON, ...]:
        self._called("zones", project)
        return ({"name": "us-central1-a", "status": "UP"}, {"name": "europe-west1-b", "status": "DOWN"})

    def machine_types(self, project: str, zone: str) -> tuple[JSON, ...]:
        self._called("machine_types", project, zone)
        return self.types

    def image_families(self, project: str) -> tuple[JSON, ...]:
        self._called("image_families", project)
        if problem := self.broken_projects.get(project):
            raise problem
        if project == "debian-cloud":
            return ({"name": "debian-13-trixie-v20261110", "family": "debian-13", "architecture": "X86_64"},)
        return ({"name": f"{project}-noble-v20261105", "family": "ubuntu-2404-lts-amd64"},)

    def networks(self, project: str) -> tuple[JSON, ...]:
        self._called("networks", project)
        return (
            {"name": "default", "autoCreateSubnetworks": True, "subnetworks": ["a", "b"]},
            {"name": "prod", "autoCreateSubnetworks": False, "subnetworks": ["c"]},
            {"name": "old", "IPv4Range": "10.240.0.0/16"},
        )

    def subnetworks(self, project: str, region: str = "") -> Listing:
        self._called("subnetworks", project, region)
        if project == "acme-net":
            return Listing((subnet("shared", region, "10.8.0.0/16", f"{HOST}/global/networks/hub"),))
        return Listing(
            (
                subnet("default", region, "10.132.0.0/20"),
                subnet("prod-eu", region, "10.4.0.0/22", f"{BASE}/global/networks/prod"),
            )
        )


@dataclass
class GoogleConnections(FakeConnections):
    """Connections that also have a Google."""

    compute: Any = field(default_factory=FakeCompute)

    def compute_reader(self, plan: Plan) -> Any:
        return self.compute
