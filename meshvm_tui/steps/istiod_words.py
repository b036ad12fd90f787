"""What istiod itself says about a VM that it refused: the VM only hears that it was refused, never why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.ports import PODS
from meshvm_tui.problems import Problem

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.guest_view import GuestView
    from meshvm_tui.steps.step import Scope

REFUSED = "Failed to authenticate client from"
CONTAINER = "discovery"
LINES = 200


def refusal(ports: ReadPorts, scope: Scope, view: GuestView) -> str:
    """istiod's last line about this VM; "" where it has none, or where its log may not be read.

    A gateway may hide the VM's address; then a refusal counts only where the plan has no other machine.
    """
    lines = [line for line in _logs(ports, scope) if REFUSED in line]
    own = [line for line in lines if any(f"{REFUSED} {address}" in line for address in view.addresses)]
    if not own and len(scope.plan.machines) == 1:
        own = lines
    return own[-1].strip() if own else ""


def _logs(ports: ReadPorts, scope: Scope) -> list[str]:
    namespace = scope.plan.mesh.istio_namespace
    found: list[str] = []
    try:
        for pod in ports.cluster.list(PODS, namespace, labels="app=istiod"):
            text = ports.cluster.pod_log(namespace, pod["metadata"]["name"], CONTAINER, tail_lines=LINES)
            found += text.splitlines()
    except Problem:
        return found
    return sorted(found)
