"""Gateways of others: adopted as they are, proposed, or left to their owner. Nothing of them is ever written to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from meshvm_tui.adapters.kubernetes_transport import Request
from meshvm_tui.events import Standing
from meshvm_tui.ports import DEPLOYMENTS, SERVICES
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.exposure import ExposeIstiod, ExposeServices
from meshvm_tui.steps.gateway import EastWestGateway
from meshvm_tui.steps.gateway_address import GatewayAddress
from meshvm_tui.steps.step import Step

from .clusters import SYSTEM, Foreign, scope_with
from .meshes import AVAILABLE, a_mesh

JSON = dict[str, Any]
NAME = "istio-eastwestgateway"


def gateway(
    name: str = NAME, namespace: str = SYSTEM, *, ports: tuple[int, ...] = (15021, 15012), ip: str = "", **spec: Any
) -> tuple[JSON, JSON]:
    """A gateway as Istio's chart makes it: Service and Deployment."""
    labels = {"app": name, "istio": name.removeprefix("istio-")}
    annotations = spec.pop("annotations", {})
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    listed = [{"name": f"p{port}", "port": port, "targetPort": port} for port in ports]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": labels, "ports": listed, **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": ip}] if ip else []}},
    }
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "istio-proxy", "image": "proxyv2"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod},
        "status": AVAILABLE,
    }
    return service, deployment


def way(
    namespace: str = SYSTEM, *, name: str = "corp-istiod", host: str = "istiod.istio-system.svc.cluster.local"
) -> Any:
    """A Gateway and a VirtualService of somebody else that lead 15012 somewhere."""
    metadata = {"name": name, "namespace": namespace}
    server = {
        "port": {"name": "tls", "number": 15012, "protocol": "TLS"},
        "tls": {"mode": "PASSTHROUGH"},
        "hosts": ["*"],
    }
    route = {
        "match": [{"port": 15012, "sniHosts": ["*"]}],
        "route": [{"destination": {"host": host, "port": {"number": 15012}}}],
    }
    api = "networking.istio.io/v1"
    return (
        {
            "apiVersion": api,
            "kind": "Gateway",
            "metadata": metadata,
            "spec": {"selector": {"istio": "eastwestgateway"}, "servers": [server]},
        },
        {
            "apiVersion": api,
            "kind": "VirtualService",
            "metadata": metadata,
            "spec": {"hosts": ["*"], "gateways": [name], "tls": [route]},
        },
    )


def refused(call: Callable[[], object]) -> Problem:
    with pytest.raises(ActionNeeded) as caught:
        call()
    return caught.value


def satisfied_and_untouched(foreign: Foreign, step: Step, reason: str, **parts: Any) -> Any:
    foreign.forget()
    seen = step.observe(foreign.reading(), scope_with(**parts))
    assert (seen.standing, seen.reason) == (Standing.SATISFIED, reason), seen
    assert step.apply(foreign.ports(), scope_with(**parts)).changed is False
    assert foreign.written() == []
    return seen


@pytest.mark.parametrize(
    ("name", "namespace", "named"),
    [
        (NAME, SYSTEM, {}),
        ("corp-gw", SYSTEM, {"name": "corp-gw"}),
        ("corp-gw", "gateways", {"name": "corp-gw", "namespace": "gateways"}),
    ],
)
def test_the_gateway_that_the_plan_names_is_taken_as_it_is(
    foreign: Foreign, name: str, namespace: str, named: JSON
) -> None:
    foreign.put(*a_mesh(), *gateway(name, namespace, ip="34.1.2.3"))
    seen = satisfied_and_untouched(foreign, EastWestGateway(), "Adopted", gateway=named)
    assert dict(seen.details)["reachable"] == "public (address 34.1.2.3), from anywhere"
    assert any("reached from the internet" in words for words in seen.warnings)
    address = satisfied_and_untouched(foreign, GatewayAddress(), "Assigned", gateway=named)
    assert address.message == "34.1.2.3"
    assert f"GET /api/v1/namespaces/{namespace}/services/{name}" in foreign.sent()


def test_a_gateway_without_a_deployment_counts_by_its_port(foreign: Foreign) -> None:
    foreign.put(*a_mesh(), gateway(ip="10.0.0.9")[0])
    seen = satisfied_and_untouched(foreign, EastWestGateway(), "Adopted")
    assert dict(seen.details)["reachable"] == "internal (address 10.0.0.9), from its own network"
    assert not any("internet" in words for words in seen.warnings)


def test_another_gateway_is_proposed_and_not_taken(foreign: Foreign) -> None:
    foreign.put(*a_mesh(), *gateway("corp-gw", "gateways", ip="34.1.2.3", loadBalancerSourceRanges=["198.51.100.0/24"]))
    foreign.forget()
    seen = EastWestGateway().observe(foreign.reading(), scope_with())
    assert seen.standing is Standing.MISSING, "what the plan names is not there"
    proposal = next(words for words in seen.warnings if "corp-gw" in words)
    assert proposal == (
        "Service gateways/corp-gw serves 15012 already, public (address 34.1.2.3), from 198.51.100.0/24: "
        "set gateway.name and gateway.namespace to use it"
    )
    assert foreign.written() == []


