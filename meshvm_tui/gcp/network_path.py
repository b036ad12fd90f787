"""What stands between Pods and a VM: every rule and policy that filters the VM's traffic, in the order in which they
count; another network; Pods that arrive with their nodes' addresses.

Order (Google Cloud, Firewall policies): hierarchical policies, then, by the network's enforcement order, its rules and
its network policies; within each the lowest priority number first. A policy's `goto_next` hands on. Without any match
an ingress is denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from meshvm_tui.gcp.firewall import any_source, applies_to, covers, speaks_of, touches
from meshvm_tui.gcp.instance import InstanceView
from meshvm_tui.gcp.places import project_in, short

JSON = dict[str, Any]
HIERARCHY = "HIERARCHY"
NEVER_MASQUERADED = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""A part of what ip-masq-agent leaves alone without a ConfigMap (GKE, IP masquerade agent)."""
MORE_NEVER_MASQUERADED = (
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
)


@dataclass(frozen=True)
class Verdict:
    """What becomes of traffic, and the rule that decides it; `rule` is "" where nothing matches."""

    allowed: bool
    rule: str
    priority: int = 0


def of_networks(effective: JSON) -> list[JSON]:
    """The policies of networks: global ones before regional ones, each kind by its association's priority."""
    policies = [item for item in effective.get("firewallPolicys", []) if not _is_hierarchical(item)]
    return sorted(policies, key=lambda item: ("REGIONAL" in str(item.get("type", "")), item.get("priority", 0)))


def verdict(
    effective: JSON, instance: InstanceView, source: str, port: int, *, policies_first: bool = False
) -> Verdict:
    """What becomes of TCP from a source range to a port of the instance, by instances.getEffectiveFirewalls.

    A deny counts where it meets any address of the source, an allow where it holds all of them. `policies_first` is
    the network's enforcement order BEFORE_CLASSIC_FIREWALL."""

    def by_policies(policies: Iterable[JSON]) -> Verdict | None:
        judged = (_of_policy(policy, instance, source, port) for policy in policies)
        return next((found for found in judged if found is not None), None)

    upper = by_policies(item for item in effective.get("firewallPolicys", []) if _is_hierarchical(item))
    rules = _of_rules(effective.get("firewalls", []), instance, source, port)
    lower = by_policies(of_networks(effective))
    order = (upper, lower, rules) if policies_first else (upper, rules, lower)
    return next((found for found in order if found is not None), Verdict(False, ""))


def _is_hierarchical(policy: JSON) -> bool:
    return str(policy.get("type", "")).startswith(HIERARCHY)


def _of_rules(rules: Iterable[JSON], instance: InstanceView, source: str, port: int) -> Verdict | None:
    # At the same priority a deny comes before an allow.
    ordered = sorted(rules, key=lambda rule: (int(rule.get("priority", 1000)), not rule.get("denied")))
    for rule in ordered:
        if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
            continue
        if not applies_to(rule, instance.tags, instance.service_account):
            continue
        ranges, priority = rule.get("sourceRanges") or any_source(rule), int(rule.get("priority", 1000))
        name = f"firewall rule {rule.get('name', '')}"
        if rule.get("denied") and speaks_of(rule["denied"], port) and touches(ranges, source):
            return Verdict(False, name, priority)
        if rule.get("allowed") and speaks_of(rule["allowed"], port) and covers(ranges, source):
            return Verdict(True, name, priority)
    return None


def _of_policy(policy: JSON, instance: InstanceView, source: str, port: int) -> Verdict | None:
    name = policy.get("shortName") or policy.get("displayName") or policy.get("name", "")
    for rule in sorted(policy.get("rules", []), key=lambda item: int(item.get("priority", 0))):
        match = rule.get("match", {})
        if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
            continue
        if not _is_for(rule, instance) or not speaks_of(
            match.get("layer4Configs", []), port, protocol_key="ipProtocol"
        ):
            continue
        ranges, priority = match.get("srcIpRanges", []), int(rule.get("priority", 0))
        if rule.get("action") == "deny" and touches(ranges, source):
            return Verdict(False, f"firewall policy {name}", priority)
        if rule.get("action") == "allow" and covers(ranges, source):
            return Verdict(True, f"firewall policy {name}", priority)
        if rule.get("action") == "goto_next" and covers(ranges, source):
            return None
    return None


def _is_for(rule: JSON, instance: InstanceView) -> bool:
    """Rules for secure tags are answered only where they are for this instance (getEffectiveFirewalls, `rules`)."""
    accounts = rule.get("targetServiceAccounts")
    if accounts and instance.service_account not in accounts:
        return False
    networks = rule.get("targetResources")
    return not networks or any(_same_network(item, instance.network) for item in networks)


def same_network(cluster_network: str, instance_network: str, project: str) -> bool:
    """Whether cluster and instance are in one VPC network; a bare name is the project's."""
    ours, theirs = (
        (project_in(item, project), short(item) or "default") for item in (cluster_network, instance_network)
    )
    return ours == theirs


def _same_network(one: str, other: str) -> bool:
    return one.partition("projects/")[2] == other.partition("projects/")[2]


def is_masqueraded(address: str, non_masquerade: Sequence[str] | None) -> bool:
    """Whether Pods arrive at the address with their nodes' addresses. `non_masquerade` is what the agent's ConfigMap
    lists, or None where it has none and its own list counts."""
    ranges = (*NEVER_MASQUERADED, *MORE_NEVER_MASQUERADED) if non_masquerade is None else tuple(non_masquerade)
    return bool(address) and not covers(ranges, address)
