"""The scale subresource of Deployments and ReplicaSets: their replicas as an autoscaling/v1 Scale."""

from __future__ import annotations

from typing import Any

from meshvm_tui.lab.cluster_api import bodies, patches
from meshvm_tui.lab.cluster_api.calls import Call
from meshvm_tui.lab.cluster_api.errors import bad_request, method_not_allowed
from meshvm_tui.lab.cluster_api.writes import Write
from meshvm_tui.lab.objects import Objects

JSON = dict[str, Any]
SCALABLE = frozenset({"apps/deployments", "apps/replicasets"})


def of(obj: JSON) -> JSON:
    """The Scale of an object."""
    metadata, spec = obj["metadata"], obj["spec"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},  # zero is left out
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def write(objects: Objects, call: Call) -> JSON:
    """PUT or PATCH of a Scale; gives the new one."""
    info = call.info
    live = objects.need(info.kind, info.home, info.name)
    if info.verb == "update":
        wanted = bodies.read_object(call.content_type, call.body)
    elif info.verb == "patch":
        patch = bodies.read_json(call.body)
        listed = isinstance(patch, list)
        wanted = patches.json_patch(of(live), patch) if listed else patches.merge_patch(of(live), patch)
    else:
        raise method_not_allowed()
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int):
        raise bad_request("Scale: spec.replicas is not a number")
    version = (wanted.get("metadata") or {}).get("resourceVersion")
    metadata = {**live["metadata"], **({"resourceVersion": version} if version else {})}
    body = {**live, "metadata": metadata, "spec": {**live["spec"], "replicas": replicas}}
    asked = call.write
    writer = Write(asked.manager, info.version, "scale", asked.dry_run)
    return of(objects.replace(info.kind, live, body, writer))
