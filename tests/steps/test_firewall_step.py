"""The step `firewall`: Pods get in, by a rule of ours or by one that is there; nobody else's rule is touched."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.plan import Via
from meshvm_tui.ports import CONFIG_MAPS
from meshvm_tui.problems import ActionNeeded, TransientError
from meshvm_tui.steps.firewall import InstanceFirewall
from tests.fakes.compute_world import PROJECT
from tests.steps.google_bench import GKE, Bench, a_plan

STEP = InstanceFirewall()
NAME = "cluster-pods-to-vm"
NETWORK = f"projects/{PROJECT}/global/networks/default"


def with_vm(bench: Bench, **more: Any) -> Bench:
    bench.compute.put(
        {
            "name": "my-mesh-vm",
            "tags": {"items": ["mesh-vm"]},
            "networkInterfaces": [
                {"network": f"https://www.googleapis.com/compute/v1/{NETWORK}", "networkIP": "10.128.0.7"}
            ],
            **more,
        }
    )
    return bench


def rule(bench: Bench, name: str = NAME) -> dict[str, Any]:
    return bench.compute.firewalls_by_name[PROJECT, name]


def codes(bench: Bench) -> list[str]:
    return [finding.code for finding in bench.observe(STEP).findings]


def test_the_guides_rule_is_shown_made_and_then_right() -> None:
    bench = with_vm(Bench(a_plan()))
    assert bench.observe(STEP).standing is Standing.MISSING
    (change,) = bench.changes(STEP)
    assert change.action == "create"
    (command,) = change.commands
    assert command.startswith(f"gcloud compute firewall-rules create {NAME} --network=default")
    assert "--source-ranges=10.8.0.0/14" in command
    assert "--rules=tcp:80" in command
    assert bench.apply(STEP).changed
    made = rule(bench)
    assert (made["sourceRanges"], made["targetTags"]) == (["10.8.0.0/14"], ["mesh-vm"])
    assert made["description"] == "managed-by=meshvm-tui cluster=prod"
    seen = bench.observe(STEP)
    assert seen.standing is Standing.SATISFIED
    assert not bench.apply(STEP).changed
    assert len(bench.compute.writes) == 1


def test_a_rule_can_be_planned_before_its_instance() -> None:
    bench = Bench(a_plan())
    assert bench.observe(STEP).standing is Standing.MISSING
    (change,) = bench.changes(STEP)
    assert "mesh-vm" in change.diff


def test_ours_is_patched_when_the_cluster_has_more_ranges() -> None:
    bench = with_vm(Bench(a_plan()))
    bench.apply(STEP)
    bench.compute.cluster_items[0] |= {
        "nodePools": [{"name": "b", "networkConfig": {"podIpv4CidrBlock": "10.40.0.0/16"}}]
    }
    (change,) = bench.changes(STEP)
    assert change.action == "update"
    assert "+- 10.40.0.0/16" in change.diff
    assert change.commands[0].startswith(f"gcloud compute firewall-rules update {NAME}")
    bench.apply(STEP)
    assert rule(bench)["sourceRanges"] == ["10.8.0.0/14", "10.40.0.0/16"]


def test_a_rule_of_somebody_elses_that_is_enough_is_taken() -> None:
    bench = with_vm(Bench(a_plan()))
    bench.compute.put_firewall(
        {
            "name": "allow-internal",
            "network": NETWORK,
            "direction": "INGRESS",
            "sourceRanges": ["10.0.0.0/8"],
            "allowed": [{"IPProtocol": "all"}],
        }
    )
    seen = bench.observe(STEP)
    assert seen.standing is Standing.SATISFIED
    assert seen.message == "allow-internal allows it already; not made here"


def test_a_rule_of_our_name_that_is_not_ours_is_never_touched() -> None:
    bench = with_vm(Bench(a_plan()))
    bench.compute.put_firewall({"name": NAME, "network": NETWORK, "sourceRanges": ["10.1.0.0/16"], "allowed": []})
    with pytest.raises(ActionNeeded) as caught:
        bench.changes(STEP)
    assert caught.value.code == "MVM-821"
    with pytest.raises(ActionNeeded):
        bench.apply(STEP)
    assert bench.compute.writes == []


def test_ours_in_another_network_is_not_turned_round() -> None:
    bench = with_vm(Bench(a_plan()))
    other = f"projects/{PROJECT}/global/networks/other"
    bench.compute.put_firewall({"name": NAME, "network": other, "description": "managed-by=meshvm-tui", "allowed": []})
    with pytest.raises(ActionNeeded) as caught:
        bench.changes(STEP)
    assert "belongs to the network other" in caught.value.cause


def test_under_shared_vpc_the_rule_is_the_host_projects() -> None:
    bench = Bench(a_plan())
    network = "https://www.googleapis.com/compute/v1/projects/host-project/global/networks/shared"
    with_vm(bench, networkInterfaces=[{"network": network, "networkIP": "10.0.0.7"}])
    bench.apply(STEP)
    (write,) = bench.compute.writes
    assert write.project == "host-project"
    assert write.body["network"] == "projects/host-project/global/networks/shared"


def test_iap_gets_its_own_rule_where_ssh_goes_that_way() -> None:
    plan = a_plan()
    plan.machines[0].ssh.via = Via.IAP
    bench = with_vm(Bench(plan))
    bench.apply(STEP)
    made = rule(bench, f"{NAME}-iap")
    assert made["sourceRanges"] == ["35.235.240.0/20"]
    assert made["allowed"] == [{"IPProtocol": "tcp", "ports": ["22"]}]
    assert bench.observe(STEP).standing is Standing.SATISFIED


def test_a_service_account_can_be_the_target() -> None:
    bench = Bench(a_plan(firewall={"target": "serviceAccount"}))
    with_vm(bench, serviceAccounts=[{"email": "vm@shop-project.iam.gserviceaccount.com"}])
    bench.apply(STEP)
    assert rule(bench)["targetServiceAccounts"] == ["vm@shop-project.iam.gserviceaccount.com"]
    assert "targetTags" not in rule(bench)


@pytest.mark.parametrize("target", ["tag", "serviceAccount"])
def test_an_instance_that_nothing_can_name_is_said(target: str) -> None:
    bench = with_vm(Bench(a_plan(create=False, firewall={"target": target})), tags={})
    with pytest.raises(ActionNeeded) as caught:
        bench.observe(STEP)
    assert caught.value.title == "The firewall rule has nothing to aim at"
    assert "firewall.target" in caught.value.next_action


def test_a_race_that_another_machine_won_is_read_again() -> None:
    bench = with_vm(Bench(a_plan()))
    bench.compute.fails["insert_firewall"].append(ActionNeeded("MVM-814", "already exists"))
    with pytest.raises(TransientError) as caught:
        bench.apply(STEP)
    assert caught.value.code == "MVM-815"
    assert bench.apply(STEP).changed


def test_without_a_cluster_the_sources_have_to_be_named() -> None:
    plan = a_plan()
    plan.cluster.gke = None
    with pytest.raises(ActionNeeded) as caught:
        with_vm(Bench(plan)).observe(STEP)
    assert caught.value.code == "MVM-847"
    plan.firewall.sources = ["10.4.0.0/14"]
    bench = with_vm(Bench(plan))
    bench.apply(STEP)
    assert rule(bench)["sourceRanges"] == ["10.4.0.0/14"]


def test_a_rule_that_is_somebody_elses_work_is_only_looked_at() -> None:
    bench = with_vm(Bench(a_plan(firewall={"manage": False})))
    assert bench.observe(STEP).standing is Standing.SATISFIED
    assert "MVM-844" in codes(bench)
    assert bench.compute.writes == []


def deny(priority: int) -> dict[str, Any]:
    return {
        "name": "no-pods",
        "network": NETWORK,
        "priority": priority,
        "direction": "INGRESS",
        "sourceRanges": ["10.8.0.0/14"],
        "denied": [{"IPProtocol": "all"}],
    }


def test_what_else_stands_in_the_way_is_named() -> None:
    bench = with_vm(Bench(a_plan()))
    bench.compute.put_firewall(deny(500))
    (finding,) = [item for item in bench.observe(STEP).findings if item.code == "MVM-822"]
    assert finding.evidence == "firewall rule no-pods (priority 500) denies TCP 80 from 10.8.0.0/14"


def test_a_deny_that_comes_after_ours_is_no_matter() -> None:
    bench = with_vm(Bench(a_plan()))
    bench.compute.put_firewall(deny(2000))
    bench.apply(STEP)
    assert "MVM-822" not in codes(bench)


def test_policies_that_may_not_be_seen_stop_nothing() -> None:
    bench = with_vm(Bench(a_plan()))
    bench.compute.fails["effective_firewalls"].append(
        ActionNeeded("MVM-805", "compute.instances.getEffectiveFirewalls")
    )
    assert "MVM-845" in codes(bench)


def test_another_network_than_the_clusters_is_named() -> None:
    bench = with_vm(Bench(a_plan()))
    other = f"projects/{PROJECT}/global/networks/mesh"
    bench.compute.cluster_items[0] = {**GKE, "networkConfig": {"network": other}}
    (finding,) = [item for item in bench.observe(STEP).findings if item.code == "MVM-824"]
    assert finding.evidence == f"the cluster is in mesh of {PROJECT}, the VM in default of {PROJECT}"


def test_masquerading_is_read_from_the_agents_own_configuration() -> None:
    bench = with_vm(Bench(a_plan()))
    assert "MVM-823" not in codes(bench)
    config = {"config": "nonMasqueradeCIDRs:\n  - 10.8.0.0/14\nresyncInterval: 60s\n"}
    bench.cluster.put(
        {
            "apiVersion": CONFIG_MAPS.api_version,
            "kind": "ConfigMap",
            "metadata": {"name": "ip-masq-agent", "namespace": "kube-system"},
            "data": config,
        }
    )
    (finding,) = [item for item in bench.observe(STEP).findings if item.code == "MVM-823"]
    assert "10.128.0.7" in finding.evidence
    assert "10.8.0.0/14" in finding.evidence


def test_ports_that_the_rule_leaves_closed_are_named() -> None:
    bench = with_vm(Bench(a_plan(workload={"ports": {"http": 80, "grpc": 9090}})))
    (finding,) = [item for item in bench.observe(STEP).findings if item.code == "MVM-848"]
    assert finding.evidence == "TCP 9090"


def test_an_instance_that_no_rule_lets_ssh_into_is_named() -> None:
    bench = with_vm(Bench(a_plan()))
    assert "MVM-825" in codes(bench)
    bench.compute.put_firewall(
        {
            "name": "default-allow-ssh",
            "network": NETWORK,
            "sourceRanges": ["0.0.0.0/0"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        }
    )
    assert "MVM-825" not in codes(bench)
