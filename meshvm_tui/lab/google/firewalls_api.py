"""compute.firewalls."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from meshvm_tui.lab.google import catalogue, references
from meshvm_tui.lab.google.answers import listed
from meshvm_tui.lab.google.catalogue import PROJECT
from meshvm_tui.lab.google.errors import GoogleError, exists, invalid, not_found, required
from meshvm_tui.lab.google.instance_bodies import check_fields, check_name, check_shapes
from meshvm_tui.lab.google.operations import Effect, Operations
from meshvm_tui.lab.google.routes import Call, Route, compute
from meshvm_tui.lab.google.state import Cloud

JSON = dict[str, Any]
_NAMES = (
    "allowed creationTimestamp denied description destinationRanges direction disabled id kind logConfig name network "
    "params priority selfLink sourceRanges sourceServiceAccounts sourceTags targetServiceAccounts targetTags"
)
_FIELDS = frozenset(_NAMES.split())
_WITH_PORTS = {"tcp", "udp", "sctp", "6", "17", "132"}
_PROTOCOLS = _WITH_PORTS | {"icmp", "esp", "ah", "ipip", "all", "1", "50", "51", "4"}
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_LISTS = ("allowed", "denied", "sourceRanges", "destinationRanges", "sourceTags", "targetTags", "targetServiceAccounts")
_SOURCES = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
_MOST_PRIORITY = 65535


class FirewallsApi:
    """The methods of firewall rules."""

    def __init__(self, cloud: Cloud, operations: Operations) -> None:
        self._cloud = cloud
        self._operations = operations
        operations.register("firewall", Effect(self._put))
        operations.register("delete-firewall", Effect(self._remove))

    def routes(self) -> list[Route]:
        """All of them."""
        base, every, one = "compute.firewalls", "global/firewalls", "global/firewalls/{firewall}"
        network = "compute.networks.updatePolicy"
        return [
            compute("GET", every, "firewalls.list", self._list, f"{base}.list"),
            compute("POST", every, "firewalls.insert", self._insert, f"{base}.create", network, changes=True),
            compute("GET", one, "firewalls.get", self._get, f"{base}.get"),
            compute("PATCH", one, "firewalls.patch", self._patch, f"{base}.update", network, changes=True),
            compute("PUT", one, "firewalls.update", self._update, f"{base}.update", network, changes=True),
            compute("DELETE", one, "firewalls.delete", self._delete, f"{base}.delete", network, changes=True),
        ]

    def _list(self, call: Call) -> JSON:
        return listed(call, "firewall", list(self._cloud.firewalls.values()))

    def _get(self, call: Call) -> JSON:
        return self._find(call)

    def _insert(self, call: Call) -> JSON:
        name = check_name(call.body.get("name"))
        rule = checked(call.body)
        path = f"projects/{PROJECT}/global/firewalls/{name}"
        if name in self._cloud.firewalls or self._operations.busy(path, "insert"):
            raise exists(path)
        number = self._cloud.fresh_id()
        made = {"kind": "compute#firewall", "id": number, "creationTimestamp": self._cloud.timestamp()}
        rule = made | rule | {"selfLink": catalogue.link(path)}
        return self._operations.start(call, "insert", "firewall", {"name": name, "rule": rule}, target=(path, number))

    def _patch(self, call: Call) -> JSON:
        held = self._find(call)
        check_fields(call.body, _FIELDS, "resource")
        merged = {**held, **call.body}
        return self._change(call, "patch", held, {key: value for key, value in merged.items() if value is not None})

    def _update(self, call: Call) -> JSON:
        return self._change(call, "update", self._find(call), call.body)

    def _change(self, call: Call, kind: str, held: JSON, wanted: JSON) -> JSON:
        name = held["name"]
        if wanted.get("name", name) != name:
            raise invalid("resource.name", wanted["name"], "The name of a firewall rule cannot be changed.")
        rule = checked({"name": name, **wanted})
        for field in ("network", "direction"):
            if rule[field] != held[field]:
                raise invalid(f"resource.{field}", rule[field], f"The {field} of a firewall rule cannot be changed.")
        path = f"projects/{PROJECT}/global/firewalls/{name}"
        if self._operations.busy(path, "patch") or self._operations.busy(path, "update"):
            raise GoogleError(400, f"The resource '{path}' is not ready", "resourceNotReady")
        kept = {key: held[key] for key in ("kind", "id", "creationTimestamp", "selfLink")}
        return self._operations.start(
            call, kind, "firewall", {"name": name, "rule": rule | kept}, target=(path, held["id"])
        )

    def _delete(self, call: Call) -> JSON:
        held = self._find(call)
        path = f"projects/{PROJECT}/global/firewalls/{held['name']}"
        return self._operations.start(
            call, "delete", "delete-firewall", {"name": held["name"]}, target=(path, held["id"])
        )

    def _find(self, call: Call) -> JSON:
        found = self._cloud.firewalls.get(call.values["firewall"])
        if found is None:
            raise not_found(f"projects/{PROJECT}/global/firewalls/{call.values['firewall']}")
        return found

    def _put(self, change: JSON) -> None:
        self._cloud.firewalls[change["name"]] = change["rule"]

    def _remove(self, change: JSON) -> None:
        self._cloud.firewalls.pop(change["name"], None)


def checked(body: JSON) -> JSON:
    """The rule with the server's defaults; 400 for what Compute Engine does not take."""
    check_fields(body, _FIELDS, "resource")
    check_shapes(body, dict.fromkeys(_LISTS, list))
    rule = {key: value for key, value in body.items() if value not in (None, [], {})}
    rule["network"] = references.network(body.get("network") or "global/networks/default", "resource.network")
    rule.setdefault("direction", "INGRESS")
    rule.setdefault("disabled", False)
    rule.setdefault("logConfig", {"enable": False})
    if rule["direction"] not in ("INGRESS", "EGRESS"):
        raise invalid("resource.direction", rule["direction"], "Must be INGRESS or EGRESS.")
    rule.setdefault("priority", 1000)
    if not isinstance(rule["priority"], int) or not 0 <= rule["priority"] <= _MOST_PRIORITY:
        raise invalid("resource.priority", rule["priority"], f"Must be between 0 and {_MOST_PRIORITY}, inclusive.")
    _check_protocols(rule)
    _check_ends(rule)
    return rule


