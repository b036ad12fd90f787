"""The step `firewall` where it is not alone: other machines, other people's changes, other things in the way."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.gcp.instance import InstanceView
from meshvm_tui.gcp.network_path import verdict
from meshvm_tui.plan import GceCreate, GceInstance, Machine, Via
from meshvm_tui.ports import Ports
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.firewall import InstanceFirewall
from tests.fakes.compute_world import PROJECT, ZONE
from tests.fakes.scope import NoIstioctl, a_scope
from tests.google.discovery import judge
from tests.steps.google_bench import Bench, a_plan

STEP = InstanceFirewall()
NAME = "cluster-pods-to-vm"
NETWORK = f"projects/{PROJECT}/global/networks/default"
URL = f"https://www.googleapis.com/compute/v1/{NETWORK}"


def put(bench: Bench, name: str = "my-mesh-vm", tag: str = "mesh-vm", network: str = URL) -> None:
    interface = {"network": network, "networkIP": "10.128.0.7"}
    bench.compute.put({"name": name, "tags": {"items": [tag]}, "networkInterfaces": [interface]})


def two(*, second_network: str = URL, via: Via = Via.EXTERNAL) -> Bench:
    plan = a_plan()
    gce = GceInstance(project=PROJECT, zone=ZONE, create=GceCreate(tags=["other-vm"]))
    plan.machines.append(Machine(name="other-vm", gce=gce))
    for machine in plan.machines:
        machine.ssh.via = via
    bench = Bench(plan)
    put(bench)
    put(bench, "other-vm", "other-vm", second_network)
    return bench


def apply_for(bench: Bench, index: int) -> bool:
    scope = a_scope(bench.plan, bench.plan.machines[index])
    ports = Ports(bench.cluster, NoIstioctl(), compute=bench.compute, access=bench.access)
    return STEP.apply(ports, scope).changed


def test_machines_with_different_tags_share_one_rule_and_leave_each_other_alone() -> None:
    bench = two()
    assert [apply_for(bench, index) for index in (0, 1, 0, 1)] == [True, False, False, False]
    assert bench.compute.firewalls_by_name[PROJECT, NAME]["targetTags"] == ["mesh-vm", "other-vm"]
    assert len(bench.compute.writes) == 1


def test_iaps_rule_is_shared_as_well() -> None:
    bench = two(via=Via.IAP)
    bench.plan.machines[1].ssh.port = 2222
    assert [apply_for(bench, index) for index in (0, 1)] == [True, False]
    rule = bench.compute.firewalls_by_name[PROJECT, f"{NAME}-iap"]
    assert rule["targetTags"] == ["mesh-vm", "other-vm"]
    assert rule["allowed"] == [{"IPProtocol": "tcp", "ports": ["22", "2222"]}]


def test_a_machine_in_another_network_is_no_part_of_the_rule() -> None:
    bench = two(second_network=URL.replace("default", "elsewhere"))
    bench.apply(STEP)
    assert bench.compute.firewalls_by_name[PROJECT, NAME]["targetTags"] == ["mesh-vm"]


def test_a_race_that_is_lost_to_the_same_rule_is_no_change_of_ours() -> None:
    bench = two()
    bench.observe(STEP)
    assert apply_for(bench, 1)
    # The first machine's step still believes that there is no rule.
    assert STEP.apply(bench.ports, bench.scope).changed is False
    assert [write.method for write in bench.compute.writes] == ["insert_firewall", "insert_firewall"]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"disabled": True},
        {"sourceRanges": ["10.0.0.0/30"]},
        {"targetTags": ["nobody"]},
        {"targetTags": [], "targetServiceAccounts": ["vm@shop-project.iam.gserviceaccount.com"]},
        {"allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}]},
    ],
)
def test_ours_is_put_right_whatever_was_changed(spoilt: dict[str, Any]) -> None:
    bench = Bench(a_plan())
    put(bench)
    bench.apply(STEP)
    live = bench.compute.firewalls_by_name[PROJECT, NAME]
    live.update(spoilt)
    bench.compute.writes.clear()
    assert bench.observe(STEP).standing is Standing.DIFFERENT
    assert bench.apply(STEP).changed
    (write,) = bench.compute.writes
    path = f"/compute/v1/projects/{PROJECT}/global/firewalls/{NAME}"
    assert judge("compute", "PATCH", path, {}, write.body) == []
    assert bench.observe(STEP).standing is Standing.SATISFIED


def test_every_pod_range_is_let_in() -> None:
    bench = Bench(a_plan())
    put(bench)
    pool = {"name": "a", "networkConfig": {"podIpv4CidrBlock": "10.40.0.0/16"}}
    bench.compute.cluster_items[0] |= {"nodePools": [pool]}
    bench.apply(STEP)
    assert bench.compute.firewalls_by_name[PROJECT, NAME]["sourceRanges"] == ["10.8.0.0/14", "10.40.0.0/16"]


def test_a_foreign_rule_of_our_name_is_not_called_missing() -> None:
    bench = Bench(a_plan())
    put(bench)
    bench.compute.put_firewall({"name": NAME, "network": URL, "sourceRanges": ["10.1.0.0/16"], "allowed": []})
    seen = bench.observe(STEP)
    assert seen.standing is Standing.DIFFERENT
    assert "not ours" in seen.message


@pytest.mark.parametrize("method", ["firewall", "firewalls"])
def test_rules_that_may_not_be_seen_stop_nothing_where_they_are_somebody_elses_work(method: str) -> None:
    refused = ActionNeeded("MVM-805", "compute.firewalls.list")
    bench = Bench(a_plan(firewall={"manage": False}))
    put(bench)
    bench.compute.fails[method] += [refused, refused]
    seen = bench.observe(STEP)
    assert (seen.standing, seen.reason) == (Standing.SATISFIED, "NotManaged")
    assert [(finding.code, finding.evidence) for finding in seen.findings] == [("MVM-845", "compute.firewalls.list")]
    managed = Bench(a_plan())
    put(managed)
    managed.compute.fails[method] += [refused, refused]
    with pytest.raises(ActionNeeded) as caught:
        managed.observe(STEP)
    assert caught.value.code == "MVM-805"


def policy(kind: str, action: str, priority: int = 0) -> dict[str, Any]:
    match = {"srcIpRanges": ["10.8.0.0/14"], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["80"]}]}
    rule = {"action": action, "priority": 10, "direction": "INGRESS", "match": match}
    return {"type": kind, "shortName": kind.lower(), "priority": priority, "rules": [rule]}


@pytest.mark.parametrize(("order", "denied"), [("BEFORE_CLASSIC_FIREWALL", True), ("AFTER_CLASSIC_FIREWALL", False)])
def test_the_networks_own_order_decides_between_policies_and_rules(
    order: str, denied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(a_plan())
    put(bench)
    bench.apply(STEP)
    bench.compute.policies = [policy("NETWORK", "deny")]
    listed = ({"name": "default", "networkFirewallPolicyEnforcementOrder": order},)
    monkeypatch.setattr(bench.compute, "networks", lambda project: listed)
    found = [item.evidence for item in bench.observe(STEP).findings if item.code == "MVM-822"]
    words = "firewall policy network (priority 10) denies TCP 80 from 10.8.0.0/14"
    assert found == ([words] if denied else [])


def test_a_global_policy_counts_before_a_regional_one() -> None:
    policies = [policy("NETWORK_REGIONAL", "deny"), policy("NETWORK", "allow", 5)]
    vm = InstanceView({"networkInterfaces": [{"network": URL}]})
    assert verdict({"firewallPolicys": policies}, vm, "10.8.0.0/14", 80).rule == "firewall policy network"


def test_a_policys_rule_for_secure_tags_is_for_this_instance() -> None:
    """getEffectiveFirewalls answers such rules only where they target the instance."""
    tagged = policy("HIERARCHY", "deny")
    tagged["rules"][0]["targetSecureTags"] = [{"name": "tagValues/1"}]
    vm = InstanceView({"networkInterfaces": [{"network": URL}]})
    assert verdict({"firewallPolicys": [tagged]}, vm, "10.8.0.0/14", 80).rule == "firewall policy hierarchy"


def egress(action: str, *destinations: str) -> dict[str, Any]:
    spec = {"action": action, "destinations": [{"cidr": cidr} for cidr in destinations]}
    meta = {"name": f"{action.lower()}-{len(destinations)}"}
    return {"apiVersion": "networking.gke.io/v1", "kind": "EgressNATPolicy", "metadata": meta, "spec": spec}


@pytest.mark.parametrize(
    ("cluster", "address", "policies", "words"),
    [
        ({}, "10.128.0.7", (), ""),
        ({}, "34.9.9.9", (), "default SNAT"),
        ({"networkConfig": {"network": NETWORK, "defaultSnatStatus": {"disabled": True}}}, "34.9.9.9", (), ""),
        ({"autopilot": {"enabled": True}}, "10.128.0.7", (egress("NoSNAT", "10.0.0.0/8"),), ""),
        ({"autopilot": {"enabled": True}}, "10.128.0.7", (egress("NoSNAT", "10.8.0.0/14"),), "leave 10.8.0.0/14 alone"),
        ({"autopilot": {"enabled": True}}, "10.128.0.7", (egress("SNAT", "10.0.0.0/8"),), "leave nothing alone"),
    ],
)
def test_whether_pods_keep_their_address(
    cluster: dict[str, Any],
    address: str,
    policies: tuple[dict[str, Any], ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(a_plan())
    put(bench)
    bench.plan.machines[0].address = address
    bench.compute.cluster_items[0] |= cluster
    monkeypatch.setattr(bench.cluster, "serves", lambda resource: True)
    monkeypatch.setattr(
        bench.cluster, "list", lambda resource, *_: list(policies) if resource.kind == "EgressNATPolicy" else []
    )
    found = [item.evidence for item in bench.observe(STEP).findings if item.code == "MVM-823"]
    if not words:
        assert found == []
    else:
        (evidence,) = found
        assert words in evidence
        assert evidence.startswith(address)
