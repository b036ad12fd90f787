"""Endpoints of Services: the addresses of the Ready Pods behind each, as kube-proxy would use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshvm_tui.lab.mesh import world

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

ACTOR = "kube-controller-manager"


class ServiceEndpoints:
    """One Endpoints object per Service with a selector."""

    keys: Sequence[str] = (world.SERVICES, world.PODS)
    tick = 0.0

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def reconcile(self) -> None:
        """Writes what has changed."""
        for service in self._objects.list(world.SERVICES):
            meta, selector = service["metadata"], service["spec"].get("selector")
            if not selector:
                continue
            subsets = self._subsets(service)
            found = self._objects.get(world.ENDPOINTS, meta["namespace"], meta["name"])
            if found is None:
                self._objects.create(world.ENDPOINTS, _endpoints(service, subsets), ACTOR)
            elif (found.get("subsets") or []) != subsets:
                self._objects.update(world.ENDPOINTS, {**found, "subsets": subsets}, ACTOR)

    def _subsets(self, service: world.JSON) -> list[world.JSON]:
        home, selector = service["metadata"]["namespace"], service["spec"].get("selector")
        addresses = [
            {
                "ip": pod["status"]["podIP"],
                "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": home},
            }
            for pod in self._objects.list(world.PODS, home)
            if world.pod_ready(pod) and world.selects(selector, pod["metadata"].get("labels"))
        ]
        if not addresses:
            return []
        ports = [
            {"name": port.get("name", ""), "port": _number(port), "protocol": port.get("protocol", "TCP")}
            for port in service["spec"].get("ports") or []
        ]
        return [{"addresses": addresses, "ports": ports}]


def _number(port: world.JSON) -> int:
    target: int | str = port.get("targetPort") or port["port"]
    return target if isinstance(target, int) else int(port["port"])


def _endpoints(service: world.JSON, subsets: list[world.JSON]) -> world.JSON:
    meta = service["metadata"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"], "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "ownerReferences": [owner]},
        "subsets": subsets,
    }