def _check_protocols(rule: JSON) -> None:
    if bool(rule.get("allowed")) == bool(rule.get("denied")):
        raise (
            required("resource.allowed")
            if not rule.get("allowed")
            else invalid("resource.denied", "", "A rule cannot both allow and deny.")
        )
    field = "allowed" if rule.get("allowed") else "denied"
    for index, entry in enumerate(rule[field]):
        place = f"resource.{field}[{index}]"
        check_fields(entry, ("IPProtocol", "ports"), place)
        protocol = str(entry.get("IPProtocol", ""))
        if not protocol:
            raise required(f"{place}.IPProtocol")
        if protocol.lower() not in _PROTOCOLS:
            raise invalid(f"{place}.IPProtocol", protocol, "The protocol is unknown.")
        if entry.get("ports") and protocol.lower() not in _WITH_PORTS:
            raise invalid(f"{place}.ports", entry["ports"][0], f"Ports are not supported for protocol {protocol}.")
        for number, ports in enumerate(entry.get("ports", ())):
            _check_ports(f"{place}.ports[{number}]", ports)


def _check_ports(field: str, ports: object) -> None:
    found = _PORTS.fullmatch(ports) if isinstance(ports, str) else None
    if not found or not int(found[1]) <= int(found[2] or found[1]) <= 65535:
        raise invalid(field, ports, "Must be an integer or a range of integers between 0 and 65535.")


def _check_ends(rule: JSON) -> None:
    by_tag = any(rule.get(key) for key in ("sourceTags", "targetTags"))
    if by_tag and any(rule.get(key) for key in ("sourceServiceAccounts", "targetServiceAccounts")):
        words = "Tags and service accounts cannot be used in one rule."
        raise invalid("resource.targetServiceAccounts", "", words)
    for key in ("sourceTags", "targetTags"):
        for index, tag in enumerate(rule.get(key, ())):
            check_name(tag, f"resource.{key}[{index}]")
    for key in ("sourceRanges", "destinationRanges"):
        for index, cidr in enumerate(rule.get(key, ())):
            try:
                ipaddress.ip_network(cidr, strict=False)
            except ValueError:
                raise invalid(f"resource.{key}[{index}]", cidr, "Must be a valid IPv4 or IPv6 CIDR.") from None
    if rule["direction"] == "EGRESS":
        if any(rule.get(key) for key in ("sourceTags", "sourceServiceAccounts")):
            raise invalid("resource.sourceTags", "", "Sources by tag are for INGRESS only.")
        rule.setdefault("destinationRanges", ["0.0.0.0/0"])
    elif not any(rule.get(key) for key in _SOURCES):
        rule["sourceRanges"] = ["0.0.0.0/0"]
