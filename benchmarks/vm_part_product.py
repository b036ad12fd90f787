"""The VM part of an onboarding by the product: its own engine, steps and SSH adapter, from guest-reachable to
sidecar-running. The cluster behind its port is one in memory, so that only the machines are measured.

As a process: `python -m benchmarks.vm_part_product < REQUEST.json` prints what became of it as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from meshvm_tui.engine import RunRequest, run
from meshvm_tui.events import Event, Mode, StepFinished, StepProgressed
from meshvm_tui.plan import Plan
from meshvm_tui.ports import JSON, Cluster, Token
from meshvm_tui.wiring import WiredConnections
from tests.fakes.cluster import FakeCluster
from tests.steps.mesh_objects import gateway_service, mesh, namespace

STEPS = frozenset({"guest-reachable", "bootstrap-files", "sidecar-package", "guest-files", "sidecar-running"})
PROOF = "proving that a new SSH connection works"


@dataclass(frozen=True)
class Given:
    """What the operator's machine knows before it begins: the plan, the mesh's root, gateway and token."""

    plan: JSON
    gateway: str
    root_pem: str
    token: str


@dataclass(frozen=True)
class Done:
    """How a run went. `started` is the time (epoch) at which the last machine's sidecar ran, before the proof."""

    failed: tuple[str, ...]
    changed: tuple[str, ...]
    started: float
    seconds: Mapping[str, float]


class _Mesh(FakeCluster):
    """A mesh that runs, in memory."""

    def __init__(self, given: Given, plan: Plan) -> None:
        workload = plan.workload
        super().__init__(
            *mesh(),
            gateway_service(15012, ingress={"ip": given.gateway}),
            namespace(workload.namespace),
            _named("ServiceAccount", workload.service_account, workload.namespace),
            {
                **_named("ConfigMap", "istio-ca-root-cert", workload.namespace),
                "data": {"root-cert.pem": given.root_pem},
            },
        )
        self._token = given.token

    def create_token(self, namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        return Token(self._token, "2099-01-01T00:00:00Z")


def _named(kind: str, name: str, namespace: str) -> JSON:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}


class _Connections(WiredConnections):
    """The real way to the machines beside the cluster in memory."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster

    def cluster(self, plan: Plan) -> Cluster:
        return self._cluster


def onboard(given: Given, files: Path | None = None) -> Done:
    """One run over all machines of the plan."""
    plan = Plan.model_validate(given.plan)
    failed: list[str] = []
    changed: list[str] = []
    seconds: dict[str, float] = {}
    started = 0.0

    def emit(event: Event) -> None:
        nonlocal started
        if isinstance(event, StepProgressed) and event.message == PROOF:
            started = time.time()
        if isinstance(event, StepFinished):
            name = f"{event.machine}/{event.step}"
            seconds[name] = event.seconds
            if event.changed:
                changed.append(name)
            if event.problem is not None:
                failed.append(f"{name}: {event.problem.code} {event.problem.cause}")

    connections = _Connections(_Mesh(given, plan))
    kept: dict[str, Any] = {}
    try:
        request = RunRequest(plan=plan, mode=Mode.APPLY, only_steps=STEPS, files_root=files)
        run(request, connections, emit, threading.Event(), kept, kept.__setitem__, lambda _kind, _values: None)
    finally:
        connections.close()
    return Done(tuple(failed), tuple(changed), started or time.time(), seconds)


if __name__ == "__main__":
    print(json.dumps(asdict(onboard(Given(**json.load(sys.stdin))))))