def test_istiods_own_service_is_no_gateway(foreign: Foreign) -> None:
    foreign.put(*a_mesh())
    seen = EastWestGateway().observe(foreign.reading(), scope_with())
    assert not any("serves 15012 already" in words for words in seen.warnings)


def test_a_gateway_without_the_port_is_left_to_its_owner(foreign: Foreign) -> None:
    foreign.put(*a_mesh(), *gateway("corp-gw", "gateways", ports=(443,)))
    foreign.forget()
    named = {"name": "corp-gw", "namespace": "gateways"}
    problem = refused(lambda: EastWestGateway().apply(foreign.ports(), scope_with(gateway=named)))
    assert problem.code == "MVM-211"
    assert "kubectl -n gateways patch service corp-gw --type=json" in problem.next_action
    assert foreign.written() == []


def test_a_deployment_of_that_name_is_not_taken_over(foreign: Foreign) -> None:
    foreign.put(*a_mesh(), gateway()[1])
    foreign.forget()
    scope, step = scope_with(), EastWestGateway()
    seen = step.observe(foreign.reading(), scope)
    problem = refused(lambda: step.changes(foreign.reading(), scope, seen))
    assert problem.code == "MVM-116"
    assert f"Deployment {SYSTEM}/{NAME} was not made here: .spec.replicas: 2" in problem.cause
    assert "+  replicas: 1" in problem.evidence[f"Deployment {SYSTEM}/{NAME}"]
    assert refused(lambda: step.apply(foreign.ports(), scope_with())).code == "MVM-116"
    assert foreign.written() == []


