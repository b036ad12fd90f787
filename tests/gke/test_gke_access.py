"""A GKE cluster without kubeconfig: found, entered with a token of the Google login, and what stands in the way."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshvm_tui.ports import CONFIG_MAPS, NAMESPACES, ReadPorts
from meshvm_tui.problems import ActionNeeded, Problem, TransientError
from meshvm_tui.steps.cluster import ClusterReachable
from meshvm_tui.wiring import WiredConnections
from tests.fakes.scope import a_scope
from tests.gke.gke_world import CLUSTERS, CONTEXT, PROJECT, Gke, a_plan
from tests.google_auth.google_world import ACCOUNT, Answer, check_assertion


def config_map(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {}}


def until(happened: Callable[[], bool], what: str) -> None:
    """Waits for a condition."""
    end = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < end, f"not in 10 s: {what}"
        time.sleep(0.01)


def refused(connections: WiredConnections, plan: object = None) -> Problem:
    with pytest.raises(Problem) as caught:
        connections.cluster_reader(plan or a_plan()).list(NAMESPACES)  # type: ignore[arg-type]
    return caught.value


def test_it_is_entered_without_a_kubeconfig(gke: Gke, connections: WiredConnections) -> None:
    reader = connections.cluster_reader(a_plan())
    assert "default" in [item["metadata"]["name"] for item in reader.list(NAMESPACES)]
    assert (reader.context, reader.server, reader.user()) == (CONTEXT, gke.api.url, ACCOUNT)
    assert gke.tokens_asked() == 1


def test_the_token_has_the_plugins_scopes_and_is_shown_nowhere(gke: Gke, connections: WiredConnections) -> None:
    reader = connections.cluster_reader(a_plan())
    reader.list(NAMESPACES)
    [asked] = [asked for asked in gke.google.server.asked if asked.path == "/token"]
    scopes = check_assertion(asked.form["assertion"])["scope"].split()
    assert {scope.rpartition("/")[2] for scope in scopes} == {"cloud-platform", "userinfo.email"}
    assert gke.door.seen[0] == "ya29.token-1"
    access = reader._transport.access  # type: ignore[attr-defined]
    assert "ya29" not in f"{access!r} {access.token_source!r} {vars(access)!r}"


def test_the_project_is_gclouds_where_the_plan_names_none(gke: Gke, connections: WiredConnections) -> None:
    plan = a_plan(gke={"location": "us-central1-a", "name": "lab"})
    assert connections.cluster_reader(plan).context == CONTEXT


def test_a_context_goes_before_google(gke: Gke, connections: WiredConnections, tmp_path: Path) -> None:
    file = tmp_path / "config"
    server = (
        f"clusters: [{{name: it, cluster: {{server: '{gke.api.url}', certificate-authority: '{gke.api.ca_file}'}}}}]"
    )
    file.write_text(
        f"{server}\nusers: [{{name: it, user: {{token: '{gke.api.token}'}}}}]\n"
        "contexts: [{name: it, context: {cluster: it, user: it}}]\n"
    )
    reader = connections.cluster_reader(a_plan(context="it", kubeconfig=str(file)))
    assert reader.user() == "lab-admin"
    assert gke.google.server.asked == []


def test_a_token_is_renewed_before_it_ends(gke: Gke, connections: WiredConnections) -> None:
    gke.tokens_live(60)
    reader = connections.cluster_reader(a_plan())
    for _ in range(2):
        reader.list(NAMESPACES)
    assert len(set(gke.door.seen)) == 2


def test_a_refused_token_is_renewed_once(gke: Gke, connections: WiredConnections) -> None:
    gke.door.revoked = {"ya29.token-1"}
    connections.cluster_reader(a_plan()).list(NAMESPACES)
    assert gke.door.seen == ["ya29.token-1", "ya29.token-2"]


def test_a_login_that_is_never_let_in_is_asked_for_one_more_token_only(gke: Gke, connections: WiredConnections) -> None:
    gke.door.revoked = {f"ya29.token-{number}" for number in range(1, 9)}
    assert refused(connections).code == "MVM-106"
    assert len(gke.door.seen) == 2


def test_a_watch_goes_on_with_a_new_token(gke: Gke, connections: WiredConnections) -> None:
    assert gke.api.lab
    lab, stop, seen = gke.api.lab, threading.Event(), list[str]()
    cluster = connections.cluster(a_plan())

    def follow() -> None:
        for event in cluster.watch(CONFIG_MAPS, "default", stop.is_set):
            seen.append(event.object["metadata"]["name"] if event.type == "ADDED" else event.type)

    reader = threading.Thread(target=follow)
    reader.start()
    try:
        until(lambda: bool(lab.api._watches), "a watch is open")
        gke.door.revoked = {"ya29.token-1"}
        lab.call(lambda: [watch.cancel() for watch in lab.api._watches])
        until(lambda: gke.door.seen[-1] == "ya29.token-2" and bool(lab.api._watches), "it is open with a new token")
        cluster.apply(config_map("after-renewal"))
        until(lambda: "after-renewal" in seen, "it sees what happens")
    finally:
        stop.set()
        cluster.delete(CONFIG_MAPS, "after-renewal", "default")
        reader.join(10)
    assert not reader.is_alive()
    assert "STALE" not in seen  # nobody was told of a failure


def test_after_a_new_login_the_same_session_goes_on(gke: Gke, connections: WiredConnections) -> None:
    reader = connections.cluster_reader(a_plan())
    reader.list(NAMESPACES)
    gke.door.revoked = {"ya29.token-1"}
    gke.logged_out()
    for _ in range(2):
        with pytest.raises(Problem) as caught:
            reader.list(NAMESPACES)
        assert caught.value.code.startswith("MVM-80")
    gke.logged_in()
    assert reader.list(NAMESPACES)


def test_a_login_that_fails_at_first_is_not_remembered(gke: Gke, connections: WiredConnections) -> None:
    gke.logged_out()
    assert refused(connections).code.startswith("MVM-80")
    gke.logged_in()
    assert connections.cluster_reader(a_plan()).list(NAMESPACES)


def test_no_such_cluster_names_those_that_there_are(gke: Gke, connections: WiredConnections) -> None:
    gke.google.server.answer("GET", f"{CLUSTERS}/lab", Answer(404, {"error": {"code": 404, "message": "Not found"}}))
    everywhere = f"/v1/projects/{PROJECT}/locations/-/clusters"
    others = {"clusters": [{"name": "lab", "location": "us-east1"}], "missingZones": ["us-east1-b"]}
    gke.google.server.answer("GET", everywhere, Answer(200, others))
    problem = refused(connections)
    assert (problem.code, isinstance(problem, ActionNeeded)) == ("MVM-834", True)
    assert problem.cause.endswith("clusters/lab; there are: lab in us-east1 (no answer from us-east1-b)")


@pytest.mark.parametrize(("status", "kind"), [("PROVISIONING", TransientError), ("STOPPING", ActionNeeded)])
def test_a_cluster_that_does_not_run(gke: Gke, connections: WiredConnections, status: str, kind: type[Problem]) -> None:
    gke.describe(status=status, statusMessage="because")
    problem = refused(connections)
    assert (problem.code, problem.cause) == ("MVM-836", f"lab in us-central1-a is {status}: because")
    assert isinstance(problem, kind)


def test_an_endpoint_that_lets_nobody_in_from_here_says_what_to_do(gke: Gke, connections: WiredConnections) -> None:
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        networks = {"enabled": True, "cidrBlocks": [{"cidrBlock": "198.51.100.0/24"}]}
        endpoint = f"127.0.0.1:{nobody.getsockname()[1]}"
        gke.describe(endpoint=endpoint, masterAuthorizedNetworksConfig=networks)
        plan = a_plan()
        ports = ReadPorts(
            connections.cluster_reader(plan), connections.istioctl(plan), compute=connections.compute_reader(plan)
        )
        with pytest.raises(ActionNeeded) as caught:
            ClusterReachable().observe(ports, a_scope(plan))
    assert caught.value.code == "MVM-835"
    assert "open to 198.51.100.0/24 only" in caught.value.cause
    command = "gcloud container clusters update lab --location=us-central1-a --project=lab-project-1"
    wanted = "--enable-master-authorized-networks --master-authorized-networks=198.51.100.0/24,THIS_ADDRESS/32"
    assert caught.value.next_action.startswith(f"Run: {command} {wanted}")
