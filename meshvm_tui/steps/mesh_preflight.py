"""Looks that only preflight needs, and the checks over them. What we may not look at is left out without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshvm_tui.checks.cluster_limits import ENFORCE, pod_security, quota_room
from meshvm_tui.checks.cluster_mesh import discovery_selectors, injection_webhooks, istio_kinds, istiod_scale
from meshvm_tui.checks.cluster_versions import gateway_beside_istiod, istio_release, sidecar_beside_istiod
from meshvm_tui.ports import (
    DAEMON_SETS,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    PODS,
    RESOURCE_QUOTAS,
    WORKLOAD_GROUPS,
)
from meshvm_tui.problems import Problem
from meshvm_tui.steps.istiod_deployment import image_tag
from meshvm_tui.steps.kubernetes_objects import MARKS

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.ports import ReadPorts, Resource
    from meshvm_tui.steps.mesh_facts import MeshFacts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
# What our own gateway adds to its namespace.
_GATEWAY_NEEDS = {"services.loadbalancers": 1, "services": 1, "pods": 1, "deployments.apps": 1}
_NAME_LABEL = "kubernetes.io/metadata.name"


def mesh_findings(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> tuple[Finding, ...]:
    """Of a control plane that runs, and of the namespaces that the plan puts something into."""
    plan = scope.plan
    home = plan.workload.namespace
    return (
        *istio_release(facts.version),
        *sidecar_beside_istiod(plan.sidecar.version, facts.version),
        *istiod_scale(facts.live),
        *_webhooks(ports, facts),
        *istio_kinds(ports.cluster.serves(WORKLOAD_GROUPS), WORKLOAD_GROUPS.api_version),
        *discovery_selectors(facts.config, home, _labels_of(ports, home)),
        *_samples(ports, scope),
    )


def gateway_findings(ports: ReadPorts, namespace: str, deployment: JSON | None, istiod: str) -> tuple[Finding, ...]:
    """Of a gateway that runs: its proxies' versions, where its Pods are known."""
    selector = (((deployment or {}).get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    if not selector:
        return ()
    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    images = {pod["metadata"]["name"]: _proxy_tag(pod) for pod in quietly(ports, PODS, namespace, labels)}
    return gateway_beside_istiod(images, istiod)


def room_for_a_gateway(ports: ReadPorts, namespace: str) -> tuple[Finding, ...]:
    """Of a gateway that is to be made: whether the namespace's quotas have room for it."""
    return quota_room(quietly(ports, RESOURCE_QUOTAS, namespace), _GATEWAY_NEEDS)


def quietly(ports: ReadPorts, resource: Resource, namespace: str | None = None, labels: str = "") -> list[JSON]:
    """A list that is only worth a hint: empty where we may not look."""
    try:
        return ports.cluster.list(resource, namespace, labels=labels)
    except Problem:
        return []


def _webhooks(ports: ReadPorts, facts: MeshFacts) -> tuple[Finding, ...]:
    try:
        found = ports.cluster.list(MUTATING_WEBHOOKS, labels="app=sidecar-injector")
    except Problem:
        return ()
    return injection_webhooks(found, facts.revision)


def _samples(ports: ReadPorts, scope: Scope) -> tuple[Finding, ...]:
    """Injected Pods: the sample and the Pod that asks from the cluster's side."""
    hello = scope.plan.services.hello_world
    if not hello:
        return ()
    labels = _labels_of(ports, hello.namespace)
    if ENFORCE not in labels:
        return ()
    cni = bool(quietly(ports, DAEMON_SETS, None, "k8s-app=istio-cni-node"))
    return pod_security(hello.namespace, labels, cni=cni)


def _labels_of(ports: ReadPorts, namespace: str) -> dict[str, str]:
    """A namespace's labels; of one that is still to be made, those that it will have."""
    try:
        found = ports.cluster.get(NAMESPACES, namespace)
    except Problem:
        found = None
    if found is None:
        return {_NAME_LABEL: namespace, **MARKS}
    return {_NAME_LABEL: namespace, **((found.get("metadata") or {}).get("labels") or {})}


def _proxy_tag(pod: JSON) -> str:
    containers = (pod.get("spec") or {}).get("containers") or []
    own: JSON = next((item for item in containers if item.get("name") == "istio-proxy"), {})
    return image_tag(own)
