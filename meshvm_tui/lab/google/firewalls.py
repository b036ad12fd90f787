"""What VPC firewall rules let in: the rules' own semantics, without the API around them.

https://cloud.google.com/firewall/docs/firewalls: the lowest number of priority decides, a denying rule wins over an
allowing one of the same priority, and without a rule nothing comes in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

JSON = dict[str, Any]
SSH = 22
_TCP = {"tcp", "6", "all"}


def allows(rules: Iterable[JSON], peers: Iterable[JSON], instance: JSON, source: str, ports: Iterable[int]) -> bool:
    """Whether TCP from an address comes in to one of the ports, each of which stands for the same one.

    `peers` are all instances: a rule may name its sources by their tags or service accounts."""
    wanted, others = tuple(ports), tuple(peers)
    fitting = [rule for rule in rules if targets(rule, instance) and _from(rule, others, source)]
    decided = [(rule["priority"], _sign(rule, wanted)) for rule in fitting if _sign(rule, wanted) is not None]
    return bool(decided) and min(decided, key=lambda one: (one[0], bool(one[1])))[1] is True


def targets(rule: JSON, instance: JSON) -> bool:
    """Whether an INGRESS rule that is on applies to an instance."""
    if rule.get("disabled") or rule.get("direction") != "INGRESS":
        return False
    if rule["network"] not in {interface["network"] for interface in instance["networkInterfaces"]}:
        return False
    tags, accounts = rule.get("targetTags"), rule.get("targetServiceAccounts")
    if tags:
        return not set(tags).isdisjoint(_tags(instance))
    return not accounts or not set(accounts).isdisjoint(_accounts(instance))


def _from(rule: JSON, peers: tuple[JSON, ...], source: str) -> bool:
    address = ipaddress.ip_address(source)
    if any(address in ipaddress.ip_network(given, strict=False) for given in rule.get("sourceRanges", ())):
        return True
    tags, accounts = set(rule.get("sourceTags", ())), set(rule.get("sourceServiceAccounts", ()))
    senders = [peer for peer in peers if source in {one.get("networkIP") for one in peer["networkInterfaces"]}]
    return any(tags & set(_tags(sender)) or accounts & set(_accounts(sender)) for sender in senders)


def _sign(rule: JSON, ports: tuple[int, ...]) -> bool | None:
    """True where the rule allows it, False where it denies, None where it says nothing of these ports."""
    if any(_covers(entry, ports) for entry in rule.get("denied", ())):
        return False
    return True if any(_covers(entry, ports) for entry in rule.get("allowed", ())) else None


def _covers(entry: JSON, ports: tuple[int, ...]) -> bool:
    if str(entry["IPProtocol"]).lower() not in _TCP:
        return False
    ranges = [given.partition("-") for given in entry.get("ports", ())]
    if not ranges:
        return True
    return any(int(first) <= port <= int(last or first) for first, _, last in ranges for port in ports)


def _tags(instance: JSON) -> list[str]:
    return list(instance.get("tags", {}).get("items", ()))


def _accounts(instance: JSON) -> list[str]:
    return [account["email"] for account in instance.get("serviceAccounts", ())]
