"""namespace, service-account, workload-group: every standing, nothing to do, adoption, edits and conflicts."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.plan import Plan
from meshvm_tui.ports import NAMESPACES, SERVICE_ACCOUNTS, WORKLOAD_GROUPS
from meshvm_tui.problems import Problem, TransientError
from meshvm_tui.steps.step import Step
from meshvm_tui.steps.workload import Namespace, ServiceAccount, WorkloadGroup
from tests.fakes.cluster import FakeCluster
from tests.fakes.scope import a_scope, all_ports, read_ports

from .mesh_objects import namespace

JSON = dict[str, Any]
HOME = namespace("vm-namespace")
ALL: tuple[Step, ...] = (Namespace(), ServiceAccount(), WorkloadGroup())


def a_plan(**workload: Any) -> Plan:
    return Plan.model_validate({"apiVersion": "meshvm-tui/v1", "kind": "OnboardingPlan", "workload": workload})


def entry(name: str, labels: dict[str, str], ports: dict[str, int], group: str = "hello-vm") -> JSON:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {
            "name": name,
            "namespace": "vm-namespace",
            "annotations": {"istio.io/autoRegistrationGroup": group},
        },
        "spec": {"address": "10.0.0.5", "labels": labels, "ports": ports, "serviceAccount": "vm-sa"},
    }


def applied(plan: Plan | None = None) -> FakeCluster:
    """A cluster in which the stage has been applied."""
    cluster = FakeCluster()
    for step in ALL:
        step.apply(all_ports(cluster), a_scope(plan))
    cluster.writes.clear()
    return cluster


@pytest.mark.parametrize("step", ALL, ids=lambda step: step.id)
def test_nothing_to_do(step: Step) -> None:
    cluster, scope = applied(), a_scope()
    assert step.observe(read_ports(cluster), scope).standing is Standing.SATISFIED
    assert step.apply(all_ports(cluster), scope).changed is False
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("step", "objects", "standing", "command"),
    [
        (ALL[0], (), Standing.MISSING, "kubectl create namespace vm-namespace"),
        (ALL[1], (), Standing.UNKNOWN, "kubectl create serviceaccount vm-sa -n vm-namespace"),
        (ALL[1], (HOME,), Standing.MISSING, "kubectl create serviceaccount vm-sa -n vm-namespace"),
        (
            ALL[2],
            (HOME,),
            Standing.MISSING,
            "istioctl x workload group create --name hello-vm --namespace vm-namespace --labels app=hello-vm "
            "--ports http=80 --serviceAccount vm-sa | kubectl apply -f -",
        ),
    ],
    ids=["namespace", "account without namespace", "account", "group"],
)
def test_what_is_missing_is_planned_with_the_guides_command(
    step: Step, objects: tuple[JSON, ...], standing: Standing, command: str
) -> None:
    cluster, scope = FakeCluster(*objects), a_scope()
    seen = step.observe(read_ports(cluster), scope)
    assert seen.standing is standing
    (change,) = step.changes(read_ports(cluster), scope, seen)
    assert (change.action, change.commands[0]) == ("create", command)
    assert "meshvm-tui" in change.diff
    assert change.fingerprint
    assert cluster.writes == []


def test_everything_made_carries_our_mark_and_what_was_there_is_kept() -> None:
    cluster, scope = FakeCluster(), a_scope()
    for step in ALL:
        step.apply(all_ports(cluster), scope)
    for resource, name, place in (
        (NAMESPACES, "vm-namespace", ""),
        (SERVICE_ACCOUNTS, "vm-sa", "vm-namespace"),
        (WORKLOAD_GROUPS, "hello-vm", "vm-namespace"),
    ):
        assert cluster.live(resource, name, place)["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "meshvm-tui"
    assert scope.told.kept["before/Namespace vm-namespace"] is None
    assert scope.told.kept["uid/WorkloadGroup vm-namespace/hello-vm"].startswith("uid-")


def test_what_others_made_is_adopted_untouched() -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "vm-sa", "namespace": "vm-namespace"}}
    cluster = FakeCluster(HOME, account)
    for step in ALL[:2]:
        seen = step.observe(read_ports(cluster), a_scope())
        assert (seen.standing, seen.details[0][1]) == (Standing.SATISFIED, "there, not made here")
        assert step.apply(all_ports(cluster), a_scope()).changed is False
    assert cluster.writes == []


def test_a_namespace_that_is_being_deleted_is_waited_for() -> None:
    cluster = FakeCluster(namespace("vm-namespace", deletionTimestamp="2026-01-01T00:00:00Z"))
    seen = Namespace().observe(read_ports(cluster), a_scope())
    assert (seen.standing, seen.reason) == (Standing.DIFFERENT, "Terminating")
    with pytest.raises(TransientError) as caught:
        Namespace().apply(all_ports(cluster), a_scope())
    assert caught.value.code == "MVM-117"
    assert ServiceAccount().observe(read_ports(cluster), a_scope()).waits_for == "namespace"


def test_group_waits_for_istios_kinds() -> None:
    cluster = FakeCluster(HOME)
    cluster.unserved = {"workloadgroups"}
    seen = WorkloadGroup().observe(read_ports(cluster), a_scope())
    assert (seen.standing, seen.waits_for) == (Standing.UNKNOWN, "control-plane")


def test_an_edit_is_a_difference_and_names_what_entries_keep() -> None:
    cluster = applied()
    cluster.put(entry("hello-vm-10.0.0.5", {"app": "hello-vm"}, {"http": 80}))
    cluster.put(entry("hello-vm-10.0.0.6", {"app": "hello-vm", "version": "v2"}, {"web": 8080}))
    cluster.put(entry("other-10.0.0.7", {}, {}, group="other"))
    probe = {"httpGet": {"port": 8080}}
    scope = a_scope(a_plan(labels={"app": "hello-vm", "version": "v2"}, ports={"web": 8080}, probe=probe))
    step = WorkloadGroup()
    seen = step.observe(read_ports(cluster), scope)
    kept = "1 existing WorkloadEntry keeps its labels and ports until it reconnects as a new one: hello-vm-10.0.0.5"
    assert (seen.standing, seen.warnings) == (Standing.DIFFERENT, (kept,))
    (change,) = step.changes(read_ports(cluster), scope, seen)
    assert change.action == "update"
    lines = change.diff.splitlines()
    assert any(line.startswith("-") and "http: 80" in line for line in lines)
    assert any(line.startswith("+") and "web: 8080" in line for line in lines)
    outcome = step.apply(all_ports(cluster), scope)
    assert (outcome.changed, kept in outcome.message) == (True, True)
    assert cluster.live(WORKLOAD_GROUPS, "hello-vm", "vm-namespace")["spec"]["template"]["ports"] == {"web": 8080}
    scope.forget()
    assert step.observe(read_ports(cluster), scope).standing is Standing.SATISFIED


def test_the_fingerprint_moves_with_the_live_object_but_not_with_its_status() -> None:
    cluster, plan = applied(), a_plan(ports={"web": 8080})
    step = WorkloadGroup()

    def mark() -> str:
        scope = a_scope(plan)
        return step.changes(read_ports(cluster), scope, step.observe(read_ports(cluster), scope))[0].fingerprint

    first = mark()
    live = cluster.live(WORKLOAD_GROUPS, "hello-vm", "vm-namespace")
    live["status"] = {"x": 1}
    live["metadata"]["resourceVersion"] = "999"
    assert mark() == first
    live["metadata"]["labels"]["team"] = "a"
    assert mark() != first


def test_another_managers_value_is_a_conflict_with_its_name_and_nothing_is_written() -> None:
    cluster = applied()
    live = cluster.live(WORKLOAD_GROUPS, "hello-vm", "vm-namespace")
    live["spec"]["template"]["ports"]["http"] = 8080
    fields: JSON = {"f:spec": {"f:template": {"f:ports": {"f:http": {}}}}}
    live["metadata"]["managedFields"].append({"manager": "ann", "operation": "Update", "fieldsV1": fields})
    scope, step = a_scope(), WorkloadGroup()
    seen = step.observe(read_ports(cluster), scope)
    assert seen.message == ".spec.template.ports.http: 8080 by ann, wanted 80"
    with pytest.raises(Problem) as caught:
        step.changes(read_ports(cluster), scope, seen)
    assert (caught.value.code, "ann owns .spec.template.ports.http" in caught.value.title) == ("MVM-110", True)
    with pytest.raises(Problem):
        step.apply(all_ports(cluster), scope)
    assert cluster.writes == []


def test_a_group_of_another_with_the_same_values_is_left_alone() -> None:
    cluster = applied()
    live = cluster.live(WORKLOAD_GROUPS, "hello-vm", "vm-namespace")
    live["metadata"].pop("managedFields")
    live["metadata"].pop("labels")
    seen = WorkloadGroup().observe(read_ports(cluster), a_scope())
    assert seen.standing is Standing.SATISFIED
    assert cluster.writes == []
