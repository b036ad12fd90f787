"""The status of a Pod in each state of its life, as a kubelet writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.mesh.world import JSON

HOST_IP = "127.0.0.1"
START_ERROR = 128  # the exit code that goes with the reason StartError


@dataclass(frozen=True)
class Place:
    """Where and since when a Pod runs."""

    address: str
    started: str


def address_of(pod: Mapping[str, Any] | None) -> str:
    """The Pod's IP; "" while it has none."""
    return str(((pod or {}).get("status") or {}).get("podIP") or "")


def waiting(pod: JSON, reason: str, message: str) -> JSON:
    """A Pod whose first container cannot start yet."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {
        "phase": "Pending",
        "conditions": _conditions(ready=False, now=pod["metadata"]["creationTimestamp"]),
        "containerStatuses": [_container(one, state, ready=False) for one in pod["spec"]["containers"]],
    }


def crashing(pod: JSON, words: str) -> JSON:
    """A Pod whose first init container ends with an error again and again."""
    first, *rest = pod["spec"]["initContainers"]
    meta = pod["metadata"]
    message = f"back-off 10s restarting failed container={first['name']} pod={meta['name']}_{meta['namespace']}"
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": words}}
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    initializing = {"waiting": {"reason": "PodInitializing"}}
    return {
        "phase": "Pending",
        "conditions": _conditions(ready=False, now=meta["creationTimestamp"]),
        "initContainerStatuses": [
            {**_container(first, state, ready=False), "lastState": ended, "restartCount": 1},
            *(_container(one, initializing, ready=False) for one in rest),
        ],
        "containerStatuses": [_container(one, initializing, ready=False) for one in pod["spec"]["containers"]],
    }


def running(pod: JSON, address: str, started: str) -> JSON:
    """A Pod all of whose containers run."""
    state = {"running": {"startedAt": started}}
    return {
        **_shared(pod, Place(address, started), "Running", ready=True),
        "containerStatuses": [_container(one, state, ready=True) for one in pod["spec"]["containers"]],
    }


def terminated(pod: JSON, place: Place, exit_code: int, finished: str) -> JSON:
    """A Pod whose command has ended."""
    ended = {
        "exitCode": exit_code,
        "reason": "Completed" if exit_code == 0 else "Error",
        "startedAt": place.started,
        "finishedAt": finished,
    }
    return {
        **_shared(pod, place, "Succeeded" if exit_code == 0 else "Failed", ready=False),
        "containerStatuses": [_container(one, {"terminated": ended}, ready=False) for one in pod["spec"]["containers"]],
    }


def start_error(pod: JSON, place: Place, message: str) -> JSON:
    """A Pod whose command cannot be started."""
    ended = {
        "exitCode": START_ERROR,
        "reason": "StartError",
        "message": f"failed to create containerd task: failed to create shim task: {message}",
        "startedAt": "1970-01-01T00:00:00Z",
        "finishedAt": place.started,
    }
    return {
        **_shared(pod, place, "Failed", ready=False),
        "containerStatuses": [_container(one, {"terminated": ended}, ready=False) for one in pod["spec"]["containers"]],
    }


def _shared(pod: JSON, place: Place, phase: str, *, ready: bool) -> JSON:
    init = [
        _container(one, {"running": {"startedAt": place.started}}, ready=True)
        if one.get("restartPolicy") == "Always" and phase == "Running"
        else _container(one, {"terminated": {"exitCode": 0, "reason": "Completed"}}, ready=True)
        for one in pod["spec"].get("initContainers") or []
    ]
    status: JSON = {
        "phase": phase,
        "hostIP": HOST_IP,
        "podIP": place.address,
        "podIPs": [{"ip": place.address}],
        "startTime": place.started,
        "conditions": _conditions(ready=ready, now=place.started),
    }
    return {**status, "initContainerStatuses": init} if init else status


def _conditions(*, ready: bool, now: str) -> list[JSON]:
    told = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
    return [
        {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": now}
        for kind, holds in told.items()
    ]


def _container(container: JSON, state: JSON, *, ready: bool) -> JSON:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": state,
    }
