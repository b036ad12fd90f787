"""cluster-reachable, mesh facts and control-plane: every standing, what is planned, what is done, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.plan import Plan
from meshvm_tui.problems import ActionNeeded, Cancelled, Problem, TransientError
from meshvm_tui.steps.cluster import ClusterReachable
from meshvm_tui.steps.mesh import ControlPlane
from meshvm_tui.steps.mesh_facts import gateway_ip, mesh_facts
from tests.fakes.cluster import FakeCluster
from tests.fakes.scope import a_scope, all_ports, read_ports

from .mesh_objects import config_map, gateway_service, istiod, mesh


def a_plan(**parts: Any) -> Plan:
    return Plan.model_validate({"apiVersion": "meshvm-tui/v1", "kind": "OnboardingPlan", **parts})


class Installer:
    """istioctl that puts a mesh into the fake cluster."""

    def __init__(self, cluster: FakeCluster, *, available: bool = True) -> None:
        self.cluster = cluster
        self.available = available
        self.documents: list[str] = []

    def version(self) -> str:
        return "1.30.3"

    def install(
        self, operator_yaml: str, *, revision: str, log: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        self.documents.append(operator_yaml)
        log("✔ Istiod installed")
        for obj in mesh(available=self.available):
            self.cluster.put(obj)


def refused(call: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


# cluster-reachable


def test_reachable_tells_who_we_are_and_what_we_may_not() -> None:
    cluster = FakeCluster()
    cluster.denied = {("create", "serviceaccounts/token")}
    seen = ClusterReachable().observe(read_ports(cluster), a_scope())
    assert seen.standing is Standing.SATISFIED
    assert dict(seen.details)["user"] == "ann@example.com"
    told = [(finding.code, finding.evidence) for finding in seen.findings]
    assert told == [("MVM-107", "not allowed: create serviceaccounts/token in vm-namespace")]
    assert "patch workloadgroups.networking.istio.io in vm-namespace" in dict(seen.details)["may"]


def test_reachable_refuses_to_go_on_as_anonymous(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr(cluster, "user", lambda: "system:anonymous")
    assert refused(lambda: ClusterReachable().observe(read_ports(cluster), a_scope())).code == "MVM-106"


# facts


def test_facts_of_a_running_mesh() -> None:
    facts = mesh_facts(read_ports(FakeCluster(*mesh(network="net1", mesh_id="m"))), a_scope())
    assert (facts.revision, facts.mesh_id, facts.cluster_id, facts.network) == ("default", "m", "Kubernetes", "net1")
    assert (facts.version, facts.trust_domain, facts.installed, facts.available) == (
        "1.30.3",
        "cluster.local",
        True,
        True,
    )
    assert facts.discovery_address == "istiod.istio-system.svc:15012"
    assert facts.auto_registration


def test_facts_without_a_mesh_are_the_plans() -> None:
    scope = a_scope(a_plan(mesh={"meshID": "mine", "revision": "r1"}))
    facts = mesh_facts(read_ports(FakeCluster()), scope)
    assert (facts.installed, facts.mesh_id, facts.cluster_id, facts.network) == (False, "mine", "Kubernetes", "")
    assert facts.discovery_address == "istiod-r1.istio-system.svc:15012"


@pytest.mark.parametrize(
    ("tag", "expected"), [("canary", "canary"), ("gone", "default")], ids=["default tag", "the unrevisioned one"]
)
def test_facts_of_several_revisions(tag: str, expected: str) -> None:
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {
            "name": "istio-revision-tag-default",
            "labels": {"istio.io/rev": tag, "istio.io/tag": "default"},
        },
    }
    cluster = FakeCluster(*mesh(), *mesh("canary"), webhook)
    assert mesh_facts(read_ports(cluster), a_scope()).revision == expected


def test_facts_leave_no_choice_to_chance() -> None:
    problem = refused(lambda: mesh_facts(read_ports(FakeCluster(*mesh("a"), *mesh("b"))), a_scope()))
    assert (problem.code, "a, b" in problem.cause) == ("MVM-204", True)


def test_a_damaged_config_map_is_named() -> None:
    cluster = FakeCluster(istiod(), config_map("istio", {"mesh": "a: [\n"}))
    assert refused(lambda: mesh_facts(read_ports(cluster), a_scope())).code == "MVM-216"


@pytest.mark.parametrize(
    ("service", "address", "expected"),
    [
        (None, "auto", ""),
        (gateway_service(15012), "auto", ""),
        (gateway_service(15012, ingress={"ip": "10.1.2.3"}), "auto", "10.1.2.3"),
        (gateway_service(15012, ingress={"hostname": "localhost"}), "auto", "127.0.0.1"),
        (gateway_service(15012, ingress={"ip": "10.1.2.3"}), "10.9.9.9", "10.9.9.9"),
    ],
)
def test_gateway_ip(service: dict[str, Any] | None, address: str, expected: str) -> None:
    cluster = FakeCluster(*([service] if service else []))
    assert gateway_ip(read_ports(cluster), a_scope(a_plan(gateway={"address": address}))) == expected


# control-plane


def test_control_plane_nothing_to_do() -> None:
    cluster, scope = FakeCluster(*mesh()), a_scope()
    seen = ControlPlane().observe(read_ports(cluster), scope)
    assert seen.standing is Standing.SATISFIED
    assert dict(seen.details)["meshID"] == "mesh1"
    assert ControlPlane().apply(all_ports(cluster), scope).changed is False
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("objects", "mesh_part", "standing", "code", "words"),
    [
        ((), {}, Standing.MISSING, "MVM-201", "install: keep"),
        (mesh("other"), {"revision": "wanted"}, Standing.MISSING, "MVM-204", "there is other"),
        (mesh("other"), {"revision": "wanted", "install": "install"}, Standing.MISSING, "MVM-204", "there is other"),
        (
            mesh(env={"PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION": "false"}),
            {},
            Standing.DIFFERENT,
            "MVM-203",
            "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION=false",
        ),
        (mesh(), {"meshID": "mine"}, Standing.DIFFERENT, "MVM-205", "mesh.meshID is 'mine', the mesh has 'mesh1'"),
        (mesh(), {"network": "n"}, Standing.DIFFERENT, "MVM-205", "mesh.network is 'n', the mesh has ''"),
    ],
)
def test_control_plane_leaves_decisions_to_the_operator(
    objects: tuple[Any, ...], mesh_part: dict[str, str], standing: Standing, code: str, words: str
) -> None:
    cluster, scope, step = FakeCluster(*objects), a_scope(a_plan(mesh=mesh_part)), ControlPlane()
    seen = step.observe(read_ports(cluster), scope)
    assert seen.standing is standing
    for call in (lambda: step.changes(read_ports(cluster), scope, seen), lambda: step.apply(all_ports(cluster), scope)):
        problem = refused(call)
        assert isinstance(problem, ActionNeeded)
        assert (problem.code, words in problem.cause) == (code, True), problem.cause
    assert cluster.writes == []


def test_switching_on_auto_registration_is_told_as_a_command() -> None:
    cluster = FakeCluster(*mesh(env={"PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION": "false"}))
    scope = a_scope(a_plan(cluster={"context": "c"}))
    seen = ControlPlane().observe(read_ports(cluster), scope)
    problem = refused(lambda: ControlPlane().changes(read_ports(cluster), scope, seen))
    assert "kubectl --context=c -n istio-system set env deployment/istiod" in problem.next_action


def test_control_plane_is_installed_where_nothing_runs() -> None:
    cluster, scope, step = FakeCluster(), a_scope(a_plan(mesh={"install": "install"})), ControlPlane()
    seen = step.observe(read_ports(cluster), scope)
    (change,) = step.changes(read_ports(cluster), scope, seen)
    assert change.action == "run"
    assert "+    PILOT_ENABLE" in change.diff or "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION" in change.diff
    assert change.commands == ("istioctl install -y -f istio-vm-install.yaml",)
    istioctl = Installer(cluster)
    assert step.apply(all_ports(cluster, istioctl), scope).changed
    assert "meshID: mesh1" in istioctl.documents[0]
    assert ("istioctl", "✔ Istiod installed") in scope.told.said
    assert step.observe(read_ports(cluster), scope).standing is Standing.SATISFIED


def test_an_injector_from_outside_is_not_installed_beside() -> None:
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "istiod-asm-managed", "labels": {"app": "sidecar-injector"}},
        "webhooks": [{"clientConfig": {"url": "https://meshca"}}],
    }
    cluster, scope = FakeCluster(webhook), a_scope(a_plan(mesh={"install": "install"}))
    assert refused(lambda: ControlPlane().apply(all_ports(cluster), scope)).code == "MVM-207"


def test_control_plane_waits_until_it_is_available() -> None:
    cluster, scope = FakeCluster(*mesh(available=False)), a_scope()
    step = ControlPlane()
    seen = step.observe(read_ports(cluster), scope)
    assert (seen.standing, seen.reason) == (Standing.DIFFERENT, "NotAvailable")
    assert step.changes(read_ports(cluster), scope, seen)[0].target == "wait for Deployment istiod"

    def serve() -> None:
        cluster.put(istiod())

    scope.on_wait = serve
    assert step.apply(all_ports(cluster), scope).changed is False
    assert scope.told.progressed[0].startswith("waiting for Deployment istiod to be Available")


def test_waiting_ends_at_the_deadline_and_at_once_when_cancelled() -> None:
    cluster = FakeCluster(*mesh(available=False))
    problem = refused(lambda: ControlPlane().apply(all_ports(cluster), a_scope(deadline=-1)))
    assert (type(problem), problem.code) == (TransientError, "MVM-202")
    scope = a_scope()
    scope.cancelled.set()
    with pytest.raises(Cancelled):
        ControlPlane().apply(all_ports(cluster), scope)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PILOT_ENABLE_AMBIENT": "true"}, "Ambient"),
        ({"ENABLE_CA_SERVER": "false"}, "signs no certificates"),
        ({"PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS": "false"}, "health checks"),
    ],
)
def test_what_a_mesh_means_for_vms_is_a_warning(env: dict[str, str], words: str) -> None:
    seen = ControlPlane().observe(read_ports(FakeCluster(*mesh(env=env))), a_scope())
    assert seen.standing is Standing.SATISFIED
    assert words in seen.warnings[0]


def test_nothing_but_looking_while_planning() -> None:
    cluster = FakeCluster()
    scope = a_scope(a_plan(mesh={"install": "install"}))
    step = ControlPlane()
    step.changes(read_ports(cluster), scope, step.observe(read_ports(cluster), scope))
    assert cluster.writes == []
    assert {verb for verb, *_ in cluster.reads} <= {"get", "list"}