# who can reach it


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({"networking.gke.io/load-balancer-type": "Internal"}, "internal (GKE: networking.gke.io/load-balancer-type)"),
        ({"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}, "internal (AWS: "),
        ({"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"}, "public (no annotation"),
        ({"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}, "internal (Azure: "),
        ({}, "public (no annotation says internal)"),
    ],
)
def test_a_pending_gateways_reach_is_read_from_its_clouds_annotation(
    foreign: Foreign, annotations: JSON, words: str
) -> None:
    foreign.put(*a_mesh(), *gateway(annotations=annotations))
    seen = satisfied_and_untouched(foreign, EastWestGateway(), "Adopted")
    assert words in dict(seen.details)["reachable"]


@pytest.mark.parametrize(
    ("annotations", "planned", "words"),
    [
        ({"networking.gke.io/load-balancer-type": "Internal"}, "public", "the Service is internal"),
        ({}, "internal", "the Service is public"),
    ],
)
def test_an_existing_service_is_never_turned_over(
    foreign: Foreign, annotations: JSON, planned: str, words: str
) -> None:
    foreign.put(*a_mesh(), *gateway(annotations=annotations))
    plan = {"exposure": planned, "sourceRanges": ["10.0.0.0/8"]}
    seen = satisfied_and_untouched(foreign, EastWestGateway(), "Adopted", gateway=plan)
    assert any(words in line and "never turned over" in line for line in seen.warnings)
    assert any("sourceRanges of the plan are not put on" in line for line in seen.warnings)


def test_a_cloud_that_ignored_internal_is_told_on(foreign: Foreign) -> None:
    foreign.put(*a_mesh(), *gateway(ip="34.1.2.3", annotations={"networking.gke.io/load-balancer-type": "Internal"}))
    seen = satisfied_and_untouched(foreign, GatewayAddress(), "Assigned", gateway={"exposure": "internal"})
    assert seen.warnings == ("the plan says internal, but the gateway is public (address 34.1.2.3), from anywhere",)


def test_our_own_is_exposed_as_planned_and_stays_so(foreign: Foreign) -> None:
    foreign.put(*a_mesh())
    internal = {"exposure": "internal", "sourceRanges": ["10.0.0.0/8"]}
    make(foreign, gateway=internal)
    foreign.forget()
    public = scope_with(gateway={"exposure": "public", "sourceRanges": ["10.0.0.0/8"]})
    seen = EastWestGateway().observe(foreign.reading(), public)
    assert seen.standing is Standing.SATISFIED, seen.message
    assert any("never turned over" in line for line in seen.warnings)
    live = foreign.live("core/services", NAME)
    assert live["metadata"]["annotations"]["networking.gke.io/load-balancer-type"] == "Internal"
    assert live["spec"]["loadBalancerSourceRanges"] == ["10.0.0.0/8"]


def test_our_own_may_stand_in_another_namespace(foreign: Foreign) -> None:
    foreign.put(*a_mesh(network="net-7"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "edge"}})
    make(foreign, gateway={"namespace": "edge"})
    assert foreign.live("core/services", NAME, "edge")
    assert not [path for path in foreign.written() if f"/namespaces/{SYSTEM}/" in path]
    assert foreign.forced() == []


def make(foreign: Foreign, **parts: Any) -> None:
    """Makes our own gateway; its Deployment becomes Available as a controller would have it."""
    scope, step = scope_with(**parts), EastWestGateway()
    place = scope.plan.gateway_namespace

    def become_available() -> None:
        foreign.lab.call(
            lambda: foreign.lab.objects.patch("apps/deployments", place, NAME, {"status": AVAILABLE}, "c", "status")
        )

    scope.on_wait = become_available
    assert step.apply(foreign.ports(), scope).changed


def test_a_field_that_another_manager_owns_is_never_forced(foreign: Foreign) -> None:
    foreign.put(*a_mesh())
    make(foreign)
    path = SERVICES.path(SYSTEM, NAME)
    body = {"spec": {"loadBalancerSourceRanges": ["198.51.100.0/24"]}}
    query = (("fieldManager", "network-team"),)
    foreign.cluster._transport.send(Request("PATCH", path, query, body, content_type="application/merge-patch+json"))
    foreign.forget()
    scope, step = scope_with(gateway={"sourceRanges": ["10.0.0.0/8"]}), EastWestGateway()
    seen = step.observe(foreign.reading(), scope)
    problem = refused(lambda: step.changes(foreign.reading(), scope, seen))
    assert (problem.code, problem.evidence["manager"]) == ("MVM-110", "network-team")
    assert refused(lambda: step.apply(foreign.ports(), scope)).code == "MVM-110"
    assert foreign.forced() == []
    assert foreign.live("core/services", NAME)["spec"]["loadBalancerSourceRanges"] == ["198.51.100.0/24"]


# how istiod is exposed


def test_a_way_to_istiod_of_other_names_is_taken_as_it_is(foreign: Foreign) -> None:
    foreign.put(*a_mesh(), *gateway(), *way())
    seen = satisfied_and_untouched(foreign, ExposeIstiod(), "Adopted")
    assert "Gateway istio-system/corp-istiod and VirtualService istio-system/corp-istiod lead 15012" in seen.message


@pytest.mark.parametrize("host", ["istiod-old.istio-system.svc.cluster.local", "istiod.istio-other.svc.cluster.local"])
def test_a_way_to_another_istiod_is_not(foreign: Foreign, host: str) -> None:
    foreign.put(*a_mesh(), *gateway(), *way(host=host))
    assert ExposeIstiod().observe(foreign.reading(), scope_with()).standing is Standing.MISSING


def test_a_gateway_on_other_pods_is_no_way(foreign: Foreign) -> None:
    door, route = way()
    door["spec"]["selector"] = {"istio": "ingressgateway"}
    foreign.put(*a_mesh(), *gateway(), door, route)
    assert ExposeIstiod().observe(foreign.reading(), scope_with()).standing is Standing.MISSING


def test_another_teams_objects_of_our_names_are_not_rewritten(foreign: Foreign) -> None:
    door, route = way(name="istiod-gateway", host="istiod-old.istio-system.svc.cluster.local")
    foreign.put(*a_mesh(), *gateway(), door, route)
    foreign.forget()
    scope, step = scope_with(), ExposeIstiod()
    seen = step.observe(foreign.reading(), scope)
    problem = refused(lambda: step.changes(foreign.reading(), scope, seen))
    assert (problem.code, "Gateway istio-system/istiod-gateway was not made here" in problem.cause) == ("MVM-224", True)
    assert refused(lambda: step.apply(foreign.ports(), scope_with())).code == "MVM-224"
    assert foreign.written() == []


def test_services_are_exposed_where_the_gateway_is_and_namespaces_stay_unlabelled(foreign: Foreign) -> None:
    foreign.put(*a_mesh(network="net-7"), *gateway("corp-gw", "gateways"))
    foreign.forget()
    parts = {"gateway": {"name": "corp-gw", "namespace": "gateways", "exposeServices": True}}
    for step in (ExposeIstiod(), ExposeServices()):
        assert step.apply(foreign.ports(), scope_with(**parts)).changed
    root = "/apis/networking.istio.io/v1/namespaces/gateways"
    assert foreign.written() == [
        f"PATCH {root}/gateways/istiod-gateway",
        f"PATCH {root}/virtualservices/istiod-vs",
        f"PATCH {root}/gateways/cross-network-gateway",
    ]
    assert foreign.forced() == []
    live = foreign.live("networking.istio.io/gateways", "istiod-gateway", "gateways")
    assert live["spec"]["selector"] == {"istio": "corp-gw"}
    assert "topology.istio.io/network" not in json.dumps(foreign.live("core/namespaces", SYSTEM, ""))


def test_our_deployments_are_the_only_ones_written(foreign: Foreign) -> None:
    foreign.put(*a_mesh())
    make(foreign)
    changed = {path for path in foreign.written() if "deployments" in path}
    assert changed == {f"PATCH {DEPLOYMENTS.path(SYSTEM, NAME)}"}
