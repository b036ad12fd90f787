"""Waiting for the cluster to do its part, while showing what its own Events say about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Change
from meshvm_tui.ports import EVENTS
from meshvm_tui.problems import Problem
from meshvm_tui.steps.commands import kubectl
from meshvm_tui.steps.step import fingerprint

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

PAUSE_SECONDS = 1.0
JSON = dict[str, Any]


def wait_until(scope: Scope, ready: Callable[[], bool], told: Callable[[], str]) -> bool:
    """Asks `ready` again and again until it says yes (True) or the step's deadline (False).

    `told` is what to show meanwhile. Cancelling ends it at once."""
    while True:
        scope.forget()
        if ready():
            return True
        scope.progress(told(), None, None)
        if scope.remaining() <= 0:
            return False
        scope.wait(min(PAUSE_SECONDS, scope.remaining()))


def wait_for_deployment(plan: Plan, namespace: str, name: str) -> Change:
    """What is planned where a Deployment is right but does not serve yet."""
    command = kubectl(plan, "rollout", "status", f"deployment/{name}", "-n", namespace)
    return Change("run", f"wait for Deployment {name}", commands=(command,), fingerprint=fingerprint("wait", name))


def last_events(ports: ReadPorts, namespace: str, name: str, *, limit: int = 3) -> str:
    """What the Events about an object say, latest first; "" where there are none or we may not read them."""
    try:
        found = ports.cluster.list(EVENTS, namespace, fields=f"involvedObject.name={name}")
    except Problem:
        return ""
    found.sort(key=_when, reverse=True)
    words = dict.fromkeys(f"{item.get('reason', '')}: {item.get('message', '')}" for item in found)
    return " · ".join(list(words)[:limit])


def _when(event: JSON) -> str:
    metadata = event.get("metadata") or {}
    return str(event.get("lastTimestamp") or event.get("eventTime") or metadata.get("creationTimestamp") or "")
