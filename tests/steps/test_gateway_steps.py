"""The gateway's steps: made, adopted or refused; its address waited for; istiod and services exposed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from meshvm_tui.events import Change, Standing
from meshvm_tui.plan import Plan
from meshvm_tui.ports import DEPLOYMENTS, GATEWAYS, SERVICES, VIRTUAL_SERVICES
from meshvm_tui.problems import ActionNeeded, Cancelled, Problem
from meshvm_tui.steps.exposure import ExposeIstiod, ExposeServices
from meshvm_tui.steps.gateway import EastWestGateway
from meshvm_tui.steps.gateway_address import GatewayAddress
from meshvm_tui.steps.step import Step
from tests.fakes.cluster import FakeCluster
from tests.fakes.scope import TestScope, a_scope, all_ports, read_ports

from .mesh_objects import AVAILABLE, deployment, gateway_service, mesh, namespace

JSON = dict[str, Any]
NAME = "istio-eastwestgateway"


def a_plan(**gateway: Any) -> Plan:
    return Plan.model_validate({"apiVersion": "meshvm-tui/v1", "kind": "OnboardingPlan", "gateway": gateway})


def becomes_available(obj: JSON) -> None:
    """What controllers do with a Deployment."""
    if obj["kind"] == "Deployment":
        obj["status"] = copy.deepcopy(AVAILABLE)


def a_cluster(*objects: JSON) -> FakeCluster:
    cluster = FakeCluster(*mesh(), *objects)
    cluster.after_write = becomes_available
    return cluster


def planned(step: Step, cluster: FakeCluster, scope: TestScope) -> tuple[Standing, tuple[Change, ...]]:
    seen = step.observe(read_ports(cluster), scope)
    changes = step.changes(read_ports(cluster), scope, seen) if seen.standing is not Standing.SATISFIED else ()
    assert cluster.writes == [], "looking must not write"
    return seen.standing, changes


def problem_of(call: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


# eastwest-gateway


def test_gateway_is_made_of_our_own_marked_objects_and_then_nothing_is_left_to_do() -> None:
    cluster, scope, step = a_cluster(), a_scope(), EastWestGateway()
    standing, changes = planned(step, cluster, scope)
    assert standing is Standing.MISSING
    assert {change.target.split()[0] for change in changes} == {
        "Deployment",
        "Service",
        "ServiceAccount",
        "Role",
        "RoleBinding",
    }
    assert all("gen-eastwest-gateway.sh --single-cluster" in change.commands[1] for change in changes)
    assert step.apply(all_ports(cluster), scope).changed
    service = cluster.live(SERVICES, NAME, "istio-system")
    assert service["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "meshvm-tui"
    assert 15012 in [port["port"] for port in service["spec"]["ports"]]
    cluster.writes.clear()
    scope.forget()
    assert planned(step, cluster, scope) == (Standing.SATISFIED, ())
    assert step.apply(all_ports(cluster), scope).changed is False
    assert cluster.writes == []


def test_gateway_waits_for_a_mesh() -> None:
    cluster, scope = FakeCluster(), a_scope()
    seen = EastWestGateway().observe(read_ports(cluster), scope)
    assert (seen.standing, seen.waits_for) == (Standing.UNKNOWN, "control-plane")
    assert EastWestGateway().changes(read_ports(cluster), scope, seen), "still planned from the plan alone"


def test_another_ones_gateway_that_serves_istiod_is_adopted_untouched() -> None:
    cluster = a_cluster(gateway_service(15021, 15012), deployment(NAME))
    scope, step = a_scope(), EastWestGateway()
    seen = step.observe(read_ports(cluster), scope)
    assert (seen.standing, seen.reason) == (Standing.SATISFIED, "Adopted")
    assert step.apply(all_ports(cluster), scope).changed is False
    assert cluster.writes == []


def test_an_adopted_gateway_under_another_name_is_found_by_its_selector() -> None:
    other = deployment("gw", labels={"istio": "eastwestgateway"})
    cluster = a_cluster(gateway_service(15012), other)
    assert planned(EastWestGateway(), cluster, a_scope()) == (Standing.SATISFIED, ())


def test_another_ones_gateway_without_the_port_is_left_to_its_owner() -> None:
    cluster = a_cluster(gateway_service(443), deployment(NAME))
    scope, step = a_scope(), EastWestGateway()
    seen = step.observe(read_ports(cluster), scope)
    assert (seen.standing, seen.reason) == (Standing.DIFFERENT, "ServesNoIstiod")
    for call in (lambda: step.changes(read_ports(cluster), scope, seen), lambda: step.apply(all_ports(cluster), scope)):
        problem = problem_of(call)
        assert problem.code == "MVM-211"
        assert "kubectl -n istio-system patch service istio-eastwestgateway --type=json" in problem.next_action
    assert cluster.writes == []


def test_an_existing_service_is_never_turned_from_public_to_internal() -> None:
    cluster, scope, step = a_cluster(), a_scope(), EastWestGateway()
    step.apply(all_ports(cluster), scope)
    cluster.writes.clear()
    later = a_scope(a_plan(exposure="internal"))
    seen = step.observe(read_ports(cluster), later)
    assert seen.standing is Standing.SATISFIED
    assert "never turned over" in seen.warnings[0]
    assert cluster.writes == []


@pytest.mark.parametrize(("exposure", "value"), [("internal", "Internal"), ("public", None)])
def test_a_new_service_is_exposed_as_planned(exposure: str, value: str | None) -> None:
    cluster, scope = a_cluster(), a_scope(a_plan(exposure=exposure, sourceRanges=["10.0.0.0/8"]))
    EastWestGateway().apply(all_ports(cluster), scope)
    service = cluster.live(SERVICES, NAME, "istio-system")
    assert service["metadata"].get("annotations", {}).get("networking.gke.io/load-balancer-type") == value
    assert service["spec"]["loadBalancerSourceRanges"] == ["10.0.0.0/8"]


def test_who_can_reach_istiod_and_what_would_do_already_is_said() -> None:
    other = gateway_service(15012)
    other["metadata"]["name"] = "other-gateway"
    seen = EastWestGateway().observe(read_ports(a_cluster(other)), a_scope())
    assert any("other-gateway serves 15012 already" in words for words in seen.warnings)
    assert any("reachable from the internet" in words for words in seen.warnings)


def test_a_foreign_change_of_our_port_is_a_conflict_with_its_manager() -> None:
    cluster, scope, step = a_cluster(), a_scope(), EastWestGateway()
    step.apply(all_ports(cluster), scope)
    live = cluster.live(DEPLOYMENTS, NAME, "istio-system")
    live["spec"]["replicas"] = 3
    live["metadata"]["managedFields"].append(
        {"manager": "kubectl-scale", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    )
    cluster.writes.clear()
    later = a_scope()
    seen = step.observe(read_ports(cluster), later)
    problem = problem_of(lambda: step.changes(read_ports(cluster), later, seen))
    assert (problem.code, problem.evidence["manager"]) == ("MVM-110", "kubectl-scale")
    assert ".spec.replicas: 3 by kubectl-scale, wanted 1" in problem.cause
    assert cluster.writes == []


def test_by_istioctl_once() -> None:
    cluster = a_cluster()

    class Istioctl:
        runs = 0

        def version(self) -> str:
            return "1.30.3"

        def install(
            self, operator_yaml: str, *, revision: str, log: Callable[[str], None], cancelled: Callable[[], bool]
        ) -> None:
            self.runs += 1
            assert "tls-istiod" in operator_yaml
            cluster.put(gateway_service(15012))
            cluster.put(deployment(NAME))

    istioctl, scope, step = Istioctl(), a_scope(a_plan(method="istioctl")), EastWestGateway()
    standing, changes = planned(step, cluster, scope)
    assert (standing, changes[0].action) == (Standing.MISSING, "run")
    assert changes[0].commands == ("istioctl install -y -f eastwest-gateway.yaml",)
    assert step.apply(all_ports(cluster, istioctl), scope).changed
    assert step.apply(all_ports(cluster, istioctl), scope).changed is False
    assert istioctl.runs == 1
    assert step.observe(read_ports(cluster), scope).standing is Standing.SATISFIED


def test_gateway_is_waited_for_and_gives_up_with_its_events() -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "istio-system"},
        "involvedObject": {"name": NAME},
        "reason": "FailedCreate",
        "message": "quota",
    }
    cluster = FakeCluster(*mesh(), event)
    problem = problem_of(lambda: EastWestGateway().apply(all_ports(cluster), a_scope(deadline=-1)))
    assert (problem.code, "FailedCreate: quota" in problem.cause) == ("MVM-215", True)


# gateway-address


@pytest.mark.parametrize(
    ("service", "plan", "standing", "reason"),
    [
        (None, {}, Standing.UNKNOWN, "WaitsForAnotherStep"),
        (None, {"address": "10.9.9.9"}, Standing.SATISFIED, "FixedByPlan"),
        (gateway_service(15012), {}, Standing.MISSING, "Pending"),
        (gateway_service(15012, ingress={"ip": "10.1.2.3"}), {}, Standing.SATISFIED, "Assigned"),
        (gateway_service(15012, ingress={"hostname": "localhost"}), {}, Standing.SATISFIED, "Assigned"),
        (gateway_service(15012, ingress={"hostname": "no-such.invalid"}), {}, Standing.MISSING, "NotResolved"),
    ],
)
def test_address_standings(service: JSON | None, plan: JSON, standing: Standing, reason: str) -> None:
    cluster = a_cluster(*([service] if service else []))
    seen = GatewayAddress().observe(read_ports(cluster), a_scope(a_plan(**plan)))
    assert (seen.standing, seen.reason) == (standing, reason)


def test_address_is_waited_for_while_its_events_are_shown() -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "istio-system"},
        "involvedObject": {"name": NAME},
        "reason": "EnsuringLoadBalancer",
        "message": "Ensuring load balancer",
    }
    cluster, scope = a_cluster(gateway_service(15012), event), a_scope()

    def assign() -> None:
        if scope.told.waits == 3:
            cluster.put(gateway_service(15012, ingress={"ip": "10.1.2.3"}))

    scope.on_wait = assign
    outcome = GatewayAddress().apply(all_ports(cluster), scope)
    assert (outcome.changed, outcome.message) == (False, "10.1.2.3")
    assert "EnsuringLoadBalancer: Ensuring load balancer" in scope.told.progressed[0]
    assert cluster.writes == []


def test_address_gives_up_as_an_action_and_goes_at_once_when_cancelled() -> None:
    cluster = a_cluster(gateway_service(15012))
    problem = problem_of(lambda: GatewayAddress().apply(all_ports(cluster), a_scope(deadline=-1)))
    assert (type(problem), problem.code) == (ActionNeeded, "MVM-212")
    scope = a_scope()
    scope.cancelled.set()
    with pytest.raises(Cancelled):
        GatewayAddress().apply(all_ports(cluster), scope)


def test_a_service_that_never_gets_an_address_is_refused() -> None:
    service = gateway_service(15012)
    service["spec"]["type"] = "ClusterIP"
    cluster, scope = a_cluster(service), a_scope()
    seen = GatewayAddress().observe(read_ports(cluster), scope)
    assert problem_of(lambda: GatewayAddress().changes(read_ports(cluster), scope, seen)).code == "MVM-213"


# expose-istiod, expose-services


@pytest.mark.parametrize(
    ("step", "kinds"),
    [(ExposeIstiod(), {"Gateway", "VirtualService"}), (ExposeServices(), {"Gateway"})],
    ids=["expose-istiod", "expose-services"],
)
def test_exposure_is_applied_once(step: Step, kinds: set[str]) -> None:
    cluster, scope = a_cluster(namespace("istio-system")), a_scope()
    standing, changes = planned(step, cluster, scope)
    assert (standing, {change.target.split()[0] for change in changes}) == (Standing.MISSING, kinds)
    assert step.apply(all_ports(cluster), scope).changed
    cluster.writes.clear()
    assert planned(step, cluster, scope) == (Standing.SATISFIED, ())
    assert step.apply(all_ports(cluster), scope).changed is False
    assert cluster.writes == []


def test_exposure_waits_for_istio() -> None:
    seen = ExposeIstiod().observe(read_ports(FakeCluster()), a_scope())
    assert (seen.standing, seen.waits_for) == (Standing.UNKNOWN, "control-plane")


def test_a_revision_has_a_virtual_service_of_its_own() -> None:
    cluster = FakeCluster(*mesh("canary"))
    ExposeIstiod().apply(all_ports(cluster), a_scope())
    live = cluster.live(VIRTUAL_SERVICES, "istiod-vs-canary", "istio-system")
    assert live["spec"]["tls"][0]["match"][0]["sniHosts"][0] == "istiod-canary.istio-system.svc"


def test_exposure_follows_the_gateways_own_label() -> None:
    service = gateway_service(15012)
    service["spec"]["selector"] = {"istio": "mine"}
    cluster = a_cluster(service, deployment(NAME))
    ExposeIstiod().apply(all_ports(cluster), a_scope())
    assert cluster.live(GATEWAYS, "istiod-gateway", "istio-system")["spec"]["selector"] == {"istio": "mine"}


def test_exposing_istiod_can_be_left_out() -> None:
    seen = ExposeIstiod().observe(read_ports(a_cluster()), a_scope(a_plan(exposeIstiod=False)))
    assert (seen.standing, seen.reason) == (Standing.SATISFIED, "NotWanted")


def test_a_missing_network_label_is_named_with_its_command() -> None:
    cluster = FakeCluster(*mesh(network="net1"), namespace("istio-system"))
    seen = ExposeServices().observe(read_ports(cluster), a_scope())
    assert "kubectl label namespace istio-system topology.istio.io/network=net1" in seen.warnings[0]
