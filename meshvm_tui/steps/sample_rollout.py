"""Waiting for a sample's Deployment, and what its Pods say while it is not available."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meshvm_tui.ports import DEPLOYMENTS, PODS
from meshvm_tui.problems import PermanentError
from meshvm_tui.steps.waiting import wait_until

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope


def is_available(deployment: Mapping[str, Any] | None) -> bool:
    """Whether the Deployment, as it is specified now, serves."""
    if not deployment:
        return False
    status, metadata = deployment.get("status") or {}, deployment.get("metadata") or {}
    if int(status.get("observedGeneration") or 0) < int(metadata.get("generation") or 0):
        return False
    return any(
        condition.get("type") == "Available" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )


def wait_until_available(ports: ReadPorts, scope: Scope, name: str, namespace: str, labels: str) -> None:
    """Waits until the Deployment serves; raises PermanentError MVM-601 with its Pods' words at the deadline."""

    def words() -> str:
        return f"Deployment {namespace}/{name}: {pod_words(ports.cluster.list(PODS, namespace, labels=labels))}"

    if not wait_until(scope, lambda: is_available(ports.cluster.get(DEPLOYMENTS, name, namespace)), words):
        raise PermanentError("MVM-601", words())


def refusal_words(deployment: Mapping[str, Any] | None) -> str:
    """Why no Pod of a Deployment could even be made, as its controller says; "" where they could."""
    for condition in ((deployment or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return str(condition.get("message") or "")
    return ""


def pod_words(pods: list[dict[str, Any]]) -> str:
    """Why Pods are not ready, in Kubernetes' own words."""
    if not pods:
        return "it has no Pods yet"
    said = []
    for pod in pods:
        status = pod.get("status") or {}
        waiting = [
            f"{state['reason']} {state.get('message', '')}".strip()
            for container in status.get("containerStatuses") or ()
            if (state := (container.get("state") or {}).get("waiting")) and state.get("reason")
        ]
        unmet = [
            f"{condition.get('reason', '')} {condition.get('message', '')}".strip()
            for condition in status.get("conditions") or ()
            if condition.get("status") == "False"
        ]
        words = (waiting or unmet or [str(status.get("phase") or "no status yet")])[0]
        said.append(f"Pod {(pod.get('metadata') or {}).get('name')}: {words}")
    return "; ".join(said)
