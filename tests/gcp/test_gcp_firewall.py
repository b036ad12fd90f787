"""Rules: their bodies, whether they are enough, and what decides where several speak."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.gcp.firewall import Rule, Targets, allows, differs, is_in_network, is_ours
from meshvm_tui.gcp.instance import InstanceView
from meshvm_tui.gcp.network_path import is_masqueraded, same_network, verdict
from tests.google.discovery import judge

NETWORK = "projects/shop-project/global/networks/default"
PODS = "10.8.0.0/14"
RULE = Rule("cluster-pods-to-vm", NETWORK, (PODS,), (80,), Targets(tags=("mesh-vm",)), "cluster=prod")
VM = InstanceView(
    {
        "name": "my-mesh-vm",
        "tags": {"items": ["mesh-vm"]},
        "serviceAccounts": [{"email": "vm@shop-project.iam.gserviceaccount.com"}],
        "networkInterfaces": [{"network": f"https://www.googleapis.com/compute/v1/{NETWORK}"}],
    }
)


def live(**changed: Any) -> dict[str, Any]:
    return {**RULE.body(), "priority": 1000, **changed}


def denying(priority: int, **more: Any) -> dict[str, Any]:
    rule = live(name="no-pods", priority=priority, denied=[{"IPProtocol": "all"}], **more)
    del rule["allowed"]
    return rule


def test_the_rule_is_the_guides_with_our_mark() -> None:
    body = RULE.body()
    assert body["sourceRanges"] == [PODS]
    assert body["allowed"] == [{"IPProtocol": "tcp", "ports": ["80"]}]
    assert body["targetTags"] == ["mesh-vm"]
    assert "priority" not in body
    assert is_ours(body)
    assert judge("compute", "POST", "/compute/v1/projects/shop-project/global/firewalls", {}, body) == []
    account = Rule("a", NETWORK, (PODS,), (80,), Targets(service_accounts=("vm@x.example",)), "p").body()
    assert account["targetServiceAccounts"] == ["vm@x.example"]
    assert "targetTags" not in account


def test_a_rule_differs_by_what_it_lets_through_only() -> None:
    assert not differs(live(priority=900, id="7", description="managed-by=meshvm-tui older"), RULE.body())
    assert differs(live(sourceRanges=["10.0.0.0/8"]), RULE.body())
    assert differs(live(allowed=[{"IPProtocol": "tcp", "ports": ["80", "443"]}]), RULE.body())
    assert differs(live(disabled=True), RULE.body())
    assert differs(live(targetTags=["other"]), RULE.body())


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        (live(), True),
        (live(sourceRanges=["10.0.0.0/8"]), True),
        (live(sourceRanges=["10.8.0.0/16"]), False),
        (live(allowed=[{"IPProtocol": "all"}]), True),
        (live(allowed=[{"IPProtocol": "tcp", "ports": ["1-100"]}]), True),
        (live(allowed=[{"IPProtocol": "udp", "ports": ["80"]}]), False),
        (live(allowed=[{"IPProtocol": "tcp", "ports": ["443"]}]), False),
        (live(disabled=True), False),
        (live(direction="EGRESS"), False),
        (live(targetTags=["other"]), False),
        ({**live(), "targetTags": []}, True),
        ({**live(), "sourceRanges": [], "sourceTags": ["web"]}, False),
    ],
)
def test_a_rule_is_enough_where_it_lets_all_of_it_in(rule: dict[str, Any], enough: bool) -> None:
    assert (allows([rule], PODS, 80, ["mesh-vm"], "") is not None) == enough


def test_a_rule_belongs_to_one_network() -> None:
    url = f"https://www.googleapis.com/compute/v1/{NETWORK}"
    assert is_in_network({"network": url}, NETWORK)
    assert not is_in_network({"network": url}, "projects/host-project/global/networks/default")
    assert is_in_network({"network": "default"}, NETWORK)


@pytest.mark.parametrize(
    ("rules", "allowed", "by"),
    [
        ([live()], True, "firewall rule cluster-pods-to-vm"),
        ([live(), denying(900)], False, "firewall rule no-pods"),
        ([live(), denying(1000)], False, "firewall rule no-pods"),
        ([live(), denying(1100)], True, "firewall rule cluster-pods-to-vm"),
        ([live(), denying(900, sourceRanges=["10.9.1.0/24"])], False, "firewall rule no-pods"),
        ([live(), denying(900, sourceRanges=["192.168.0.0/16"])], True, "firewall rule cluster-pods-to-vm"),
        ([live(), denying(900, targetTags=["other"])], True, "firewall rule cluster-pods-to-vm"),
        ([live(), denying(900, disabled=True)], True, "firewall rule cluster-pods-to-vm"),
        ([], False, ""),
    ],
)
def test_the_lowest_number_decides_and_a_deny_at_the_same(rules: list[Any], allowed: bool, by: str) -> None:
    found = verdict({"firewalls": rules}, VM, PODS, 80)
    assert (found.allowed, found.rule) == (allowed, by)


def policy(kind: str, action: str, **match: Any) -> dict[str, Any]:
    layer = [{"ipProtocol": "tcp", "ports": ["80"]}]
    rule = {"action": action, "priority": 10, "direction": "INGRESS"}
    return {
        "type": kind,
        "shortName": f"{kind.lower()}-policy",
        "rules": [{**rule, "match": {"srcIpRanges": [PODS], "layer4Configs": layer, **match}}],
    }


@pytest.mark.parametrize(
    ("policies", "allowed", "by"),
    [
        ([policy("HIERARCHY", "deny")], False, "firewall policy hierarchy-policy"),
        ([policy("HIERARCHY", "goto_next")], True, "firewall rule cluster-pods-to-vm"),
        ([policy("NETWORK", "deny")], True, "firewall rule cluster-pods-to-vm"),
        (
            [policy("HIERARCHY", "deny", layer4Configs=[{"ipProtocol": "udp"}])],
            True,
            "firewall rule cluster-pods-to-vm",
        ),
        ([policy("HIERARCHY", "deny", srcIpRanges=["10.8.1.0/24"])], False, "firewall policy hierarchy-policy"),
    ],
)
def test_policies_count_in_their_order(policies: list[Any], allowed: bool, by: str) -> None:
    found = verdict({"firewalls": [live()], "firewallPolicys": policies}, VM, PODS, 80)
    assert (found.allowed, found.rule) == (allowed, by)


def test_networks_are_one_by_project_and_name() -> None:
    url = f"https://www.googleapis.com/compute/v1/{NETWORK}"
    assert same_network(NETWORK, url, "shop-project")
    assert same_network("default", url, "shop-project")
    assert not same_network("projects/host-project/global/networks/default", url, "shop-project")
    assert not same_network("projects/shop-project/global/networks/other", url, "shop-project")


def test_masquerading_goes_by_the_agents_list_or_its_own() -> None:
    assert not is_masqueraded("10.128.0.7", None)
    assert is_masqueraded("34.1.2.3", None)
    assert is_masqueraded("10.128.0.7", ["10.8.0.0/14"])
    assert not is_masqueraded("10.128.0.7", ["10.0.0.0/8"])
