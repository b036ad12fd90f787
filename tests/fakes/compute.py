"""Google Cloud in memory for tests of steps: instances, firewall rules, operations, permissions, and a record.

`writes` holds every mutation as `Write`; `reads` every look as (method, the rest of its arguments). What is made here
gets what Compute Engine fills in (id, addresses, fingerprints, selfLink). An operation is carried out when it is waited
for, so that a test can look in between; the same request id gives the same operation again.
"""

from __future__ import annotations

import copy
import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshvm_tui.compute_ports import JSON, GoogleDefaults, GoogleIdentity, Listing, Operation, Setting
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, TransientError
from tests.fakes.compute_world import (
    PROJECT,
    ZONE,
    a_project,
    image_families,
    machine_types,
    made_instance,
    networks,
    region_of,
    zones,
)

WHO = GoogleIdentity("user", "application default credentials", "ann@example.com")
DEFAULTS = GoogleDefaults(
    account=Setting("ann@example.com", "gcloud configuration default"),
    project=Setting(PROJECT, "gcloud configuration default"),
    zone=Setting(ZONE, "gcloud configuration default"),
)
Place = tuple[str, str, str]
"""Project, zone and name; the zone of what is global is ""."""


@dataclass(frozen=True)
class Write:
    """One mutation as it was asked for."""

    method: str
    project: str
    zone: str
    name: str
    body: JSON
    request_id: str


@dataclass
class _Pending:
    operation: Operation
    carry_out: Callable[[], None]
    done: bool = False
    failed: Exception | None = None


