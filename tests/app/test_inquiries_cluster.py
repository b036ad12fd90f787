"""What a form offers of the cluster: namespaces, ServiceAccounts, WorkloadGroups and gateways."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from meshvm_tui.candidates import Candidate, Found
from meshvm_tui.events import Stage
from meshvm_tui.inquiries import Inquiry, Topic, answer
from meshvm_tui.plan import Plan
from meshvm_tui.ports import Connections, Resource
from tests.app.fakes import FakeConnections, FakeReader
from tests.app.harness import NARROW, WIDE, world
from tests.app.test_app_wizard import to_stage
from tests.app.test_inquiries_revisions import Connected
from tests.fakes.cluster import FakeCluster


def thing(kind: str, name: str, namespace: str = "", version: str = "v1", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def group(name: str, namespace: str, account: str) -> dict[str, Any]:
    spec = {"metadata": {"labels": {"app": name, "tier": "web"}}, "template": {"serviceAccount": account}}
    return thing("WorkloadGroup", name, namespace, "networking.istio.io/v1", spec=spec)


def service(name: str, namespace: str, port: int, kind: str = "LoadBalancer", **labels: str) -> dict[str, Any]:
    spec = {"type": kind, "ports": [{"port": port}]}
    status = {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}
    return thing("Service", name, namespace, spec=spec, status=status, metadata={"labels": labels})


CLUSTER = (
    thing("Namespace", "payments", metadata={"labels": {"istio-injection": "enabled"}}),
    thing("Namespace", "edge", metadata={"labels": {"istio.io/rev": "1-30"}}),
    thing("Namespace", "old", status={"phase": "Terminating"}),
    thing("ServiceAccount", "vm-sa", "payments"),
    thing("ServiceAccount", "default", "payments"),
    thing("ServiceAccount", "other", "edge"),
    group("ledger", "payments", "vm-sa"),
    group("hello-vm", "edge", ""),
    service("istio-eastwestgateway", "istio-system", 15012, istio="eastwestgateway"),
    service("istio-ingressgateway", "istio-ingress", 80, istio="ingressgateway"),
    service("istiod", "istio-system", 15012, kind="ClusterIP"),
    service("shop", "payments", 80),
)


def found(topic: Topic, cluster: FakeCluster | None = None, **about: str) -> Found:
    connected = cast("Connections", Connected(cluster or FakeCluster(*CLUSTER)))
    told = answer(Inquiry(topic, about), Plan(), connected)
    assert told.problem is None
    return told.found


def test_namespaces_say_whether_they_are_in_the_mesh() -> None:
    assert found(Topic.NAMESPACES).candidates == (
        Candidate("edge", ("in the mesh, revision 1-30", "")),
        Candidate("old", ("", "Terminating")),
        Candidate("payments", ("in the mesh", "")),
    )


def test_service_accounts_are_those_of_the_chosen_namespace() -> None:
    told = found(Topic.SERVICE_ACCOUNTS, namespace="payments")
    assert [item.value for item in told.candidates] == ["default", "vm-sa"]
    assert told.where == "namespace payments"


def test_a_workload_group_fills_its_namespace_and_service_account() -> None:
    told = found(Topic.WORKLOAD_GROUPS)
    assert [item.columns for item in told.candidates] == [("edge", ""), ("payments", "vm-sa")]
    assert told.candidates[1].fills == (
        ("workload.name", "ledger"),
        ("workload.namespace", "payments"),
        ("workload.serviceAccount", "vm-sa"),
        ("workload.labels", "app=ledger, tier=web"),
    )


def test_gateways_are_those_that_are_reached_from_outside() -> None:
    told = found(Topic.GATEWAYS)
    assert [(item.value, item.columns) for item in told.candidates] == [
        ("istio-eastwestgateway", ("istio-system", "203.0.113.9", "serves 15012")),
        ("istio-ingressgateway", ("istio-ingress", "203.0.113.9", "")),
    ]


class OneNamespace(FakeCluster):
    """A cluster of which only one namespace may be looked into."""

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        self.denied = {("list", resource.plural)} if namespace is None else set()
        return super().list(resource, namespace, labels=labels, fields=fields)


def test_where_only_one_namespace_may_be_seen_its_own_are_offered() -> None:
    told = found(Topic.WORKLOAD_GROUPS, OneNamespace(*CLUSTER), namespace="payments")
    assert [item.value for item in told.candidates] == ["ledger"]
    assert (told.where, told.note) == ("namespace payments", "other namespaces may not be looked into")


class KnownReader(FakeReader):
    """A reader of the cluster above."""

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        return FakeCluster(*CLUSTER).list(resource, namespace, labels=labels, fields=fields)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80", "140"])
async def test_a_workload_group_is_picked_in_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    connections = FakeConnections(reader=KnownReader())
    async with world(tmp_path, monkeypatch, connections=connections, size=size) as made:
        await to_stage(made, Stage.GATEWAY)
        await made.press("f3")
        await made.says("Gateways that exist", "istio-eastwestgateway", "serves 15012")
        await made.press(*"ingress", "enter")
        await made.until(lambda: made.wizard.plan.gateway.namespace == "istio-ingress", "picked")
        await to_stage(made, Stage.WORKLOAD)
        await made.press("f3")
        await made.says("WorkloadGroups that exist", "ledger", "payments")
        await made.press("down", "enter")
        await made.until(lambda: made.wizard.plan.workload.name == "ledger", "picked")
        assert made.wizard.plan.workload.namespace == "payments"
        assert made.wizard.plan.workload.labels == {"app": "ledger", "tier": "web"}
        await made.press("tab", "tab", "f3")
        await made.says("ServiceAccounts", "namespace payments", "default", "vm-sa")
        assert "other" not in made.text()
