"""Auto-registration as istiod does it: WorkloadEntries that appear, reconnect, are told unhealthy, and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.view import HEALTH_CHECKED

if TYPE_CHECKING:
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.objects import Objects

GROUP = "istio.io/autoRegistrationGroup"
CONTROLLER = "istio.io/workloadController"
CONNECTED = "istio.io/connectedAt"
DISCONNECTED = "istio.io/disconnectedAt"
NAME_LIMIT = 253
ACTOR = "pilot-discovery"


class Refused(Exception):
    """istiod ends a stream; `code` is gRPC's, the text is the status message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Node:
    """Who connects, as the agent's node metadata says."""

    id: str
    ip: str
    namespace: str
    service_account: str
    network: str
    group: str
    health_checks: bool
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, node: Mapping[str, Any]) -> Node:
        """As it stands in the first message of a stream."""
        return cls(
            id=str(node["id"]),
            ip=str(node["ip"]),
            namespace=str(node["namespace"]),
            service_account=str(node["serviceAccount"]),
            network=str(node["network"]),
            group=str(node["group"]),
            health_checks=bool(node["healthChecks"]),
            labels={str(key): str(value) for key, value in node["labels"].items()},
        )

    @property
    def entry_name(self) -> str:
        """Istio's name for the WorkloadEntry: where it is too long, its end counts."""
        name = f"{self.group}-{self.ip.replace(':', '-')}"
        name += f"-{self.network}" if self.network else ""
        return name[-NAME_LIMIT:]


