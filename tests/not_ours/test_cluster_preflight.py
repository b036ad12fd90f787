"""Preflight findings in the observation of a constructed cluster; what may not be looked at is left out."""

from __future__ import annotations

from typing import Any

from meshvm_tui.events import Observation, Standing
from meshvm_tui.steps.cluster import ClusterReachable
from meshvm_tui.steps.gateway import EastWestGateway
from meshvm_tui.steps.gateway_address import GatewayAddress
from meshvm_tui.steps.mesh import ControlPlane
from meshvm_tui.steps.step import Step
from tests.fakes.cluster import FakeCluster
from tests.fakes.scope import a_scope, read_ports

from .clusters import SYSTEM, Foreign, scope_with
from .meshes import a_mesh
from .test_adopted_gateways import gateway


def codes(foreign: Foreign, step: Step, **parts: Any) -> dict[str, str]:
    seen: Observation = step.observe(foreign.reading(), scope_with(**parts))
    return {finding.code: finding.evidence for finding in seen.findings}


def test_a_mesh_with_everything_wrong(foreign: Foreign) -> None:
    objects = a_mesh(version="1.33.1", mesh_config={"discoverySelectors": [{"matchLabels": {"mesh": "on"}}]})
    for obj in objects:
        if obj["kind"] == "Deployment":
            obj["spec"]["replicas"] = 0
        if obj["kind"] == "MutatingWebhookConfiguration":
            obj["webhooks"][0]["failurePolicy"] = "Ignore"
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    hello = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "samples", "labels": restricted}}
    foreign.put(hello, *objects)
    foreign.forget()
    told = codes(
        foreign, ControlPlane(), sidecar={"version": "1.30.1"}, services={"helloWorld": {"namespace": "samples"}}
    )
    assert set(told) == {"MVM-241", "MVM-242", "MVM-244", "MVM-245", "MVM-247", "MVM-248", "MVM-132"}
    assert told["MVM-241"] == "istiod is 1.33.1"
    assert "namespace vm-namespace has " in told["MVM-247"]
    assert foreign.written() == []


def test_a_gateway_of_an_old_release_and_an_address_of_another_family(foreign: Foreign) -> None:
    service, deployment = gateway(ip="34.1.2.3")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "gw-x", "namespace": SYSTEM, "labels": service["spec"]["selector"]},
        "spec": {"containers": [{"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.27.4"}]},
    }
    foreign.put(*a_mesh(), service, deployment, pod)
    assert codes(foreign, EastWestGateway()) == {"MVM-243": "Pod gw-x runs 1.27.4; istiod is 1.30.3"}
    machines = {"machines": [{"name": "vm-1", "host": "fd00::7"}]}
    assert codes(foreign, GatewayAddress(), **machines) == {"MVM-249": "the gateway is 34.1.2.3; vm-1 fd00::7"}


def test_a_quota_without_room_is_told_before_the_gateway_is_made() -> None:
    counts = {"hard": {"services.loadbalancers": "2"}, "used": {"services.loadbalancers": "2"}}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "lb", "namespace": SYSTEM}}
    seen = EastWestGateway().observe(read_ports(FakeCluster(*a_mesh(), quota | {"status": counts})), a_scope())
    assert [(finding.code, finding.evidence) for finding in seen.findings] == [
        ("MVM-133", "ResourceQuota istio-system/lb: services.loadbalancers 2 of 2 used, 1 more wanted")
    ]


def test_nodes_and_policy_engines(foreign: Foreign) -> None:
    hook = {"name": "v.gatekeeper.sh", "clientConfig": {"url": "https://gatekeeper.example.test"}}
    foreign.put(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "old-node"},
            "status": {"nodeInfo": {"kubeletVersion": "v1.20.1"}},
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "gatekeeper-validating"},
            "webhooks": [hook | {"admissionReviewVersions": ["v1"], "sideEffects": "None"}],
        },
    )
    told = codes(foreign, ClusterReachable())
    assert set(told) == {"MVM-131", "MVM-134"}
    assert told["MVM-131"].endswith("old-node v1.20.1")


def test_what_may_not_be_looked_at_is_left_out() -> None:
    cluster = FakeCluster()
    cluster.denied = {("list", "nodes"), ("list", "validatingwebhookconfigurations")}
    seen = ClusterReachable().observe(read_ports(cluster), a_scope())
    assert (seen.standing, seen.findings) == (Standing.SATISFIED, ())
