"""upgrade: only a mesh of istioctl's, only a supported step, only after its whole diff; who it is never changes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.mesh import ControlPlane
from meshvm_tui.steps.mesh_facts import mesh_facts

from .clusters import CONTEXT, SYSTEM, Foreign, scope_with
from .meshes import ISTIOCTL, OF_A_TOOL, Istioctl, a_mesh

JSON = dict[str, Any]
UPGRADE = {"install": "upgrade", "version": "1.31.0", "profile": "minimal"}
CONFIRMED = {**UPGRADE, "upgradeCluster": CONTEXT}
RUNNING: dict[str, Any] = {
    "network": "net-7",
    "trust_domain": "corp.example",
    "mesh_config": {"accessLogFile": "/dev/stdout"},
    "pilot_env": {"PILOT_TRACE": "site", "CLUSTER_ID": "prod-eu"},
}


@pytest.fixture
def istioctl(foreign: Foreign) -> Istioctl:
    made = Istioctl(foreign)
    foreign.istioctl = made
    return made


def refused(call: Callable[[], object]) -> Problem:
    with pytest.raises(ActionNeeded) as caught:
        call()
    return caught.value


def planning_refused(foreign: Foreign, **mesh: Any) -> Problem:
    """Planning says no before anything is shown as a change, applying says no as well, and neither writes."""
    scope, step = scope_with(mesh={**CONFIRMED, **mesh}), ControlPlane()
    seen = step.observe(foreign.reading(), scope)
    assert seen.standing is Standing.DIFFERENT
    first = refused(lambda: step.changes(foreign.reading(), scope, seen))
    scope.forget()
    assert refused(lambda: step.apply(foreign.ports(), scope)).code == first.code
    assert foreign.written() == []
    assert "install" not in foreign.istioctl.asked
    return first


def test_the_whole_diff_is_shown_and_the_clusters_name_wanted_before_anything_runs(
    foreign: Foreign, istioctl: Istioctl
) -> None:
    foreign.put(*a_mesh(version="1.30.3", **RUNNING))
    foreign.forget()
    scope, step = scope_with(mesh=UPGRADE), ControlPlane()
    seen = step.observe(foreign.reading(), scope)
    assert (seen.standing, seen.reason, seen.message) == (
        Standing.DIFFERENT,
        "UpgradeWanted",
        "istiod is 1.30.3, wanted 1.31.0",
    )
    run, *changes = step.changes(foreign.reading(), scope, seen)
    assert run.commands[0].startswith("istioctl x precheck")
    by_target = {change.target: change for change in changes}
    deployment = by_target[f"Deployment {SYSTEM}/istiod"]
    images = [line.split()[-1] for line in deployment.diff.splitlines() if "image:" in line and line[0] in "+-"]
    assert images == ["docker.io/istio/pilot:1.30.3", "docker.io/istio/pilot:1.31.0"]
    assert set(by_target) == {
        f"Deployment {SYSTEM}/istiod",
        f"ConfigMap {SYSTEM}/istio-sidecar-injector",
    }, "the rest is as it runs"
    problem = refused(lambda: step.apply(foreign.ports(), scope))
    assert problem.code == "MVM-218"
    assert f"set mesh.upgradeCluster: {CONTEXT}" in problem.next_action
    assert foreign.cluster.server in problem.cause
    assert foreign.written() == []
    assert "install" not in istioctl.asked


def test_another_clusters_name_does_not_confirm(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.30.3"))
    scope = scope_with(mesh={**UPGRADE, "upgradeCluster": "staging"})
    problem = refused(lambda: ControlPlane().apply(foreign.ports(), scope))
    assert (problem.code, "'staging'" in problem.cause, f"{CONTEXT!r}" in problem.cause) == ("MVM-218", True, True)
    assert "install" not in istioctl.asked


def test_an_upgrade_changes_the_version_and_nothing_of_who_the_mesh_is(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.30.3", **RUNNING))
    before = mesh_facts(foreign.reading(), scope_with())
    foreign.forget()
    scope, step = scope_with(mesh=CONFIRMED), ControlPlane()
    outcome = step.apply(foreign.ports(), scope)
    assert (outcome.changed, outcome.message) == (True, "upgraded Istio from 1.30.3 to 1.31.0")
    assert istioctl.asked.count("install") == 1
    assert istioctl.asked.index(f"precheck {SYSTEM}") < istioctl.asked.index("install")
    document = istioctl.installed[0]["spec"]
    assert document["meshConfig"]["accessLogFile"] == "/dev/stdout"
    assert document["values"]["pilot"]["env"] == {"PILOT_TRACE": "site"}, "the chart's own variables are left to it"
    after = mesh_facts(foreign.reading(), scope_with())
    assert after.version == "1.31.0"
    for name in ("mesh_id", "cluster_id", "network", "trust_domain", "revision"):
        assert getattr(after, name) == getattr(before, name), name
    assert step.observe(foreign.reading(), scope_with(mesh=CONFIRMED)).standing is Standing.SATISFIED
    assert foreign.written() == [], "all of it went through istioctl"


def test_what_the_mesh_was_installed_with_is_said_again(foreign: Foreign, istioctl: Istioctl) -> None:
    values = {"global": {"tag": "1.30.3", "hub": "registry.corp.example/istio"}, "pilot": {"nodeSelector": {"a": "b"}}}
    kept = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "values", "namespace": SYSTEM},
        "data": {"original-values": json.dumps(values)},
    }
    scaled = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "istiod", "namespace": SYSTEM},
        "spec": {
            "minReplicas": 3,
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "istiod"},
        },
    }
    foreign.put(*a_mesh(version="1.30.3"), kept, scaled)
    ControlPlane().apply(foreign.ports(), scope_with(mesh=CONFIRMED))
    said = istioctl.installed[0]["spec"]["values"]
    assert said["global"]["hub"] == "registry.corp.example/istio"
    assert "tag" not in said["global"], "that is the new version's"
    assert said["pilot"]["nodeSelector"] == {"a": "b"}
    assert (said["pilot"]["autoscaleMin"], said["pilot"]["autoscaleMax"]) == (3, 9)


def test_a_fixed_number_of_istiods_stays_fixed(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.30.3"))
    ControlPlane().apply(foreign.ports(), scope_with(mesh=CONFIRMED))
    pilot = istioctl.installed[0]["spec"]["values"]["pilot"]
    assert (pilot["autoscaleEnabled"], pilot["replicaCount"]) == (False, 1)


def test_a_revision_is_upgraded_under_its_own_name(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.30.3", revision="prod"), *a_mesh(version="1.29.0", revision="old"))
    scope = scope_with(mesh={**CONFIRMED, "revision": "prod"})
    ControlPlane().apply(foreign.ports(), scope)
    assert istioctl.installed[0]["spec"]["revision"] == "prod"
    assert foreign.live("apps/deployments", "istiod-old")["spec"]["template"]["spec"]["containers"][0][
        "image"
    ].endswith(":1.29.0")


def test_without_a_version_istioctls_own_is_wanted(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.31.0"))
    seen = ControlPlane().observe(foreign.reading(), scope_with(mesh={**UPGRADE, "version": ""}))
    assert seen.standing is Standing.SATISFIED
    assert istioctl.asked == ["version"]


def test_a_kept_plan_does_not_upgrade_by_itself_when_istioctl_does(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.30.3"))
    scope = scope_with(mesh={**CONFIRMED, "version": ""})
    problem = refused(lambda: ControlPlane().apply(foreign.ports(), scope))
    assert (problem.code, problem.cause) == ("MVM-218", "mesh.version is empty, and istioctl is 1.31.0")
    assert "install" not in istioctl.asked


@pytest.mark.parametrize("tool", list(OF_A_TOOL))
def test_a_mesh_of_another_tool_is_left_to_it(foreign: Foreign, istioctl: Istioctl, tool: str) -> None:
    foreign.put(*a_mesh(OF_A_TOOL[tool], version="1.30.3"))
    foreign.forget()
    problem = planning_refused(foreign)
    assert problem.code == "MVM-217"
    assert f"managed by {tool.partition(',')[0]}" in problem.cause
    assert "install: keep" in problem.next_action
    assert istioctl.asked == [], "not even looked at"


@pytest.mark.parametrize(
    ("group", "version", "plural", "kind", "name", "tool"),
    [
        ("mesh.cloud.google.com", "v1beta1", "controlplanerevisions", "ControlPlaneRevision", "asm-managed", "Google"),
        ("sailoperator.io", "v1", "istios", "Istio", "default", "the Sail operator"),
        ("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator", "production", "Istio's operator"),
    ],
)
def test_an_operators_own_object_is_enough(  # noqa: PLR0917 (the columns of the table)
    foreign: Foreign, istioctl: Istioctl, group: str, version: str, plural: str, kind: str, name: str, tool: str
) -> None:
    namespaced = kind != "Istio"
    foreign.serve(group, version, plural, kind, namespaced=namespaced)
    metadata = {"name": name, **({"namespace": SYSTEM} if namespaced else {})}
    foreign.put({"apiVersion": f"{group}/{version}", "kind": kind, "metadata": metadata}, *a_mesh(version="1.30.3"))
    foreign.forget()
    problem = planning_refused(foreign)
    assert problem.code == "MVM-217"
    assert tool in problem.cause
    assert name in problem.cause


def test_what_istioctl_itself_leaves_is_no_operator(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.serve("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator", namespaced=True)
    state = {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator"}
    foreign.put({**state, "metadata": {"name": "installed-state", "namespace": SYSTEM}}, *a_mesh(version="1.30.3"))
    assert ControlPlane().apply(foreign.ports(), scope_with(mesh=CONFIRMED)).changed


@pytest.mark.parametrize(
    ("running", "mesh", "own_version", "code", "words"),
    [
        ("1.30.3", {}, "1.30.3", "MVM-219", "istioctl on PATH is 1.30.3, mesh.version is 1.31.0"),
        ("1.31.2", {}, "1.31.0", "MVM-206", "wanted 1.31.0, which is older"),
        ("1.28.1", {}, "1.31.0", "MVM-206", "one minor version at a time"),
        ("1.31.0", {"version": "1.32.0"}, "1.32.0", "MVM-206", "not one that this was made for"),
        ("", {}, "1.31.0", "MVM-206", "istiod is of unknown version"),
    ],
)
def test_a_step_that_istio_does_not_support_is_not_made(  # noqa: PLR0917 (the columns of the table)
    foreign: Foreign, istioctl: Istioctl, running: str, mesh: JSON, own_version: str, code: str, words: str
) -> None:
    istioctl.own_version = own_version
    foreign.put(*a_mesh(version=running))
    foreign.forget()
    problem = planning_refused(foreign, **mesh)
    assert (problem.code, words in problem.cause) == (code, True), problem.cause


def test_what_precheck_finds_is_said_in_its_own_words(foreign: Foreign, istioctl: Istioctl) -> None:
    istioctl.issues = "Error [IST0141] (Cluster) Missing required permission to create resource clusterroles"
    foreign.put(*a_mesh(version="1.30.3"))
    foreign.forget()
    problem = planning_refused(foreign)
    assert (problem.code, problem.cause) == ("MVM-221", istioctl.issues)


def moved(kind: str, name: str, old: str, new: str) -> Callable[[list[JSON]], list[JSON]]:
    """Charts that would write another value into one object."""

    def change(objects: list[JSON]) -> list[JSON]:
        made = copy.deepcopy(objects)
        for obj in made:
            if (obj["kind"], obj["metadata"]["name"]) == (kind, name):
                text = str(obj["data"]["mesh" if name == "istio" else "values"])
                assert old in text
                obj["data"]["mesh" if name == "istio" else "values"] = text.replace(old, new)
        return made

    return change


@pytest.mark.parametrize(
    ("kind", "name", "old", "new", "words"),
    [
        ("ConfigMap", "istio", "corp.example", "cluster.local", "trust domain 'corp.example' would become"),
        ("ConfigMap", "istio", "mesh-prod", "mesh1", "meshID 'mesh-prod' would become 'mesh1'"),
        ("ConfigMap", "istio-sidecar-injector", "net-7", "", "network 'net-7' would become ''"),
    ],
)
def test_a_manifest_with_another_identity_is_refused(  # noqa: PLR0917 (the columns of the table)
    foreign: Foreign, istioctl: Istioctl, kind: str, name: str, old: str, new: str, words: str
) -> None:
    istioctl.changed = moved(kind, name, old, new)
    foreign.put(*a_mesh(version="1.30.3", **RUNNING))
    foreign.forget()
    problem = planning_refused(foreign)
    assert (problem.code, words in problem.cause) == ("MVM-222", True), problem.cause


def test_a_profile_that_adds_a_gateway_is_not_the_one_that_runs(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.30.3"))
    foreign.forget()
    problem = planning_refused(foreign, profile="default")
    assert problem.code == "MVM-223"
    assert f"with profile default, it would add Service {SYSTEM}/istio-ingressgateway" in problem.cause


def test_a_workload_of_the_same_owner_is_not_left_behind(foreign: Foreign, istioctl: Istioctl) -> None:
    istiod = next(obj for obj in a_mesh(version="1.30.3") if obj["kind"] == "Deployment")
    gateway = copy.deepcopy(istiod)
    gateway["metadata"] |= {"name": "istio-ingressgateway", "labels": {"istio.io/rev": "default", **ISTIOCTL.labels}}
    foreign.put(*a_mesh(version="1.30.3"), gateway)
    foreign.forget()
    problem = planning_refused(foreign)
    assert problem.code == "MVM-223"
    assert f"leave Deployment {SYSTEM}/istio-ingressgateway behind at 1.30.3" in problem.cause


def test_the_diff_is_computed_again_and_refused_where_the_world_has_moved(foreign: Foreign, istioctl: Istioctl) -> None:
    foreign.put(*a_mesh(version="1.30.3"))
    scope, step = scope_with(mesh=CONFIRMED), ControlPlane()
    seen = step.observe(foreign.reading(), scope)
    shown = [change.fingerprint for change in step.changes(foreign.reading(), scope, seen)]
    foreign.put(*a_mesh(version="1.30.3", pilot_env={"NEW": "setting"}))
    scope.forget()
    again = [change.fingerprint for change in step.changes(foreign.reading(), scope, seen)]
    assert shown != again
