"""Table answers: the columns that kubectl prints, for built-in kinds and for those of CustomResourceDefinitions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from meshvm_tui.lab.clock import parse_rfc3339
from meshvm_tui.lab.cluster_api.kinds import Column, Kind

JSON = dict[str, Any]
Cells = Callable[[JSON], list[Any]]
_NAME = Column("Name", format="name", description="Name must be unique within a namespace.")
_AGE = Column("Age", description="The time since the object was created.")


def table(kind: Kind, objects: Iterable[JSON], *, now: float, include: str, version: str) -> JSON:
    """A Table of objects without its list metadata; `include` is None, Metadata or Object."""
    columns, cells = _layout(kind, now)
    rows = [{"cells": cells(obj), "object": _shown(kind, obj, include, version)} for obj in objects]
    definitions = [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in columns
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": definitions,
        "rows": rows,
    }


def partial(obj: JSON) -> JSON:
    """PartialObjectMetadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def age(seconds: float) -> str:
    """A duration as kubectl prints it: 5s, 3m20s, 47m, 3h12m, 4d2h, 12d."""
    total = max(0, int(seconds))
    minutes, hours, days = total // 60, total // 3600, total // 86400
    for limit, text in (
        (120, f"{total}s"),
        (600, f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"),
        (3 * 3600, f"{minutes}m"),
        (8 * 3600, f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"),
        (48 * 3600, f"{hours}h"),
        (8 * 86400, f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"),
        (730 * 86400, f"{days}d"),
    ):
        if total < limit:
            return text
    return f"{days // 365}y"


def _shown(kind: Kind, obj: JSON, include: str, version: str) -> JSON | None:
    match include:
        case "None":
            return None
        case "Object":
            return {**obj, "apiVersion": kind.api_version(version)}
    return partial(obj)


def _layout(kind: Kind, now: float) -> tuple[tuple[Column, ...], Cells]:
    def old(obj: JSON) -> str:
        return age(now - parse_rfc3339(obj["metadata"]["creationTimestamp"]))

    if kind.custom:
        columns = kind.columns or (_AGE,)
        return (_NAME, *columns), lambda obj: [
            obj["metadata"]["name"],
            *(old(obj) if column is _AGE else _custom(column, obj, now) for column in columns),
        ]
    names, cells = _BUILT_IN.get(kind.kind, ((), lambda _: []))
    columns = tuple(Column(name) for name in names)
    return (_NAME, *columns, _AGE), lambda obj: [obj["metadata"]["name"], *cells(obj), old(obj)]


def _custom(column: Column, obj: JSON, now: float) -> Any:
    value = _path(obj, column.path)
    if column.type == "date" and isinstance(value, str):
        return age(now - parse_rfc3339(value))
    if column.type in {"integer", "number", "boolean"} or value is None:
        return value
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _path(obj: Any, path: str) -> Any:
    """The simple JSONPaths of printer columns: names, indexes and one condition by its type."""
    for part in re.findall(r'[^.\[\]]+|\[\?\(@\.\w+==["\'][^"\']+["\']\)\]|\[\d+\]', path):
        if part.startswith("[?"):
            field, wanted = re.findall(r"@\.(\w+)==[\"']([^\"']+)", part)[0]
            obj = next((item for item in obj or () if item.get(field) == wanted), None)
        elif part.startswith("["):
            place = int(part[1:-1])
            obj = obj[place] if isinstance(obj, list) and place < len(obj) else None
        else:
            obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def _namespace(obj: JSON) -> list[Any]:
    return [obj.get("status", {}).get("phase", "")]


def _pod(obj: JSON) -> list[Any]:
    status = obj.get("status", {})
    containers = status.get("containerStatuses") or []
    ready = sum(1 for one in containers if one.get("ready"))
    told = status.get("reason") or status.get("phase", "")
    for one in containers:
        state = one.get("state", {})
        told = (state.get("waiting") or state.get("terminated") or {}).get("reason") or told
    if "deletionTimestamp" in obj["metadata"]:
        told = "Terminating"
    total = len(obj.get("spec", {}).get("containers", ()))
    return [f"{ready}/{total}", told, sum(one.get("restartCount", 0) for one in containers)]


def _service(obj: JSON) -> list[Any]:
    spec = obj.get("spec", {})
    ingress = obj.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    given = ",".join(one.get("ip") or one.get("hostname", "") for one in ingress)
    external = given or ("<pending>" if spec.get("type") == "LoadBalancer" else "<none>")
    ports = ",".join(
        f"{port['port']}:{port['nodePort']}/{port['protocol']}"
        if port.get("nodePort")
        else f"{port['port']}/{port['protocol']}"
        for port in spec.get("ports") or ()
    )
    return [spec.get("type", ""), spec.get("clusterIP", "<none>"), external, ports or "<none>"]


def _deployment(obj: JSON) -> list[Any]:
    status, wanted = obj.get("status", {}), obj.get("spec", {}).get("replicas", 1)
    ready = f"{status.get('readyReplicas', 0)}/{wanted}"
    return [ready, status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]


def _replica_set(obj: JSON) -> list[Any]:
    status = obj.get("status", {})
    return [obj.get("spec", {}).get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]


def _event(obj: JSON) -> list[Any]:
    about = obj.get("involvedObject", {})
    named = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
    return [obj.get("type", ""), obj.get("reason", ""), named, obj.get("message", "")]


_BUILT_IN: dict[str, tuple[tuple[str, ...], Cells]] = {
    "Namespace": (("Status",), _namespace),
    "Pod": (("Ready", "Status", "Restarts"), _pod),
    "Service": (("Type", "Cluster-IP", "External-IP", "Port(s)"), _service),
    "Deployment": (("Ready", "Up-to-date", "Available"), _deployment),
    "ReplicaSet": (("Desired", "Current", "Ready"), _replica_set),
    "ConfigMap": (("Data",), lambda obj: [len(obj.get("data") or {}) + len(obj.get("binaryData") or {})]),
    "Secret": (("Type", "Data"), lambda obj: [obj.get("type", ""), len(obj.get("data") or {})]),
    "ServiceAccount": (("Secrets",), lambda obj: [len(obj.get("secrets") or ())]),
    "Event": (("Type", "Reason", "Object", "Message"), _event),
    "MutatingWebhookConfiguration": (("Webhooks",), lambda obj: [len(obj.get("webhooks") or ())]),
    "ValidatingWebhookConfiguration": (("Webhooks",), lambda obj: [len(obj.get("webhooks") or ())]),
}
