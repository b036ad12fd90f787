"""The cloud's part of a Service of type LoadBalancer: an address after a while, told by Events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.cluster_events import ClusterEvents
from meshvm_tui.lab.mesh.pacing import Pacing

if TYPE_CHECKING:
    from meshvm_tui.lab.addresses import Addresses
    from meshvm_tui.lab.faults import Faults
    from meshvm_tui.lab.objects import Objects

ACTOR = "cloud-controller-manager"
SOURCE = "service-controller"
PENDING, HOSTNAME = "gateway-pending", "gateway-hostname"
HOST = "eastwest.lab.invalid"  # a name that no resolver knows (RFC 2606)
QUOTA = (
    "Error syncing load balancer: failed to ensure load balancer: googleapi: Error 403: "
    "Quota 'IN_USE_ADDRESSES' exceeded. Limit: 8.0 in region lab."
)


class LoadBalancers:
    """Gives each load balancer its address. Two faults keep it pending or give it a hostname only."""

    keys: Sequence[str] = (world.SERVICES,)
    tick = 0.5  # a fault may be switched off at any time

    def __init__(
        self, objects: Objects, addresses: Addresses, faults: Faults, events: ClusterEvents, pacing: Pacing
    ) -> None:
        self._objects = objects
        self._addresses = addresses
        self._faults = faults
        self._events = events
        self._pacing = pacing
        self._ensuring: dict[str, asyncio.Task[None]] = {}
        self._refused: set[str] = set()

    def reconcile(self) -> None:
        """Starts to ensure every balancer that has no answer yet."""
        living = set()
        for service in self._objects.list(world.SERVICES):
            uid = service["metadata"]["uid"]
            living.add(uid)
            if service["spec"].get("type") != "LoadBalancer":
                continue
            self._keep_address(service)
            entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress")
            if not entries and uid not in self._ensuring:
                self._events.tell(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer", SOURCE)
                self._ensuring[uid] = asyncio.create_task(self._ensure(service))
        for uid in set(self._ensuring) - living:
            self._ensuring.pop(uid).cancel()

    def _keep_address(self, service: world.JSON) -> None:
        """After a restart another lab may hold the old block: the balancer moves, as a re-created one does."""
        told = world.load_balancer_address(service)
        if told and told != self._addresses.take(_role(service)):
            self._write(service, {"ip": self._addresses.take(_role(service))})

    async def _ensure(self, service: world.JSON) -> None:
        uid = service["metadata"]["uid"]
        await self._pacing.pause(0.1, 0.3)
        while self._faults.active(PENDING):
            if uid not in self._refused:
                self._refused.add(uid)
                words = self._faults.value(PENDING) or QUOTA
                self._events.tell(service, "Warning", "SyncLoadBalancerFailed", words, SOURCE)
            await asyncio.sleep(0.2)
        if self._faults.active(HOSTNAME):
            entry = {"hostname": self._faults.value(HOSTNAME) or HOST}
        else:
            entry = {"ip": self._addresses.take(_role(service)), "ipMode": "VIP"}
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        if self._objects.get(world.SERVICES, namespace, name) is not None:
            self._write(service, entry)
            self._events.tell(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer", SOURCE)
        self._ensuring.pop(uid, None)

    def _write(self, service: world.JSON, entry: dict[str, str]) -> None:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        status = {"status": {"loadBalancer": {"ingress": [entry]}}}
        self._objects.patch(world.SERVICES, namespace, name, status, ACTOR, "status")


def _role(service: world.JSON) -> str:
    return f"service/{service['metadata']['namespace']}/{service['metadata']['name']}"