@dataclass
class FakeCompute:
    """Fulfils `compute_ports.Compute`.

    `fails[METHOD]` is a list of exceptions, of which each call of that method raises the next; an operation takes the
    next of `operation_fails[METHOD]` and ends with it. `cut_after` names methods that are carried out and whose answer
    is then lost, once each. `denied` are permissions that we lack, `disabled` APIs that are off. `on_wait` is called
    in the middle of each wait; `publishes` are guest attributes by instance name.
    """

    instances_by_place: dict[Place, JSON] = field(default_factory=dict)
    firewalls_by_name: dict[tuple[str, str], JSON] = field(default_factory=dict)
    cluster_items: list[JSON] = field(default_factory=list)
    projects: dict[str, JSON] = field(default_factory=lambda: {PROJECT: a_project()})
    subnets: list[JSON] = field(default_factory=list)
    policies: list[JSON] = field(default_factory=list)
    unreachable: tuple[str, ...] = ()
    set_defaults: GoogleDefaults = field(default_factory=lambda: DEFAULTS)
    who: GoogleIdentity = field(default_factory=lambda: WHO)
    denied: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    publishes: dict[str, dict[str, str]] = field(default_factory=dict)
    fails: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    operation_fails: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    cut_after: set[str] = field(default_factory=set)
    on_wait: Callable[[], None] = lambda: None
    reads: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    closed: bool = False
    _by_request: dict[str, _Pending] = field(default_factory=dict)
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # What tests do to the world: no record.

    def put(self, instance: JSON, *, project: str = PROJECT, zone: str = ZONE) -> JSON:
        """Puts an instance there as if it had been made before, RUNNING where it says nothing else; gives the live one,
        to look at or to change."""
        made = made_instance(project, zone, instance, next(self._numbers))
        made["status"] = instance.get("status", "RUNNING")
        self.instances_by_place[project, zone, made["name"]] = made
        return made

    def put_firewall(self, rule: JSON, *, project: str = PROJECT) -> JSON:
        """Puts a firewall rule there; gives the live one."""
        live = copy.deepcopy(rule)
        live.setdefault("id", str(next(self._numbers)))
        live.setdefault("priority", 1000)
        live.setdefault("selfLink", f"projects/{project}/global/firewalls/{rule['name']}")
        self.firewalls_by_name[project, rule["name"]] = live
        return live

    # compute_ports.ComputeReader

    def defaults(self) -> GoogleDefaults:
        return self.set_defaults

    def identity(self) -> GoogleIdentity:
        self._look("identity")
        return self.who

    def instance(self, project: str, zone: str, name: str) -> JSON | None:
        self._look("instance", project, zone, name)
        return copy.deepcopy(self.instances_by_place.get((project, zone, name)))

    def instances(self, project: str) -> Listing:
        self._look("instances", project)
        found = [item for (owner, _, _), item in self.instances_by_place.items() if owner == project]
        return Listing(tuple(copy.deepcopy(found)), self.unreachable)

    def zones(self, project: str) -> tuple[JSON, ...]:
        self._look("zones", project)
        return zones()

    def region(self, project: str, region: str) -> JSON:
        self._look("region", project, region)
        return copy.deepcopy(region_of(region))

    def machine_types(self, project: str, zone: str) -> tuple[JSON, ...]:
        self._look("machine_types", project, zone)
        return machine_types(zone)

    def image_families(self, project: str) -> tuple[JSON, ...]:
        self._look("image_families", project)
        return image_families(project)

    def networks(self, project: str) -> tuple[JSON, ...]:
        self._look("networks", project)
        return networks(project)

    def subnetworks(self, project: str, region: str = "") -> Listing:
        self._look("subnetworks", project, region)
        found = [item for item in self.subnets if item.get("region", "").endswith(region)]
        return Listing(tuple(copy.deepcopy(found)), self.unreachable)

    def firewall(self, project: str, name: str) -> JSON | None:
        self._look("firewall", project, name)
        return copy.deepcopy(self.firewalls_by_name.get((project, name)))

    def firewalls(self, project: str) -> tuple[JSON, ...]:
        self._look("firewalls", project)
        return tuple(copy.deepcopy(rule) for (owner, _), rule in self.firewalls_by_name.items() if owner == project)

    def effective_firewalls(self, project: str, zone: str, instance: str, interface: str = "nic0") -> JSON:
        self._look("effective_firewalls", project, zone, instance, interface)
        rules = [rule for (owner, _), rule in self.firewalls_by_name.items() if owner == project]
        return {"firewalls": copy.deepcopy(rules), "firewallPolicys": copy.deepcopy(self.policies)}

    def guest_attributes(self, project: str, zone: str, instance: str, path: str) -> Mapping[str, str]:
        self._look("guest_attributes", project, zone, instance, path)
        return dict(self.publishes.get(instance, {}))

    def project(self, project: str) -> JSON:
        self._look("project", project)
        if project not in self.projects:
            raise ActionNeeded("MVM-809", f"The resource 'projects/{project}' was not found")
        return copy.deepcopy(self.projects[project])

    def permissions(self, project: str, wanted: Sequence[str]) -> frozenset[str]:
        self._look("permissions", project, tuple(wanted))
        return frozenset(wanted) - self.denied

    def enabled_services(self, project: str, wanted: Sequence[str]) -> frozenset[str]:
        self._look("enabled_services", project, tuple(wanted))
        return frozenset(wanted) - self.disabled

    def clusters(self, project: str) -> Listing:
        self._look("clusters", project)
        return Listing(tuple(copy.deepcopy(self.cluster_items)), self.unreachable)

    def cluster(self, project: str, location: str, name: str) -> JSON | None:
        self._look("cluster", project, location, name)
        for item in self.cluster_items:
            if (item.get("location"), item["name"]) == (location, name):
                return copy.deepcopy(item)
        return None

    def close(self) -> None:
        self.closed = True

    # compute_ports.Compute

    def insert_instance(self, project: str, zone: str, body: JSON, request_id: str) -> Operation:
        def carry_out() -> None:
            made = made_instance(project, zone, body, next(self._numbers))
            self.instances_by_place[project, zone, body["name"]] = made | {"status": "RUNNING"}

        write = Write("insert_instance", project, zone, body["name"], body, request_id)
        taken = (project, zone, body["name"]) in self.instances_by_place
        return self._write(write, carry_out, taken and f"instance {body['name']} already exists")

    def start_instance(self, project: str, zone: str, name: str, request_id: str) -> Operation:
        live = self._live(project, zone, name)
        write = Write("start_instance", project, zone, name, {}, request_id)
        return self._write(write, lambda: live.update(status="RUNNING"))

    def set_metadata(self, project: str, zone: str, name: str, metadata: JSON, request_id: str) -> Operation:
        live = self._live(project, zone, name)
        if request_id not in self._by_request and metadata.get("fingerprint") != live["metadata"]["fingerprint"]:
            raise TransientError("MVM-815", "Supplied fingerprint does not match current metadata fingerprint.")
        fingerprint = f"fp-{next(self._numbers)}"

        def carry_out() -> None:
            live["metadata"] = copy.deepcopy(metadata) | {"fingerprint": fingerprint}

        return self._write(Write("set_metadata", project, zone, name, metadata, request_id), carry_out)

    def insert_firewall(self, project: str, body: JSON, request_id: str) -> Operation:
        write = Write("insert_firewall", project, "", body["name"], body, request_id)
        taken = (project, body["name"]) in self.firewalls_by_name
        rule = copy.deepcopy(body)
        return self._write(
            write, lambda: self._rule_made(project, rule), taken and f"firewall {body['name']} already exists"
        )

    def patch_firewall(self, project: str, name: str, body: JSON, request_id: str) -> Operation:
        live = self.firewalls_by_name.get((project, name))
        if live is None:
            raise ActionNeeded("MVM-816", f"The resource 'projects/{project}/global/firewalls/{name}' was not found")
        # A field that is given as an empty list is cleared.
        changed = {key: value for key, value in copy.deepcopy({**live, **body}).items() if value != []}
        if "targetTags" in changed and "targetServiceAccounts" in changed:
            raise PermanentError("MVM-818", "targetTags and targetServiceAccounts cannot be used together")

        def carry_out() -> None:
            live.clear()
            live.update(changed)

        return self._write(Write("patch_firewall", project, "", name, body, request_id), carry_out)

    def wait(
        self, operation: Operation, said: Callable[[str, int | None], None], cancelled: Callable[[], bool]
    ) -> None:
        pending = self._pending[operation.name]
        said("RUNNING", 0)
        self.on_wait()
        if cancelled():
            raise Cancelled
        self._finish(pending)
        said("DONE", 100)

    def _look(self, method: str, *arguments: Any) -> None:
        self.reads.append((method, arguments))
        self._fail(method)

    def _fail(self, method: str) -> None:
        if self.fails.get(method):
            raise self.fails[method].pop(0)

    def _write(self, write: Write, carry_out: Callable[[], None], taken: str | bool = False) -> Operation:
        self.writes.append(Write(**{**vars(write), "body": copy.deepcopy(write.body)}))
        if (again := self._by_request.get(write.request_id)) is None:
            self._fail(write.method)
            if taken:
                raise ActionNeeded("MVM-814", f"The resource {taken}")
            operation = Operation(write.project, f"operation-{next(self._numbers)}-{write.method}", write.zone)
            again = _Pending(operation, carry_out)
            self._by_request[write.request_id] = self._pending[operation.name] = again
        if write.method in self.cut_after:
            self.cut_after.remove(write.method)
            self._finish(again)
            raise TransientError("MVM-804", "the connection was cut before the answer")
        return again.operation

    def _finish(self, pending: _Pending) -> None:
        method = pending.operation.name.rpartition("-")[2]
        if pending.failed:
            raise pending.failed
        if pending.done:
            return
        pending.done = True
        if self.operation_fails.get(method):
            pending.failed = self.operation_fails[method].pop(0)
            raise pending.failed
        pending.carry_out()

    def _rule_made(self, project: str, rule: JSON) -> None:
        self.put_firewall(rule, project=project)

    def _live(self, project: str, zone: str, name: str) -> JSON:
        live = self.instances_by_place.get((project, zone, name))
        if live is None:
            raise ActionNeeded(
                "MVM-816", f"The resource 'projects/{project}/zones/{zone}/instances/{name}' was not found"
            )
        return live
