"""What the lab's mesh reads from the cluster's objects: small questions, one answer each, no memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

JSON = dict[str, Any]

NAMESPACES = "core/namespaces"
NODES = "core/nodes"
SERVICES = "core/services"
PODS = "core/pods"
CONFIG_MAPS = "core/configmaps"
SERVICE_ACCOUNTS = "core/serviceaccounts"
EVENTS = "core/events"
ENDPOINTS = "core/endpoints"
DEPLOYMENTS = "apps/deployments"
REPLICA_SETS = "apps/replicasets"
WEBHOOKS = "admissionregistration.k8s.io/mutatingwebhookconfigurations"
VALIDATORS = "admissionregistration.k8s.io/validatingwebhookconfigurations"
GATEWAYS = "networking.istio.io/gateways"
VIRTUAL_SERVICES = "networking.istio.io/virtualservices"
WORKLOAD_GROUPS = "networking.istio.io/workloadgroups"
WORKLOAD_ENTRIES = "networking.istio.io/workloadentries"
PEER_AUTHENTICATIONS = "security.istio.io/peerauthentications"

XDS_PORT = 15012


@dataclass(frozen=True)
class ControlPlane:
    """One istiod Deployment and what its settings say. `revision` is "" where it has none."""

    namespace: str
    revision: str
    deployment: str
    available: bool
    cluster_id: str
    trust_domain: str
    registers: bool
    health_checks: bool
    signs: bool

    @property
    def service(self) -> str:
        """The name of its Service, as `istiod` or `istiod-<revision>`."""
        return f"istiod-{self.revision}" if self.revision else "istiod"

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names in its serving certificate."""
        names = ["istio-pilot", "istiod", "istiod-remote"]
        names += [self.service] if self.revision else []
        return tuple(f"{name}.{self.namespace}.svc" for name in names)


def control_planes(objects: Objects) -> list[ControlPlane]:
    """Every istiod in the cluster, available or not."""
    found = []
    for deployment in objects.list(DEPLOYMENTS):
        labels = deployment["metadata"].get("labels") or {}
        if labels.get("app") == "istiod":
            found.append(_control_plane(objects, deployment, labels))
    return found


def serving(objects: Objects) -> ControlPlane | None:
    """The first available istiod."""
    return next((plane for plane in control_planes(objects) if plane.available), None)


def mesh_config(objects: Objects, namespace: str, revision: str) -> JSON:
    """The MeshConfig of a revision; empty where there is none."""
    name = f"istio-{revision}" if revision else "istio"
    found = objects.get(CONFIG_MAPS, namespace, name)
    parsed = yaml.safe_load(((found or {}).get("data") or {}).get("mesh") or "{}")
    return parsed if isinstance(parsed, dict) else {}


def available(deployment: Mapping[str, Any]) -> bool:
    """Whether a Deployment is Available."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Available" and one.get("status") == "True" for one in conditions)


def pod_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a Pod is Ready and stays."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def injected(pod: Mapping[str, Any]) -> bool:
    """Whether a Pod has a sidecar."""
    return "sidecar.istio.io/status" in (pod["metadata"].get("annotations") or {})


def selects(selector: Mapping[str, str] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a plain selector matches; an empty one matches nothing, as in a Service."""
    held = labels or {}
    return bool(selector) and all(held.get(key) == value for key, value in (selector or {}).items())


def load_balancer_address(service: Mapping[str, Any]) -> str:
    """The IP that a Service's load balancer has reported; "" while there is none."""
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return str(entries[0].get("ip") or "") if entries else ""


def strict(objects: Objects, namespace: str, labels: Mapping[str, str], root_namespace: str) -> bool:
    """Whether plaintext to a workload is refused: its own PeerAuthentication, its namespace's, the mesh's."""
    mode = "PERMISSIVE"
    policies = sorted(objects.list(PEER_AUTHENTICATIONS), key=lambda one: one["metadata"]["creationTimestamp"])
    for home, selected in ((root_namespace, False), (namespace, False), (namespace, True)):
        for policy in policies:
            spec = policy.get("spec") or {}
            chosen = (spec.get("selector") or {}).get("matchLabels")
            if policy["metadata"]["namespace"] != home or bool(chosen) != selected:
                continue
            said = (spec.get("mtls") or {}).get("mode", "UNSET")
            if said != "UNSET" and (not chosen or selects(chosen, labels)):
                mode = said
                break
    return mode == "STRICT"


def environment_of(workload: Mapping[str, Any]) -> dict[str, str]:
    """The plain environment variables of a Deployment's first container."""
    containers = workload["spec"]["template"]["spec"].get("containers") or [{}]
    return {one["name"]: str(one.get("value", "")) for one in containers[0].get("env") or []}


def injector_values(objects: Objects, namespace: str, revision: str) -> JSON:
    """The values of a revision's injector; empty where there are none."""
    name = f"istio-sidecar-injector-{revision}" if revision else "istio-sidecar-injector"
    found = objects.get(CONFIG_MAPS, namespace, name)
    try:
        parsed = json.loads(((found or {}).get("data") or {}).get("values") or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def first(items: Iterable[JSON], name: str) -> JSON:
    """The item of that name; empty where there is none."""
    return next((item for item in items if item.get("name") == name), {})


def _control_plane(objects: Objects, deployment: JSON, labels: Mapping[str, str]) -> ControlPlane:
    namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
    environment = environment_of(deployment)
    revision = labels.get("istio.io/rev", "")
    revision = "" if revision == "default" else revision
    mesh = mesh_config(objects, namespace, revision)
    return ControlPlane(
        namespace=namespace,
        revision=revision,
        deployment=name,
        available=available(deployment) and bool(deployment["status"].get("availableReplicas")),
        cluster_id=environment.get("CLUSTER_ID") or "Kubernetes",
        trust_domain=str(mesh.get("trustDomain") or "cluster.local"),
        registers=environment.get("PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION", "true") != "false",
        health_checks=environment.get("PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS", "true") != "false",
        signs=environment.get("ENABLE_CA_SERVER", "true") != "false",
    )
