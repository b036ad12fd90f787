"""The engine's first step on a GKE cluster, over the product's own wiring."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from meshvm_tui.engine import run
from meshvm_tui.engine_run import RunRequest
from meshvm_tui.events import Event, Mode, StepFinished, StepState
from meshvm_tui.plan import Plan
from meshvm_tui.problems import ProblemRecord
from meshvm_tui.steps.cluster import ClusterReachable
from meshvm_tui.wiring import WiredConnections
from tests.gke.gke_world import CLUSTERS, CONTEXT, NAME, Gke, a_plan
from tests.google_auth.google_world import Answer, Asked


def cluster_step(connections: WiredConnections, plan: Plan | None = None, mode: Mode = Mode.APPLY) -> StepFinished:
    """How the step ended."""
    told: list[Event] = []
    request = RunRequest(plan or a_plan(), mode)
    run(
        request,
        connections,
        told.append,
        threading.Event(),
        {},
        lambda key, value: None,
        lambda kind, values: None,
        steps=((ClusterReachable(), ""),),
    )
    [finished] = [event for event in told if isinstance(event, StepFinished)]
    return finished


def problem_of(finished: StepFinished) -> ProblemRecord:
    assert finished.problem is not None
    return finished.problem


def test_a_run_reaches_the_cluster_and_tells_of_it(gke: Gke, connections: WiredConnections) -> None:
    finished = cluster_step(connections)
    assert finished.state in (StepState.SKIPPED, StepState.SUCCEEDED)
    assert finished.problem is None
    assert CONTEXT in finished.message


def test_a_cluster_that_is_being_made_is_waited_for(gke: Gke, connections: WiredConnections) -> None:
    bodies: Iterator[dict[str, object]] = iter([gke.described | {"status": "PROVISIONING"}])

    def route(asked: Asked) -> Answer:
        return Answer(200, next(bodies, gke.described))

    gke.google.server.routes["GET", f"{CLUSTERS}/{NAME}"] = route
    assert cluster_step(connections).problem is None
    assert gke.google.server.paths().count(f"{CLUSTERS}/{NAME}") >= 2


def test_an_expired_login_stops_the_run_and_a_new_one_goes_on(gke: Gke, connections: WiredConnections) -> None:
    assert cluster_step(connections).problem is None
    gke.door.revoked = {"ya29.token-1"}
    gke.logged_out()
    assert problem_of(cluster_step(connections)).code in ("MVM-802", "MVM-803")
    gke.logged_in()
    assert cluster_step(connections).problem is None


def test_an_endpoint_that_is_not_there_is_told_with_the_command(gke: Gke, connections: WiredConnections) -> None:
    gke.describe(controlPlaneEndpointsConfig={"ipEndpointsConfig": {"enabled": False}})
    problem = problem_of(cluster_step(connections, mode=Mode.OBSERVE))
    assert problem.code == "MVM-835"
    assert problem.next_action.endswith("--enable-dns-access")