class Registrar:
    """Keeps the WorkloadEntries of connected VMs. `grace` is in seconds (PILOT_WORKLOAD_ENTRY_GRACE_PERIOD)."""

    def __init__(self, objects: Objects, clock: Clock, log: Callable[[str], None], grace: float) -> None:
        self._objects = objects
        self._clock = clock
        self._log = log
        self._grace = grace
        self._streams: dict[tuple[str, str], int] = {}
        self._cleanups: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Sweeps what an earlier run left: every entry whose VM does not come back is deleted after the grace."""
        for entry in self._objects.list(world.WORKLOAD_ENTRIES):
            if GROUP in (entry["metadata"].get("annotations") or {}):
                key = (entry["metadata"]["namespace"], entry["metadata"]["name"])
                self._mark_disconnected(key)
                self._clean_later(key)

    async def stop(self) -> None:
        """Ends every wait."""
        for cleanup in self._cleanups.values():
            cleanup.cancel()
        await asyncio.gather(*self._cleanups.values(), return_exceptions=True)

    def connect(self, node: Node, controller: str, *, health_checks: bool) -> tuple[str, str] | None:
        """Registers a node that names a group; its entry's key. Refused where istiod refuses."""
        if not node.group:
            return None
        key = (node.namespace, node.entry_name)
        entry = self._objects.get(world.WORKLOAD_ENTRIES, *key)
        if entry is None:
            self._create(node, controller, health_checks=health_checks)
        else:
            self._check_account(node, entry["spec"].get("serviceAccount") or "")
            self._annotate(key, {CONNECTED: self._now(), CONTROLLER: controller, DISCONNECTED: None})
            self._log(f"updated auto-registered WorkloadEntry {'/'.join(key)} as connected")
        self._streams[key] = self._streams.get(key, 0) + 1
        if (cleanup := self._cleanups.pop(key, None)) is not None:
            cleanup.cancel()
        return key

    def disconnect(self, key: tuple[str, str]) -> None:
        """The stream of an entry has ended."""
        self._streams[key] = self._streams.get(key, 1) - 1
        if self._streams[key] > 0:
            return
        del self._streams[key]
        self._mark_disconnected(key)
        self._clean_later(key)

    def report_health(self, key: tuple[str, str], *, healthy: bool, message: str) -> None:
        """Writes the Healthy condition."""
        entry = self._objects.get(world.WORKLOAD_ENTRIES, *key)
        if entry is None:
            return
        status = "True" if healthy else "False"
        conditions: list[world.JSON] = (entry.get("status") or {}).get("conditions") or []
        old = conditions[0] if conditions else {}
        now = self._now()
        changed = now if old.get("status") != status else old.get("lastTransitionTime", now)
        condition = {"type": "Healthy", "status": status, "lastProbeTime": now, "lastTransitionTime": changed}
        if message:
            condition["message"] = message
        patch = {"status": {"conditions": [condition]}}
        self._objects.patch(world.WORKLOAD_ENTRIES, *key, patch, ACTOR, "status")

    def _create(self, node: Node, controller: str, *, health_checks: bool) -> None:
        group = self._objects.get(world.WORKLOAD_GROUPS, node.namespace, node.group)
        if group is None:
            where = f"cannot find WorkloadGroup {node.namespace}/{node.group}"
            raise Refused("FailedPrecondition", f"auto-registration WorkloadEntry of {node.id} failed: {where}")
        spec = group.get("spec") or {}
        template = dict(spec.get("template") or {})
        self._check_account(node, template.get("serviceAccount") or "")
        self._objects.create(
            world.WORKLOAD_ENTRIES, self._entry(node, group, template, controller, health_checks), ACTOR
        )
        checked = " with health checking enabled" if health_checks and node.health_checks else ""
        self._log(f"auto-registered WorkloadEntry {node.namespace}/{node.entry_name}{checked}")

    def _entry(
        self, node: Node, group: world.JSON, template: world.JSON, controller: str, health_checks: bool
    ) -> world.JSON:
        metadata = (group.get("spec") or {}).get("metadata") or {}
        labels = {**(template.pop("labels", None) or {}), **(metadata.get("labels") or {}), **node.labels}
        annotations = {**(metadata.get("annotations") or {})}
        annotations |= {GROUP: node.group, CONTROLLER: controller, CONNECTED: self._now()}
        if health_checks and node.health_checks:
            annotations[HEALTH_CHECKED] = "true"
        spec = {**template, "address": node.ip, "labels": labels}
        if node.network:
            spec["network"] = node.network
        owner = {
            "apiVersion": group["apiVersion"],
            "kind": "WorkloadGroup",
            "name": node.group,
            "uid": group["metadata"]["uid"],
            "controller": True,
        }
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": "WorkloadEntry",
            "metadata": {
                "name": node.entry_name,
                "namespace": node.namespace,
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [owner],
            },
            "spec": spec,
        }

    def _check_account(self, node: Node, wanted: str) -> None:
        if wanted and wanted != node.service_account:
            words = f'service account mismatch: "{node.service_account}" vs "{wanted}"'
            raise Refused("Unknown", f"registration of WorkloadEntry {words}")

    def _annotate(self, key: tuple[str, str], annotations: Mapping[str, str | None]) -> None:
        patch = {"metadata": {"annotations": dict(annotations)}}
        self._objects.patch(world.WORKLOAD_ENTRIES, *key, patch, ACTOR)

    def _mark_disconnected(self, key: tuple[str, str]) -> None:
        if self._objects.get(world.WORKLOAD_ENTRIES, *key) is None:
            return
        self._annotate(key, {DISCONNECTED: self._now(), CONNECTED: None})
        self._log(f"updated auto-registered WorkloadEntry {'/'.join(key)} as disconnected")

    def _clean_later(self, key: tuple[str, str]) -> None:
        if (earlier := self._cleanups.pop(key, None)) is not None:
            earlier.cancel()
        self._cleanups[key] = asyncio.create_task(self._clean(key))

    async def _clean(self, key: tuple[str, str]) -> None:
        await asyncio.sleep(self._grace)
        self._cleanups.pop(key, None)
        if key in self._streams or self._objects.get(world.WORKLOAD_ENTRIES, *key) is None:
            return
        self._objects.delete(world.WORKLOAD_ENTRIES, *key)
        self._log(f"cleaned up auto-registered WorkloadEntry {'/'.join(key)} periodic:false")

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
