"""The short-lived Pod that makes one request from inside the cluster: what it is, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshvm_tui.probing.curl import MAX_SECONDS, curl_arguments

CONTAINER = "curl"
SIDECAR = "istio-proxy"
LABELS = {
    "app.kubernetes.io/name": "meshvm-curl",
    "app.kubernetes.io/managed-by": "meshvm-tui",
    "app.kubernetes.io/part-of": "meshvm-tui",
}
SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
LIFETIME_SECONDS = 120
_CRASHED = ("CrashLoopBackOff", "RunContainerError", "PostStartHookError")
_HOPELESS = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError", "StartError")
_USER = 65532

JSON = dict[str, Any]


@dataclass(frozen=True)
class PodState:
    """A Pod's standing: `exit_code` once curl ended; `hopeless` says why it never will; `waits` for what it waits.

    `sidecar_failed`: it is the sidecar, or what prepares for it, that does not start."""

    exit_code: int | None = None
    injected: bool = False
    hopeless: str = ""
    waits: str = ""
    sidecar_failed: bool = False


def curl_pod(url: str, *, namespace: str, image: str, revision: str) -> JSON:
    """The Pod, as a namespace under the restricted policy takes it. `revision` is "" for the default one."""
    injection = {"sidecar.istio.io/inject": "true"} | ({"istio.io/rev": revision} if revision else {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "meshvm-curl-",
            "namespace": namespace,
            "labels": {**LABELS, **injection},
            "annotations": {"proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIFETIME_SECONDS,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": CONTAINER,
                    "image": image,
                    "command": curl_arguments(url),
                    "securityContext": {
                        "runAsUser": _USER,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "16Mi"},
                        "limits": {"cpu": "100m", "memory": "64Mi"},
                    },
                }
            ],
        },
    }


def state_of(pod: Mapping[str, Any]) -> PodState:
    """What a Pod's status says of its curl container; the sidecar's own end is not waited for."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    names = [item.get("name") for key in ("containers", "initContainers") for item in spec.get(key) or ()]
    injected = SIDECAR in names
    if words := _failed_beside(status):
        return PodState(injected=injected, hopeless=words, sidecar_failed=True)
    for container in status.get("containerStatuses") or ():
        if container.get("name") == CONTAINER:
            return _container_state(container.get("state") or {}, injected)
    if status.get("phase") in ("Failed", "Succeeded"):
        return PodState(injected=injected, hopeless=f"{status.get('reason')}: {status.get('message')}")
    return PodState(injected=injected, waits=_unscheduled(status) or "the Pod is scheduled")


def _failed_beside(status: Mapping[str, Any]) -> str:
    """Which container beside curl's does not start, in the kubelet's words; "" where none is in trouble."""
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(key) or ():
            waiting = (container.get("state") or {}).get("waiting") or {}
            if container.get("name") == CONTAINER or waiting.get("reason") not in _CRASHED + _HOPELESS:
                continue
            last = (container.get("lastState") or {}).get("terminated") or {}
            ended = (
                f"; it ended with {last.get('exitCode')}: {last.get('message') or last.get('reason')}" if last else ""
            )
            return f"container {container.get('name')}: {waiting['reason']}: {waiting.get('message') or ''}{ended}"
    return ""


def _container_state(state: Mapping[str, Any], injected: bool) -> PodState:
    ended, waiting = state.get("terminated"), state.get("waiting")
    told = ended or waiting or {}
    reason, words = str(told.get("reason") or ""), str(told.get("message") or "")
    if reason in _HOPELESS:
        return PodState(injected=injected, hopeless=f"{reason}: {words}")
    if ended:
        return PodState(exit_code=int(ended.get("exitCode", 1)), injected=injected)
    if waiting:
        return PodState(injected=injected, waits=reason or "the container starts")
    return PodState(injected=injected, waits=f"curl runs (at most {MAX_SECONDS} s)")


def _unscheduled(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason')}: {condition.get('message')}"
    return ""
