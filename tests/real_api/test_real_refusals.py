"""What a real API server refuses, in its own words, through the real adapter and the engine."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from meshvm_tui.events import Mode
from meshvm_tui.ports import NAMESPACES, Access
from meshvm_tui.problems import Problem, ProblemRecord
from tests.real_api.world import ADMIN, World

pytestmark = pytest.mark.real_tools
JSON = dict[str, Any]


def problem_of(world: World, step: str, *steps: str, user: str = ADMIN) -> ProblemRecord:
    """The problem with which a step ended."""
    ended = world.run(world.plan(user), Mode.APPLY, *steps, step)
    problem = ended.steps[step].problem
    assert problem is not None, ended.steps[step]
    return problem


def test_a_field_of_another_manager_is_named_with_it_and_kept(world: World) -> None:
    world.install_istio()
    world.make_namespaces(world.home)
    spec = {"template": {"serviceAccount": "theirs", "network": "their-net"}}
    group = {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup", "metadata": {"name": "hello-vm"}}
    world.put([{**group, "spec": spec}], "argocd-controller", world.home)
    problem = problem_of(world, "workload-group", "control-plane", "namespace", "service-account")
    assert problem.code == "MVM-110"
    assert "argocd-controller" in problem.title + problem.cause
    assert "serviceAccount" in problem.title + problem.cause
    assert world.istio_object("workloadgroups", "hello-vm", world.home)["spec"] == spec


def test_a_conflict_that_comes_between_looking_and_applying_is_the_servers_own_word(world: World) -> None:
    world.make_namespaces(world.home)
    group: JSON = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "raced", "namespace": world.home},
        "spec": {"template": {"serviceAccount": "theirs"}},
    }
    world.put([group], "their-operator")
    cluster = world.cluster()
    try:
        with pytest.raises(Problem) as caught:
            cluster.apply({**group, "spec": {"template": {"serviceAccount": "ours"}}})
    finally:
        cluster.close()
    assert caught.value.code == "MVM-110"
    assert "their-operator" in caught.value.title + caught.value.cause
    assert ".spec.template.serviceAccount" in caught.value.title + caught.value.cause


def test_a_missing_permission_is_named_with_verb_kind_and_place(world: World) -> None:
    problem = problem_of(world, "namespace", user="stranger")
    assert problem.code == "MVM-107"
    assert "get namespaces" in problem.title
    assert 'User "stranger" cannot get resource "namespaces"' in problem.cause


def test_permissions_are_asked_of_rbac(world: World) -> None:
    world.make_namespaces(world.home)
    stranger, admin = world.cluster("stranger"), world.cluster()
    try:
        questions = [Access("patch", NAMESPACES), Access("get", NAMESPACES)]
        assert stranger.allowed(questions) == (False, False)
        assert admin.allowed(questions) == (True, True)
        assert stranger.user() == "stranger"
    finally:
        stranger.close()
        admin.close()


def test_a_namespace_that_is_being_deleted_is_waited_for(world: World) -> None:
    """Its finalizer is taken away while the engine tries again: then the stand-in for its controller lets it go."""
    name = world.home
    world.driver.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name, "finalizers": ["example.com/held"]}})
    old = world.driver.ok("DELETE", f"/api/v1/namespaces/{name}")["metadata"]["uid"]
    path = f"/api/v1/namespaces/{name}"
    remove = threading.Timer(1.5, _take_finalizers, (world, path))
    remove.start()
    try:
        ended = world.run(world.plan(), Mode.APPLY, "cluster-reachable", "namespace")
    finally:
        remove.join()
    assert ended.codes == {}
    assert world.live(path)["metadata"]["uid"] != old


def test_a_quota_that_is_used_up_is_named(world: World) -> None:
    world.make_namespaces(world.home)
    quota = {"metadata": {"name": "full"}, "spec": {"hard": {"services": "0"}}}
    path = f"/api/v1/namespaces/{world.home}/resourcequotas"
    made = world.driver.ok("POST", path, quota)
    # The quota controller: it counts what is used.
    status = {"hard": {"services": "0"}, "used": {"services": "0"}}
    world.driver.ok("PUT", f"{path}/full/status", {**made, "status": status})
    cluster = world.cluster()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hello-vm", "namespace": world.home},
        "spec": {"selector": {"app": "x"}, "ports": [{"name": "http", "port": 80}]},
    }
    try:
        with pytest.raises(Problem) as caught:
            cluster.apply(service)
    finally:
        cluster.close()
    assert caught.value.code == "MVM-118"
    assert "exceeded quota: full" in caught.value.cause


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"template": {"serviceAcount": "x"}}, "serviceAcount"),
        ({"template": {"weight": "heavy"}}, "weight"),
        ({"metadata": {}}, "template"),
    ],
)
def test_istios_own_definitions_refuse_with_the_field(world: World, spec: JSON, words: str) -> None:
    world.make_namespaces(world.home)
    group = {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup"}
    cluster = world.cluster()
    try:
        with pytest.raises(Problem) as caught:
            cluster.apply({**group, "metadata": {"name": "bad", "namespace": world.home}, "spec": spec})
    finally:
        cluster.close()
    assert caught.value.code == "MVM-109"
    assert words in caught.value.cause


def _take_finalizers(world: World, path: str) -> None:
    body = {"metadata": {"finalizers": None}}
    world.driver.ok("PATCH", path, body, media="application/merge-patch+json")
