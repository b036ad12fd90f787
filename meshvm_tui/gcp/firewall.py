"""Firewall rules: the bodies that are wanted, and what existing ones allow.

A rule that allows traffic has sources, targets, protocols and a priority; the lowest number wins, and at the same
number a deny wins over an allow (Google Cloud, VPC firewall rules).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from meshvm_tui.gcp.places import short

JSON = dict[str, Any]
MARK = "managed-by=meshvm-tui"
IAP_RANGE = "35.235.240.0/20"
"""From where IAP's TCP forwarding comes (Google Cloud, Using IAP for TCP forwarding)."""
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class Targets:
    """Which instances a rule is for: network tags, or service accounts; neither means all of the network."""

    tags: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()

    def joined(self, others: Iterable[Targets]) -> Targets:
        """These and others of the same kind, sorted: a rule for machines beside each other."""
        every = [self, *others]
        tags = {tag for one in every for tag in one.tags}
        accounts = {account for one in every for account in one.service_accounts}
        return Targets(tuple(sorted(tags)), tuple(sorted(accounts)))

    def fields(self) -> JSON:
        """As a rule spells them."""
        if self.service_accounts:
            return {"targetServiceAccounts": list(self.service_accounts)}
        return {"targetTags": list(self.tags)} if self.tags else {}


@dataclass(frozen=True)
class Rule:
    """An ingress rule that is wanted: TCP from the sources to the ports of the targets, in one network."""

    name: str
    network: str
    sources: tuple[str, ...]
    ports: tuple[int, ...]
    targets: Targets
    purpose: str

    def body(self) -> JSON:
        """The body of firewalls.insert as gcloud makes it: no priority, so the server's 1000. Rules have no labels,
        so the description says whose it is."""
        return {
            "name": self.name,
            "network": self.network,
            "direction": "INGRESS",
            "description": f"{MARK} {self.purpose}",
            "sourceRanges": list(self.sources),
            "allowed": [{"IPProtocol": "tcp", "ports": [str(port) for port in self.ports]}],
            **self.targets.fields(),
        }


def is_ours(rule: JSON) -> bool:
    """Whether its description bears our mark."""
    return MARK in str(rule.get("description", ""))


def is_in_network(rule: JSON, network: str) -> bool:
    """Whether the rule belongs to the network (URL, path or name)."""
    theirs = str(rule.get("network", ""))
    if "projects/" in theirs and "projects/" in network:
        return theirs.partition("projects/")[2] == network.partition("projects/")[2]
    return short(theirs) == short(network)


def differs(rule: JSON, wanted: JSON) -> bool:
    """Whether what we set stands otherwise in the live rule; the order of lists does not matter."""
    return _essence(rule) != _essence(wanted)


def patch_body(live: JSON, wanted: JSON) -> JSON:
    """The body of firewalls.patch that makes a live rule as wanted. A patch leaves alone what it does not name: other
    targets are cleared by an empty list, and a rule that was switched off is switched on."""
    cleared: JSON = {name: [] for name in ("targetTags", "targetServiceAccounts") if live.get(name)}
    on = {"disabled": False} if live.get("disabled") else {}
    return cleared | wanted | on


def _essence(rule: JSON) -> tuple[object, ...]:
    allowed = sorted((item["IPProtocol"], tuple(sorted(item.get("ports", [])))) for item in rule.get("allowed", []))
    return (
        tuple(allowed),
        frozenset(rule.get("sourceRanges", [])),
        frozenset(rule.get("targetTags", [])),
        frozenset(rule.get("targetServiceAccounts", [])),
        bool(rule.get("disabled")),
        rule.get("direction", "INGRESS"),
    )


def applies_to(rule: JSON, tags: Iterable[str], service_account: str) -> bool:
    """Whether the rule is for an instance with these tags and this service account."""
    if accounts := rule.get("targetServiceAccounts"):
        return service_account in accounts
    if wanted := rule.get("targetTags"):
        return bool(set(wanted) & set(tags))
    return True


def covers(ranges: Sequence[str], source: str) -> bool:
    """Whether one of the ranges holds the whole source."""
    wanted = ipaddress.ip_network(source, strict=False)
    for text in ranges:
        held = ipaddress.ip_network(text, strict=False)
        if held.version == wanted.version and wanted.subnet_of(held):  # type: ignore[arg-type]
            return True
    return False


def touches(ranges: Sequence[str], source: str) -> bool:
    """Whether one of the ranges shares an address with the source."""
    wanted = ipaddress.ip_network(source, strict=False)
    networks = (ipaddress.ip_network(text, strict=False) for text in ranges)
    return any(held.version == wanted.version and held.overlaps(wanted) for held in networks)


def speaks_of(entries: Iterable[JSON], port: int, *, protocol_key: str = "IPProtocol") -> bool:
    """Whether protocols and ports of a rule (`allowed`, `denied`, a policy's `layer4Configs`) hold this TCP port."""
    for entry in entries:
        if str(entry.get(protocol_key, "")).lower() not in ("tcp", "6", "all"):
            continue
        ports = entry.get("ports") or []
        if not ports or any(_holds(str(item), port) for item in ports):
            return True
    return False


def allows(rules: Iterable[JSON], source: str, port: int, tags: Iterable[str], service_account: str) -> JSON | None:
    """An enabled ingress rule that lets all of the source in to this port of such an instance; None where none does.

    Rules that deny are not weighed here: `network_path` does that."""
    held = tuple(tags)
    for rule in rules:
        if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
            continue
        if not applies_to(rule, held, service_account) or not speaks_of(rule.get("allowed", []), port):
            continue
        if covers(rule.get("sourceRanges") or any_source(rule), source):
            return rule
    return None


def any_source(rule: JSON) -> list[str]:
    """Without any kind of source a rule is for all of them."""
    return [] if rule.get("sourceTags") or rule.get("sourceServiceAccounts") else [ANYWHERE]


def _holds(ports: str, port: int) -> bool:
    first, _, last = ports.partition("-")
    return int(first) <= port <= int(last or first)
