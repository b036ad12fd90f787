"""What istiod pushes: every Service with its ClusterIP and the healthy endpoints of each port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.dataplane import Endpoint

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

INBOUND_PORT = 15006
HEALTH_CHECKED = "proxy.istio.io/health-checks-enabled"


class PodSockets(Protocol):
    """Where the lab's Pods really listen."""

    def app(self, namespace: str, name: str, port: int) -> tuple[str, int] | None:
        """The real socket behind a Pod's port; None where nothing listens."""

    def inbound(self, namespace: str, name: str) -> tuple[str, int] | None:
        """The real socket of a Pod's sidecar; None where it has none."""


def services(objects: Objects, sockets: PodSockets, trust_domain: str) -> list[dict[str, Any]]:
    """Every Service as a sidecar needs it; ports are keys, as text."""
    pods = objects.list(world.PODS)
    entries = objects.list(world.WORKLOAD_ENTRIES)
    found = []
    for service in objects.list(world.SERVICES):
        meta, spec = service["metadata"], service["spec"]
        ports: dict[str, list[dict[str, Any]]] = {}
        for port in spec.get("ports") or []:
            endpoints = [_pod_endpoint(pod, port, sockets, trust_domain) for pod in _behind(service, pods)]
            endpoints += [_entry_endpoint(entry, port, trust_domain) for entry in _behind(service, entries)]
            ports[str(port["port"])] = [endpoint.to_json() for endpoint in endpoints if endpoint is not None]
        found.append(
            {
                "name": meta["name"],
                "namespace": meta["namespace"],
                "domain": "cluster.local",
                "ip": spec.get("clusterIP") or "",
                "ports": ports,
            }
        )
    return found


def pod_endpoints(service: world.JSON, port: int, pods: list[world.JSON], sockets: PodSockets) -> list[Endpoint]:
    """What kube-proxy knows of a Service's port: Pods only, without any sidecar's identity."""
    declared = next((one for one in service["spec"].get("ports") or [] if one["port"] == port), None)
    if declared is None:
        return []
    found = [_pod_endpoint(pod, declared, sockets, "") for pod in _behind(service, pods)]
    return [endpoint for endpoint in found if endpoint is not None]


def healthy(entry: Mapping[str, Any]) -> bool:
    """Whether a WorkloadEntry may get traffic: without health checks always, with them once they succeeded."""
    if (entry["metadata"].get("annotations") or {}).get(HEALTH_CHECKED) != "true":
        return True
    conditions = (entry.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Healthy" and one.get("status") == "True" for one in conditions)


def spiffe_id(trust_domain: str, namespace: str, account: str) -> str:
    """A workload's identity."""
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{account}"


def _behind(service: world.JSON, workloads: list[world.JSON]) -> list[world.JSON]:
    home, selector = service["metadata"]["namespace"], service["spec"].get("selector")
    return [one for one in workloads if one["metadata"]["namespace"] == home and world.selects(selector, _labels(one))]


def _labels(workload: world.JSON) -> Mapping[str, str]:
    if workload.get("kind") == "WorkloadEntry":
        return {**(workload["metadata"].get("labels") or {}), **(workload["spec"].get("labels") or {})}
    return workload["metadata"].get("labels") or {}


def _pod_endpoint(pod: world.JSON, port: world.JSON, sockets: PodSockets, trust_domain: str) -> Endpoint | None:
    address = (pod.get("status") or {}).get("podIP")
    if not address or not world.pod_ready(pod):
        return None
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    number = _target_of_pod(pod, port)
    app = sockets.app(namespace, name, number) or (address, number)
    inbound = sockets.inbound(namespace, name)
    account = pod["spec"].get("serviceAccountName") or "default"
    identity = spiffe_id(trust_domain, namespace, account) if inbound and trust_domain else ""
    return Endpoint(address, number, app, inbound, identity)


def _target_of_pod(pod: world.JSON, port: world.JSON) -> int:
    target: int | str = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers") or []:
        for declared in container.get("ports") or []:
            if declared.get("name") == target:
                return int(declared["containerPort"])
    return int(target) if str(target).isdigit() else int(port["port"])


def _entry_endpoint(entry: world.JSON, port: world.JSON, trust_domain: str) -> Endpoint | None:
    spec = entry["spec"]
    address = spec.get("address")
    if not address or not healthy(entry):
        return None
    target: int | str = port.get("targetPort") or port["port"]
    by_name = (spec.get("ports") or {}).get(port.get("name", "")) or (spec.get("ports") or {}).get(str(target))
    number = int(by_name or (target if str(target).isdigit() else port["port"]))
    account = spec.get("serviceAccount") or ""
    # Istio speaks mutual TLS to an entry that names a ServiceAccount.
    identity = spiffe_id(trust_domain, entry["metadata"]["namespace"], account) if account else ""
    return Endpoint(address, number, (address, number), (address, INBOUND_PORT), identity)
