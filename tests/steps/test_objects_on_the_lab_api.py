"""Object steps through the real adapter against the lab's API server: field managers, conflicts, a second run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, KubernetesReader, connect
from meshvm_tui.adapters.kubernetes_transport import Request
from meshvm_tui.events import Standing
from meshvm_tui.plan import Plan
from meshvm_tui.ports import NAMESPACES, SERVICES, WORKLOAD_GROUPS, ReadPorts
from meshvm_tui.problems import Problem
from meshvm_tui.steps.gateway import EastWestGateway
from meshvm_tui.steps.step import Step
from meshvm_tui.steps.workload import Namespace, ServiceAccount, WorkloadGroup
from tests.conformance_api.servers import Server, lab_server
from tests.fakes.scope import NoIstioctl, a_scope, all_ports

from .mesh_objects import mesh

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with lab_server(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> Iterator[KubernetesCluster]:
    file = tmp_path / "kubeconfig"
    document = {
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server.url, "certificate-authority": str(server.ca_file)}}],
        "users": [{"name": "lab", "user": {"token": server.token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
    }
    file.write_text(json.dumps(document))
    found = KubernetesCluster(connect(str(file)))
    yield found
    found.close()


def a_plan(namespace: str, **workload: Any) -> Plan:
    return Plan.model_validate(
        {
            "apiVersion": "meshvm-tui/v1",
            "kind": "OnboardingPlan",
            "workload": {"namespace": namespace, **workload},
        }
    )


def standing(step: Step, cluster: KubernetesCluster, plan: Plan) -> Standing:
    """Through a reader: whatever the step asks must get past the fence."""
    reader = KubernetesReader(cluster._transport)
    return step.observe(ReadPorts(reader, NoIstioctl()), a_scope(plan)).standing


def edit(cluster: KubernetesCluster, manager: str, namespace: str, merge: JSON) -> None:
    """What `kubectl edit` does under another manager's name."""
    path = WORKLOAD_GROUPS.path(namespace, "hello-vm")
    query = (("fieldManager", manager),)
    cluster._transport.send(Request("PATCH", path, query, merge, content_type="application/merge-patch+json"))


def test_workload_stage_twice_then_edited_then_in_conflict(cluster: KubernetesCluster) -> None:
    plan = a_plan("vm-one")
    for step in (Namespace(), ServiceAccount(), WorkloadGroup()):
        assert standing(step, cluster, plan) is Standing.MISSING
        assert step.apply(all_ports(cluster), a_scope(plan)).changed
        assert standing(step, cluster, plan) is Standing.SATISFIED
        before = cluster.get(WORKLOAD_GROUPS, "hello-vm", "vm-one")
        assert step.apply(all_ports(cluster), a_scope(plan)).changed is False
        assert cluster.get(WORKLOAD_GROUPS, "hello-vm", "vm-one") == before

    edited = a_plan("vm-one", labels={"app": "hello-vm", "version": "v2"}, ports={"web": 8080})
    assert standing(WorkloadGroup(), cluster, edited) is Standing.DIFFERENT
    assert WorkloadGroup().apply(all_ports(cluster), a_scope(edited)).changed
    live = cluster.get(WORKLOAD_GROUPS, "hello-vm", "vm-one") or {}
    assert live["spec"]["template"]["ports"] == {"web": 8080}, "the port that is no longer wanted is gone"
    assert standing(WorkloadGroup(), cluster, edited) is Standing.SATISFIED

    edit(cluster, "second-operator", "vm-one", {"spec": {"template": {"ports": {"web": 9090}}}})
    scope = a_scope(edited)
    reading = all_ports(cluster).reading()
    seen = WorkloadGroup().observe(reading, scope)
    with pytest.raises(Problem) as shown:
        WorkloadGroup().changes(reading, scope, seen)
    assert (shown.value.code, shown.value.evidence["manager"]) == ("MVM-110", "second-operator")
    with pytest.raises(Problem) as refused:
        WorkloadGroup().apply(all_ports(cluster), a_scope(edited))
    assert refused.value.code == "MVM-110"
    assert "second-operator owns .spec.template.ports.web" in refused.value.title
    live = cluster.get(WORKLOAD_GROUPS, "hello-vm", "vm-one") or {}
    assert live["spec"]["template"]["ports"] == {"web": 9090}, "nothing is forced"


def test_a_namespace_of_another_is_adopted_without_our_marks(cluster: KubernetesCluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "theirs"}})
    plan = a_plan("theirs")
    assert standing(Namespace(), cluster, plan) is Standing.SATISFIED
    assert Namespace().apply(all_ports(cluster), a_scope(plan)).changed is False
    live = cluster.get(NAMESPACES, "theirs") or {}
    assert "app.kubernetes.io/managed-by" not in live["metadata"].get("labels", {})


def test_gateway_objects_are_accepted_and_stay_as_wanted(cluster: KubernetesCluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}})
    for obj in mesh():
        cluster.create({key: value for key, value in obj.items() if key != "status"} | _pod_template(obj))
    scope = a_scope(a_plan("vm-two"))
    step = EastWestGateway()
    reading = all_ports(cluster).reading()
    assert step.observe(reading, scope).standing is Standing.MISSING
    for item in step.find(reading, scope):
        cluster.apply(item.body)
    scope.forget()
    assert [line.words() for item in step.find(reading, scope) for line in item.differences] == []
    live = cluster.get(SERVICES, "istio-eastwestgateway", "istio-system") or {}
    assert 15012 in [port["port"] for port in live["spec"]["ports"]]


def _pod_template(obj: JSON) -> JSON:
    """istiod's Deployment with what the API server insists on."""
    if obj["kind"] != "Deployment":
        return {}
    labels = {"app": "istiod"}
    template = {"metadata": {"labels": labels}, "spec": obj["spec"]["template"]["spec"]}
    return {"spec": {"selector": {"matchLabels": labels}, "template": template}}
