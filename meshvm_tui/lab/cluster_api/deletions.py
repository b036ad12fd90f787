"""Deletion: preconditions, grace periods, dry run, and what is answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from meshvm_tui.lab.cluster_api import bodies
from meshvm_tui.lab.cluster_api.calls import Answer, Call
from meshvm_tui.lab.cluster_api.errors import bad_request, conflict, details, method_not_allowed, success
from meshvm_tui.lab.cluster_api.request_info import RequestInfo
from meshvm_tui.lab.objects import Objects

JSON = dict[str, Any]
_RETURNED_WHEN_DELETED = {"core/pods", "core/services", "core/serviceaccounts"}


class Deletions:
    """Deletes objects; a scheduled Pod takes `pod_stop_seconds` to end, within its grace period."""

    def __init__(self, objects: Objects, pod_stop_seconds: float) -> None:
        self._objects = objects
        self._pod_stop_seconds = pod_stop_seconds

    def delete(self, call: Call) -> Answer:
        """DELETE of one object."""
        info = call.info
        if info.subresource:
            raise method_not_allowed()
        options = _options(call)
        live = self._objects.need(info.kind, info.home, info.name)
        return self._delete_one(info, live, options)

    def delete_collection(self, info: RequestInfo, selected: list[JSON], call: Call) -> JSON:
        """DELETE of a collection; gives the list of what was deleted."""
        options = _options(call)
        for live in selected:
            self._delete_one(info, live, options)
        version = info.kind.api_version(info.version)
        metadata = {"resourceVersion": str(self._objects.revision)}
        return {"kind": info.kind.list_name, "apiVersion": version, "metadata": metadata, "items": selected}

    def _delete_one(self, info: RequestInfo, live: JSON, options: JSON) -> Answer:
        kind, metadata = info.kind, live["metadata"]
        preconditions = options.get("preconditions") or {}
        for field, named, happened in (
            ("uid", "UID", "deleted and then recreated"),
            ("resourceVersion", "ResourceVersion", "modified"),
        ):
            wanted = preconditions.get(field)
            if wanted and wanted != metadata[field]:
                told = (
                    f"the {named} in the precondition ({wanted}) does not match the {named} in record "
                    f"({metadata[field]}). The object might have been {happened}"
                )
                raise conflict(kind.group, kind.kind, metadata["name"], told)
        grace = _grace(info, live, options)
        dry_run = bool(options.get("dryRun"))
        obj, gone = self._objects.begin_deletion(kind, live, grace=grace, dry_run=dry_run)
        if not gone:
            if grace and not dry_run:
                self._end_pod(info, obj, grace)
            return Answer(obj)
        if kind.key in _RETURNED_WHEN_DELETED:
            return Answer(_ended(obj, self._objects.clock.timestamp()) if kind.key == "core/pods" else obj)
        return Answer(success(details(kind.group, kind.plural, metadata["name"], metadata["uid"])))

    def _end_pod(self, info: RequestInfo, pod: JSON, grace: int) -> None:
        """The kubelet's part: the Pod is gone a little later, within its grace period."""
        metadata = pod["metadata"]

        def end() -> None:
            record = self._objects.record(info.kind.key, metadata["namespace"], metadata["name"])
            if record is not None and record.obj["metadata"]["uid"] == metadata["uid"]:
                self._objects.begin_deletion(info.kind, record.obj)

        asyncio.get_running_loop().call_later(min(grace, self._pod_stop_seconds), end)


def _ended(pod: JSON, now: str) -> JSON:
    """A Pod that is gone, as the answer to its deletion shows it."""
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": now, "deletionGracePeriodSeconds": 0}}


def _options(call: Call) -> JSON:
    options: JSON = {}
    if call.body.strip():
        options = bodies.read_object(call.content_type, call.body)
    if call.query.get("dryRun"):
        options["dryRun"] = [call.query["dryRun"]]
    if call.query.get("gracePeriodSeconds"):
        try:
            options["gracePeriodSeconds"] = json.loads(call.query["gracePeriodSeconds"])
        except ValueError:
            raise bad_request("gracePeriodSeconds is not a number") from None
    return options


def _grace(info: RequestInfo, live: JSON, options: JSON) -> int:
    """A Pod that a node runs ends after its grace period; one that never ran or has ended goes at once."""
    if info.kind.key != "core/pods" or not live["spec"].get("nodeName"):
        return 0
    if live.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    wanted = options.get("gracePeriodSeconds")
    return int(live["spec"].get("terminationGracePeriodSeconds", 30) if wanted is None else wanted)
