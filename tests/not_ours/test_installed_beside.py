"""install: for a cluster without Istio. Whatever makes control planes there already is left alone."""

from __future__ import annotations

import pytest

from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.mesh import ControlPlane
from tests.fakes.cluster import FakeCluster
from tests.fakes.scope import all_ports

from .clusters import SYSTEM, Foreign, scope_with
from .meshes import OF_A_TOOL, Istioctl, a_mesh

INSTALL = {"mesh": {"install": "install", "profile": "minimal"}}
OUTSIDE = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingWebhookConfiguration",
    "metadata": {"name": "istiod-asm-managed", "labels": {"app": "sidecar-injector"}},
    "webhooks": [
        {
            "name": "sidecar-injector.istio.io",
            "clientConfig": {"url": "https://mesh.example.test/inject"},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
        }
    ],
}


@pytest.mark.parametrize("plan", [INSTALL, {}], ids=["install", "keep"])
def test_a_control_plane_outside_the_cluster_is_named(foreign: Foreign, plan: dict[str, dict[str, str]]) -> None:
    foreign.put(OUTSIDE)
    foreign.forget()
    with pytest.raises(ActionNeeded) as caught:
        ControlPlane().apply(foreign.ports(), scope_with(**plan))
    assert (caught.value.code, "istiod-asm-managed" in caught.value.cause) == ("MVM-207", True)
    assert foreign.written() == []


def test_an_operator_that_has_not_made_its_istiod_yet_is_not_overtaken(foreign: Foreign) -> None:
    foreign.serve("sailoperator.io", "v1", "istios", "Istio", namespaced=False)
    foreign.put({"apiVersion": "sailoperator.io/v1", "kind": "Istio", "metadata": {"name": "default"}})
    foreign.forget()
    with pytest.raises(ActionNeeded) as caught:
        ControlPlane().apply(foreign.ports(), scope_with(**INSTALL))
    assert (caught.value.code, caught.value.cause) == ("MVM-207", "Istio default belongs to the Sail operator")
    assert foreign.written() == []


def test_a_mesh_in_another_namespace_is_not_doubled(foreign: Foreign) -> None:
    foreign.put(*a_mesh(namespace="istio-prod"))
    foreign.forget()
    with pytest.raises(ActionNeeded) as caught:
        ControlPlane().apply(foreign.ports(), scope_with(**INSTALL))
    assert (caught.value.code, caught.value.cause) == ("MVM-207", "istiod runs in namespace istio-prod")
    assert "mesh.istioNamespace: istio-prod" in caught.value.next_action
    assert foreign.written() == []


def test_a_webhook_to_an_istiod_of_another_cluster_is_not_overwritten(foreign: Foreign) -> None:
    foreign.put(*(obj for obj in a_mesh() if obj["kind"] == "MutatingWebhookConfiguration"))
    foreign.forget()
    with pytest.raises(ActionNeeded) as caught:
        ControlPlane().apply(foreign.ports(), scope_with(**INSTALL))
    assert (caught.value.code, "webhook istio-revision-tag-default, istio-sidecar-injector" in caught.value.cause) == (
        "MVM-207",
        True,
    )
    assert foreign.written() == []


@pytest.mark.parametrize("tool", list(OF_A_TOOL))
def test_install_over_a_running_mesh_keeps_it(tool: str) -> None:
    cluster = FakeCluster(*a_mesh(OF_A_TOOL[tool]))
    assert ControlPlane().apply(all_ports(cluster), scope_with(**INSTALL)).changed is False
    assert cluster.writes == [], "and istioctl, which raises here, was never asked"


def test_an_istioctl_of_another_version_installs_nothing(foreign: Foreign) -> None:
    foreign.istioctl = Istioctl(foreign, own_version="1.30.3")
    with pytest.raises(ActionNeeded) as caught:
        ControlPlane().apply(foreign.ports(), scope_with(mesh={**INSTALL["mesh"], "version": "1.29.1"}))
    assert caught.value.code == "MVM-219"
    assert foreign.istioctl.installed == []


def test_an_empty_cluster_gets_what_the_plan_says(foreign: Foreign) -> None:
    foreign.istioctl = Istioctl(foreign, own_version="1.30.3")
    mesh = {**INSTALL["mesh"], "meshID": "m-9", "clusterID": "c-9", "network": "n-9"}
    assert ControlPlane().apply(foreign.ports(), scope_with(mesh=mesh)).changed
    shared = foreign.istioctl.installed[0]["spec"]["values"]["global"]
    assert (shared["meshID"], shared["multiCluster"]["clusterName"], shared["network"]) == ("m-9", "c-9", "n-9")
    assert foreign.live("apps/deployments", "istiod")["metadata"]["namespace"] == SYSTEM
