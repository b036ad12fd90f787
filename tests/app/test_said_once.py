"""What is there now is said once: a detail that only repeats the message is left out, and long lists are a number."""

from __future__ import annotations

from meshvm_tui.events import Observation, Standing
from meshvm_tui.observation_words import worth_saying
from meshvm_tui.plan import Plan
from meshvm_tui.steps.cluster import ClusterReachable
from meshvm_tui.steps.workload import Namespace
from tests.fakes.cluster import FakeCluster
from tests.fakes.scope import a_scope, read_ports


def said(seen: Observation) -> dict[str, str]:
    return dict(worth_saying(seen, seen.message))


def test_an_object_that_is_not_there_is_named_once() -> None:
    seen = Namespace().observe(read_ports(FakeCluster()), a_scope(Plan()))
    assert seen.standing is Standing.MISSING
    assert seen.message == "Namespace vm-namespace: not there"
    assert dict(seen.details) == {"Namespace vm-namespace": "not there"}
    assert said(seen) == {}


def test_the_cluster_says_who_we_are_and_how_many_permissions() -> None:
    cluster = FakeCluster()
    seen = ClusterReachable().observe(read_ports(cluster), a_scope())
    shown = said(seen)
    assert set(shown) == {"server", "permissions"}
    assert shown["permissions"].startswith("all ")
    cluster.denied = {("create", "serviceaccounts/token")}
    lacking = ClusterReachable().observe(read_ports(cluster), a_scope())
    total = shown["permissions"].split()[1]
    assert said(lacking)["permissions"] == f"{int(total) - 1} of the {total} that the plan needs"
    assert len(lacking.findings) == 1


def test_a_detail_that_adds_something_stays() -> None:
    seen = Observation(
        Standing.SATISFIED,
        "AsPlanned",
        "Role a, RoleBinding b: as the plan wants, port 22",
        (("Role a", "there"), ("RoleBinding b", "there, not made here"), ("SSH port", "22"), ("clock", "")),
    )
    assert said(seen) == {"RoleBinding b": "there, not made here", "SSH port": "22"}
