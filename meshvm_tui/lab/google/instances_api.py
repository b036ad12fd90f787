"""compute.instances."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from meshvm_tui.lab.google import catalogue, firewalls, instance_bodies
from meshvm_tui.lab.google.answers import aggregated, by_zone, listed
from meshvm_tui.lab.google.catalogue import PROJECT
from meshvm_tui.lab.google.errors import GoogleError, condition_not_met, exists, invalid, not_found
from meshvm_tui.lab.google.operations import Operations
from meshvm_tui.lab.google.routes import Call, Route, compute
from meshvm_tui.lab.google.state import Cloud, fingerprint
from meshvm_tui.lab.google.world import InstanceHost

JSON = dict[str, Any]
Answer = Callable[[Call], JSON | Awaitable[JSON]]
_ALL, _ONE = "zones/{zone}/instances", "zones/{zone}/instances/{instance}"
_CREATE = (
    "compute.instances.create",
    "compute.disks.create",
    "compute.subnetworks.use",
)
_FOR_FIELDS = {
    "metadata": ("compute.instances.setMetadata",),
    "tags": ("compute.instances.setTags",),
    "labels": ("compute.instances.setLabels",),
    "serviceAccounts": ("compute.instances.setServiceAccount", "iam.serviceAccounts.actAs"),
}


class InstancesApi:
    """The methods of instances. The lab has no two instances of one name, not even in different zones."""

    def __init__(self, cloud: Cloud, host: InstanceHost, operations: Operations) -> None:
        self._cloud = cloud
        self._host = host
        self._operations = operations
        self._disturbed = 0

    def routes(self) -> list[Route]:
        """All of them."""
        base = "compute.instances"
        made = [
            compute("GET", _ALL, "instances.list", self._list, f"{base}.list"),
            replace(
                compute("POST", _ALL, "instances.insert", self._insert, *_CREATE, changes=True), more=_to_create_with
            ),
            compute("GET", "aggregated/instances", "instances.aggregatedList", self._aggregated, f"{base}.list"),
            compute("GET", _ONE, "instances.get", self._get, f"{base}.get"),
            compute("DELETE", _ONE, "instances.delete", self._delete, f"{base}.delete", changes=True),
        ]
        reads: dict[str, Answer] = {
            "getGuestAttributes": self._guest_attributes,
            "serialPort": self._serial,
            "getEffectiveFirewalls": self._effective_firewalls,
        }
        names = {"serialPort": "getSerialPortOutput"}
        for verb, answer in reads.items():
            name = names.get(verb, verb)
            made.append(compute("GET", f"{_ONE}/{verb}", f"instances.{name}", answer, f"{base}.{name}"))
        writes = {
            "start": self._start,
            "stop": self._stop,
            "reset": self._reset,
            "setMetadata": self._set_metadata,
            "setTags": self._set_tags,
            "setLabels": self._set_labels,
        }
        for verb, change in writes.items():
            made.append(compute("POST", f"{_ONE}/{verb}", f"instances.{verb}", change, f"{base}.{verb}", changes=True))
        return made

    def _list(self, call: Call) -> JSON:
        return listed(call, "instance", by_zone(list(self._cloud.instances.values()))[f"zones/{call.zone}"])

    def _aggregated(self, call: Call) -> JSON:
        faults = self._cloud.faults
        silent = f"zones/{faults.value('google-partial')}" if faults.active("google-partial") else ""
        scopes = by_zone(list(self._cloud.instances.values()))
        return aggregated(call, "instance", "instances", scopes, silent)

    def _get(self, call: Call) -> JSON:
        return self._find(call)

    def _insert(self, call: Call) -> JSON:
        made = instance_bodies.instance(call.body, call.zone)
        self._check_policy(call, made)
        path = f"projects/{PROJECT}/zones/{call.zone}/instances/{made['name']}"
        if made["name"] in self._cloud.instances:
            raise exists(path)
        made |= {"id": self._cloud.fresh_id(), "creationTimestamp": self._cloud.timestamp(), "status": "PROVISIONING"}
        made["fingerprint"] = fingerprint(made["id"])
        self._cloud.instances[made["name"]] = made
        return self._operations.start(call, "insert", "insert", {"name": made["name"]}, target=(path, made["id"]))

    def _check_policy(self, call: Call, made: JSON) -> None:
        """google-org-policy: vmExternalIpAccess forbids external addresses, any other constraint forbids all."""
        faults = self._cloud.faults
        if not faults.active("google-org-policy"):
            return
        constraint = (faults.value("google-org-policy") or "compute.vmExternalIpAccess").removeprefix("constraints/")
        words = f"Constraint constraints/{constraint} violated for project {PROJECT}."
        if constraint != "compute.vmExternalIpAccess":
            raise condition_not_met(words)
        if any(nic.get("accessConfigs") for nic in made["networkInterfaces"]):
            resource = f"projects/{PROJECT}/zones/{call.zone}/instances/{made['name']}"
            raise condition_not_met(f"{words} Add instance {resource} to the constraint to use external IP with it.")

    def _delete(self, call: Call) -> JSON:
        found = self._find(call)
        if found["deletionProtection"]:
            path = self._path(call)
            raise invalid("resource.deletionProtection", "true", f"Resource '{path}' is protected against deletion.")
        found["status"] = "STOPPING"
        return self._begin(call, "delete")

    def _start(self, call: Call) -> JSON:
        return self._begin(call, "start" if self._find(call)["status"] != "RUNNING" else "field")

    def _stop(self, call: Call) -> JSON:
        found = self._find(call)
        if found["status"] == "TERMINATED":
            return self._begin(call, "field")
        found["status"] = "STOPPING"
        return self._begin(call, "stop")

    def _reset(self, call: Call) -> JSON:
        if self._find(call)["status"] != "RUNNING":
            raise GoogleError(400, f"The resource '{self._path(call)}' is not ready", "resourceNotReady")
        return self._begin(call, "reset")

    def _set_metadata(self, call: Call) -> JSON:
        found = self._find(call)
        instance_bodies.check_fields(call.body, ("items", "fingerprint", "kind"))
        made = instance_bodies.metadata(call.body)
        if self._somebody_else():
            found["metadata"]["fingerprint"] = fingerprint(made, str(random.random()))
            self._cloud.save()
        given = call.body.get("fingerprint")
        self._check_fingerprint(call, "metadata", given, found["metadata"]["fingerprint"])
        return self._begin(call, "field", {"metadata": made})

    def _set_tags(self, call: Call) -> JSON:
        found = self._find(call)
        instance_bodies.check_fields(call.body, ("items", "fingerprint"))
        made = instance_bodies.tags(call.body)
        self._check_fingerprint(call, "tags", call.body.get("fingerprint"), found["tags"]["fingerprint"])
        return self._begin(call, "field", {"tags": made})

    def _set_labels(self, call: Call) -> JSON:
        found = self._find(call)
        instance_bodies.check_fields(call.body, ("labels", "labelFingerprint"))
        made = instance_bodies.labels(call.body.get("labels") or {})
        self._check_fingerprint(call, "labels", call.body.get("labelFingerprint"), found["labelFingerprint"])
        return self._begin(call, "field", {"labels": {}} | made)

    def _somebody_else(self) -> bool:
        """google-fingerprint: whether metadata is changed by another right before this call."""
        faults = self._cloud.faults
        if not faults.active("google-fingerprint"):
            self._disturbed = 0
            return False
        self._disturbed += 1
        times = faults.value("google-fingerprint")
        return not times.isdigit() or self._disturbed <= int(times)

    def _check_fingerprint(self, call: Call, what: str, given: object, held: str) -> None:
        """Stale, or another change of the same field is still under way."""
        if given != held or self._operations.busy(self._path(call), call.path.rpartition("/")[2]):
            raise condition_not_met(f"Supplied fingerprint does not match current {what} fingerprint.")

    async def _guest_attributes(self, call: Call) -> JSON:
        namespace, _, key = call.query.get("queryPath", call.query.get("variableKey", "")).partition("/")
        with self._cloud.lock:
            name = self._find(call)["name"]
            published = self._cloud.data["guests"].get(name, {}).get("publishes", False)
        keys = {}
        if namespace == "hostkeys" and published and not self._cloud.faults.active("google-no-host-keys"):
            keys = dict(await asyncio.to_thread(self._host.host_keys, name))
        found = {kind: value for kind, value in keys.items() if key in ("", kind)}
        if not found:
            path = call.query.get("queryPath", "")
            raise GoogleError(404, f"The resource '{path}' of type 'Guest Attribute' was not found.", "notFound")
        items = [{"namespace": "hostkeys", "key": kind, "value": value} for kind, value in found.items()]
        return {
            "kind": "compute#guestAttributes",
            "selfLink": catalogue.link(call.resource),
            "queryPath": call.query.get("queryPath", ""),
            "queryValue": {"items": items},
        }

    async def _serial(self, call: Call) -> JSON:
        with self._cloud.lock:
            name = self._find(call)["name"]
        text = await asyncio.to_thread(self._host.serial, name) if call.query.get("port", "1") == "1" else ""
        first = min(int(call.query.get("start", "0")), len(text))
        numbers = {"start": str(first), "next": str(len(text))}
        link = catalogue.link(call.resource)
        return {"kind": "compute#serialPortOutput", "selfLink": link, "contents": text[first:], **numbers}

    def _effective_firewalls(self, call: Call) -> JSON:
        found = self._find(call)
        name = call.query.get("networkInterface", "")
        if name not in {nic["name"] for nic in found["networkInterfaces"]}:
            raise invalid("networkInterface", name, "The network interface does not exist.")
        rules = [rule for rule in self._cloud.firewalls.values() if firewalls.targets(rule, found)]
        return {"firewalls": sorted(rules, key=lambda rule: rule["priority"]), "firewallPolicys": []}

    def _begin(self, call: Call, effect: str, fields: JSON | None = None) -> JSON:
        found = self._find(call)
        verb = "delete" if effect == "delete" else call.path.rpartition("/")[2]
        change = {"name": found["name"], "fields": fields or {}}
        return self._operations.start(call, verb, effect, change, target=(self._path(call), found["id"]))

    def _find(self, call: Call) -> JSON:
        found = self._cloud.find(call.values["instance"])
        if found is None or found["zone"].rpartition("/")[2] != call.zone:
            raise not_found(self._path(call))
        return found

    def _path(self, call: Call) -> str:
        return f"projects/{PROJECT}/zones/{call.zone}/instances/{call.values['instance']}"


def _to_create_with(body: JSON) -> tuple[str, ...]:
    """The permissions that what is asked for in an insert's body needs."""
    fields = [permission for field, given in _FOR_FIELDS.items() if body.get(field) for permission in given]
    external = any(nic.get("accessConfigs") for nic in body.get("networkInterfaces") or ())
    return (*fields, *(["compute.subnetworks.useExternalIp"] if external else []))
