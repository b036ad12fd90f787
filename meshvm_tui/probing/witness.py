"""Who can testify that a request arrived: the Service behind a URL, its Pods, and their logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from meshvm_tui.ports import PODS, SERVICES
from meshvm_tui.probing.curl_pod import SIDECAR
from meshvm_tui.probing.proof import line_with
from meshvm_tui.problems import Problem

if TYPE_CHECKING:
    from meshvm_tui.ports import ClusterReader

PODS_ASKED = 8
LOG_LINES = 500
JSON = dict[str, Any]


@dataclass(frozen=True)
class ServiceName:
    """A Service as a URL names it; the namespace is the caller's own where the URL leaves it out."""

    name: str
    namespace: str


def service_of(url: str, own_namespace: str) -> ServiceName | None:
    """The Service that a URL's host can mean: name, name.namespace, name.namespace.svc and longer; None for an IP."""
    host = urlsplit(url).hostname or ""
    parts = host.split(".")
    if not host or all(part.isdigit() for part in parts):
        return None
    if len(parts) > 2 and parts[2] != "svc":
        return None
    return ServiceName(parts[0], parts[1] if len(parts) > 1 else own_namespace)


def seen_in_pods(cluster: ClusterReader, service: ServiceName, probe_id: str) -> str:
    """Which Pod's log shows the request, in words; "" where none does."""
    for pod in _pods(cluster, service):
        name = str(pod["metadata"]["name"])
        for container in _containers(pod):
            try:
                log = cluster.pod_log(service.namespace, name, container, tail_lines=LOG_LINES)
            except Problem:
                continue
            if line := line_with(log, probe_id):
                return f"seen in the log of Pod {service.namespace}/{name} ({container}): {line}"
    return ""


def has_pods(cluster: ClusterReader, service: ServiceName) -> bool:
    """Whether Pods stand behind a Service, so that their logs can be asked."""
    return bool(_pods(cluster, service))


def _pods(cluster: ClusterReader, service: ServiceName) -> list[JSON]:
    found = cluster.get(SERVICES, service.name, service.namespace) or {}
    selector = (found.get("spec") or {}).get("selector") or {}
    if not selector:
        return []
    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return cluster.list(PODS, service.namespace, labels=labels)[:PODS_ASKED]


def _containers(pod: JSON) -> list[str]:
    """The server itself first, then the sidecar, whose access log may be off."""
    spec = pod.get("spec") or {}
    names = [str(item["name"]) for key in ("containers", "initContainers") for item in spec.get(key) or ()]
    return [name for name in names if name != SIDECAR] + [name for name in names if name == SIDECAR]
