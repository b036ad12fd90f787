"""The body of instances.insert: what Compute Engine refuses in it, and the instance that it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from meshvm_tui.lab.google import catalogue, references
from meshvm_tui.lab.google.catalogue import PROJECT
from meshvm_tui.lab.google.errors import GoogleError, bad_payload, invalid, required
from meshvm_tui.lab.google.state import fingerprint

JSON = dict[str, Any]
VALUE_BYTES, TOTAL_BYTES = 256 * 1024, 512 * 1024  # of metadata
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_METADATA_KEY = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_FIELDS = frozenset(
    [
        "advancedMachineFeatures",
        "canIpForward",
        "confidentialInstanceConfig",
        "cpuPlatform",
        "creationTimestamp",
        "deletionProtection",
        "description",
        "disks",
        "displayDevice",
        "fingerprint",
        "guestAccelerators",
        "hostname",
        "id",
        "instanceEncryptionKey",
        "keyRevocationActionType",
        "kind",
        "labelFingerprint",
        "labels",
        "lastStartTimestamp",
        "lastStopTimestamp",
        "lastSuspendedTimestamp",
        "localSsdEncryptionMode",
        "machineType",
        "metadata",
        "minCpuPlatform",
        "name",
        "networkInterfaces",
        "networkPerformanceConfig",
        "params",
        "privateIpv6GoogleAccess",
        "reservationAffinity",
        "resourcePolicies",
        "resourceStatus",
        "satisfiesPzi",
        "satisfiesPzs",
        "scheduling",
        "selfLink",
        "serviceAccounts",
        "shieldedInstanceConfig",
        "shieldedInstanceIntegrityPolicy",
        "sourceMachineImage",
        "sourceMachineImageEncryptionKey",
        "startRestricted",
        "status",
        "statusMessage",
        "tags",
        "workloadIdentityConfig",
        "zone",
    ]
)


_OBJECTS = dict.fromkeys(("metadata", "tags", "labels", "scheduling"), dict)
_LISTS = dict.fromkeys(("disks", "networkInterfaces", "serviceAccounts"), list)
_SHAPES: dict[type, str] = {dict: "Object", list: "Array", str: "TYPE_STRING"}


def check_fields(body: JSON, known: Iterable[str], at: str = "") -> None:
    """Refuses a field that the API does not know."""
    for name in body:
        if name not in known:
            raise bad_payload(name, at)


def check_shapes(body: JSON, shapes: Mapping[str, type], at: str = "resource") -> None:
    """Refuses a list, an object or a text where the API wants another of these."""
    for field, shape in shapes.items():
        given = body.get(field)
        if given is not None and not isinstance(given, shape):
            raise GoogleError(
                400, f"Invalid value at '{at}.{field}' ({_SHAPES[shape]}), {given!r}", "badRequest", rpc=True
            )


def check_name(value: object, field: str = "resource.name") -> str:
    """A name as RFC 1035 has it."""
    if not value:
        raise required(field)
    if not re.fullmatch(references.NAME, str(value)):
        raise invalid(field, value, f"Must be a match of regex '{references.NAME}'")
    return str(value)


def instance(body: JSON, zone: str) -> JSON:
    """The instance that is to be made; 400 where the body will not do. Without id, addresses and status."""
    check_fields(body, _FIELDS, "resource")
    check_shapes(body, _OBJECTS | _LISTS | {"name": str, "machineType": str})
    name = check_name(body.get("name"))
    if not body.get("machineType"):
        raise required("resource.machineType")
    machine_type = references.machine_type(body["machineType"], "resource.machineType", zone)
    path = f"projects/{PROJECT}/zones/{zone}"
    made = {
        "kind": "compute#instance",
        "name": name,
        "zone": catalogue.link(path),
        "selfLink": catalogue.link(f"{path}/instances/{name}"),
        "machineType": catalogue.link(f"{path}/machineTypes/{machine_type}"),
        "disks": _disks(body, zone, machine_type),
        "networkInterfaces": _interfaces(body, catalogue.ZONES[zone]),
        "metadata": metadata(body.get("metadata") or {}),
        "tags": tags(body.get("tags") or {}),
        "scheduling": {"onHostMaintenance": "MIGRATE", "automaticRestart": True, "preemptible": False}
        | (body.get("scheduling") or {}),
        "canIpForward": bool(body.get("canIpForward")),
        "deletionProtection": bool(body.get("deletionProtection")),
        "cpuPlatform": "Intel Broadwell",
        "startRestricted": False,
    }
    made |= labels(body.get("labels") or {})
    if accounts := _accounts(body):
        made["serviceAccounts"] = accounts
    kept = ("description", "hostname", "minCpuPlatform", "shieldedInstanceConfig", "advancedMachineFeatures")
    return made | {key: body[key] for key in kept if key in body}


def metadata(given: JSON) -> JSON:
    """Metadata as it is kept, with its fingerprint; 400 for what does not fit."""
    check_shapes(given, {"items": list}, "metadata")
    items, total = [], 0
    for index, item in enumerate(given.get("items") or ()):
        key, value = str(item.get("key", "")), str(item.get("value", ""))
        if not _METADATA_KEY.fullmatch(key):
            field = f"metadata.items[{index}].key"
            raise invalid(field, key, f"Must be a match of regex '{_METADATA_KEY.pattern}'")
        if len(value.encode()) > VALUE_BYTES:
            words = f"Value for metadata key '{key}' is too large: maximum size {VALUE_BYTES} character(s)."
            raise GoogleError(413, words, "uploadTooLarge", rpc=False)
        total += len(key.encode()) + len(value.encode())
        items.append({"key": key, "value": value})
    keys = [item["key"] for item in items]
    for key in keys:
        if keys.count(key) > 1:
            raise invalid("resource.metadata", key, f"Metadata has duplicate key: {key}.")
    if total > TOTAL_BYTES:
        raise GoogleError(413, f"Metadata is too large: maximum size {TOTAL_BYTES} bytes.", "uploadTooLarge")
    kept: JSON = {"kind": "compute#metadata", "fingerprint": fingerprint(items)}
    return kept | ({"items": items} if items else {})


def tags(given: JSON) -> JSON:
    """Network tags as they are kept, with their fingerprint."""
    check_shapes(given, {"items": list}, "tags")
    items = sorted(set(given.get("items") or ()))
    for index, tag in enumerate(items):
        check_name(tag, f"resource.tags.items[{index}]")
    return {"fingerprint": fingerprint(items, "tags")} | ({"items": items} if items else {})


def labels(given: JSON) -> JSON:
    """The fields `labels` and `labelFingerprint`."""
    for key, value in given.items():
        if not _LABEL.fullmatch(key) or not _LABEL_VALUE.fullmatch(str(value)):
            raise invalid("resource.labels", f"{key}={value}", "Label keys and values are small letters, - and _.")
    return {"labelFingerprint": fingerprint(given, "labels")} | ({"labels": dict(given)} if given else {})


def _disks(body: JSON, zone: str, machine_type: str) -> list[JSON]:
    given = body.get("disks") or []
    if not given:
        raise invalid("resource.disks", "", "No disks are specified.")
    if not given[0].get("boot"):
        raise invalid("resource.disks[0].boot", given[0].get("boot", False), "Boot disk must be the first disk.")
    made = []
    for index, disk in enumerate(given):
        field = f"resource.disks[{index}].initializeParams"
        params = disk.get("initializeParams") or {}
        if not params.get("sourceImage"):
            raise required(f"{field}.sourceImage")
        image = references.image(params["sourceImage"], f"{field}.sourceImage")
        if image["architecture"] != catalogue.architecture(machine_type):
            words = f"Requested boot disk architecture ({image['architecture']}) is not compatible with machine type"
            raise invalid(f"{field}.sourceImage", params["sourceImage"], f"{words} architecture.")
        size = str(params.get("diskSizeGb") or image["diskSizeGb"])
        if not size.isdigit() or int(size) < int(image["diskSizeGb"]):
            words = f"Requested disk size cannot be smaller than the image size ({image['diskSizeGb']} GB)"
            raise invalid(f"{field}.diskSizeGb", size, words)
        name = params.get("diskName") or (body["name"] if index == 0 else f"{body['name']}-{index}")
        made.append(
            {
                "kind": "compute#attachedDisk",
                "type": disk.get("type", "PERSISTENT"),
                "mode": disk.get("mode", "READ_WRITE"),
                "source": catalogue.link(f"projects/{PROJECT}/zones/{zone}/disks/{name}"),
                "deviceName": disk.get("deviceName") or f"persistent-disk-{index}",
                "index": index,
                "boot": bool(disk.get("boot")),
                "autoDelete": bool(disk.get("autoDelete")),
                "interface": "SCSI",
                "diskSizeGb": size,
                "architecture": image["architecture"],
                "guestOsFeatures": image["guestOsFeatures"],
            }
        )
    return made


def _interfaces(body: JSON, region: str) -> list[JSON]:
    given = body.get("networkInterfaces") or []
    if not given:
        raise invalid("resource.networkInterfaces", "", "At least one network interface is required.")
    return [_interface(nic, f"resource.networkInterfaces[{index}]", index, region) for index, nic in enumerate(given)]


def _interface(nic: JSON, field: str, index: int, region: str) -> JSON:
    if nic.get("subnetwork"):
        subnetwork, network = references.subnetwork(nic["subnetwork"], f"{field}.subnetwork", region)
        if nic.get("network") and references.network(nic["network"], f"{field}.network") != network:
            raise invalid(f"{field}.subnetwork", nic["subnetwork"], "The subnetwork is not of the network.")
    else:
        network = references.network(nic.get("network") or "global/networks/default", f"{field}.network")
        subnetwork = _automatic(network, region, field)
    made = {
        "kind": "compute#networkInterface",
        "name": f"nic{index}",
        "network": network,
        "subnetwork": subnetwork,
        "stackType": "IPV4_ONLY",
        "fingerprint": fingerprint(nic),
    }
    configs = nic.get("accessConfigs") or []
    if len(configs) > 1:
        raise invalid(f"{field}.accessConfigs", len(configs), "At most one access config is supported.")
    if not configs:
        return made
    config = {"kind": "compute#accessConfig", "name": "external-nat", "networkTier": "PREMIUM"}
    return {**made, "accessConfigs": [{**config, "type": "ONE_TO_ONE_NAT", **configs[0]}]}


def _automatic(network: str, region: str, field: str) -> str:
    found = next(given for given in catalogue.networks() if given["selfLink"] == network)
    if not found["autoCreateSubnetworks"]:
        words = "Network interface must specify a subnet if the network resource is in custom subnet mode."
        raise invalid(f"{field}.network", network, words)
    return next(str(link) for link in found["subnetworks"] if f"/regions/{region}/" in link)


def _accounts(body: JSON) -> list[JSON]:
    given = body.get("serviceAccounts") or []
    if len(given) > 1:
        raise invalid("resource.serviceAccounts", len(given), "At most one service account is supported.")
    made = []
    for account in given:
        email = catalogue.DEFAULT_ACCOUNT if account.get("email") == "default" else account.get("email")
        if email not in catalogue.ACCOUNTS:
            words = f"The resource '{email}' of type 'serviceAccount' was not found."
            raise GoogleError(404, words, "notFound")
        made.append({"email": email, "scopes": list(account.get("scopes") or ())})
    return made
