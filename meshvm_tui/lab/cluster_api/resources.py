"""What happens to objects: get, create, update, patch and delete, with dry run, preconditions and subresources."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.cluster_api import bodies, managed_fields, patches, schemas
from meshvm_tui.lab.cluster_api.errors import (
    ApiError,
    Cause,
    bad_request,
    conflict,
    details,
    invalid,
    method_not_allowed,
    no_such_path,
    no_such_resource,
    not_found,
    success,
    unsupported_media_type,
)
from meshvm_tui.lab.cluster_api.request_info import RequestInfo, flag
from meshvm_tui.lab.cluster_api.writes import Write, check_body
from meshvm_tui.lab.objects import Objects

JSON = dict[str, Any]
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_RETURNED_WHEN_DELETED = {"core/pods", "core/services", "core/serviceaccounts"}
_MAX_MANAGER = 128


@dataclass
class Answer:
    """An object to be sent, with its code and warnings."""

    obj: JSON
    code: int = 200
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """A write request, read."""

    info: RequestInfo
    query: Mapping[str, str]
    content_type: str
    body: bytes
    agent: str

    @property
    def write(self) -> Write:
        """Who writes, and how."""
        manager = self.query.get("fieldManager") or self.agent.partition("/")[0] or "unknown"
        if len(manager) > _MAX_MANAGER:
            text = f"Too long: may not be more than {_MAX_MANAGER} bytes"
            raise invalid("meta.k8s.io", "PatchOptions", "", [Cause("FieldValueTooLong", text, "fieldManager")])
        dry_run = self.query.get("dryRun", "")
        if dry_run not in {"", "All"}:
            text = f'Unsupported value: ["{dry_run}"]: supported values: "All"'
            options = f"{self.info.verb.capitalize()}Options"
            raise invalid("meta.k8s.io", options, "", [Cause("FieldValueNotSupported", text, "dryRun")])
        return Write(manager, self.info.version, self.info.subresource, bool(dry_run))


class Resources:
    """The writing half of the API. `may_create` tells whether an apply may create what is not there."""

    def __init__(self, objects: Objects, pod_stop_seconds: float) -> None:
        self._objects = objects
        self._pod_stop_seconds = pod_stop_seconds

    def get(self, info: RequestInfo) -> JSON:
        """One object."""
        self._check_subresource(info)
        return self._objects.need(info.kind, _namespace(info), info.name)

    def create(self, call: Call) -> Answer:
        """POST."""
        info = call.info
        if info.name:
            raise method_not_allowed()
        body = bodies.read_object(call.content_type, call.body)
        body = check_body(info.kind, info.version, body, info.namespace)
        body, warnings = _known_fields(call, body)
        return Answer(self._objects.insert(info.kind, body, call.write), 201, warnings)

    def update(self, call: Call) -> Answer:
        """PUT."""
        info = call.info
        self._check_subresource(info)
        body = bodies.read_object(call.content_type, call.body)
        body = check_body(info.kind, info.version, body, _namespace(info), info.name)
        body, warnings = _known_fields(call, body)
        if info.subresource == "finalize":
            return Answer(self._finalize(info, body))
        live = self._objects.need(info.kind, _namespace(info), info.name)
        if info.kind.custom and not body["metadata"].get("resourceVersion"):
            text = "Invalid value: 0: must be specified for an update"
            cause = Cause("FieldValueInvalid", text, "metadata.resourceVersion")
            raise invalid(info.kind.group, info.kind.plural, info.name, [cause])
        return Answer(self._objects.replace(info.kind, live, body, call.write), 200, warnings)

    def patch(self, call: Call, may_create: Callable[[], None]) -> Answer:
        """PATCH of every type."""
        info = call.info
        self._check_subresource(info)
        kind = bodies.media_type(call.content_type)
        if kind == _APPLY:
            return self._apply(call, may_create)
        if "force" in call.query:
            text = "Forbidden: may not be specified for non-apply patch"
            raise invalid("meta.k8s.io", "PatchOptions", "", [Cause("FieldValueForbidden", text, "force")])
        if kind not in _patch_types(info):
            raise unsupported_media_type(_patch_types(info))
        live = self._objects.need(info.kind, _namespace(info), info.name)
        shown = {**live, "apiVersion": info.kind.api_version(info.version)}
        patch = bodies.read_json(call.body)
        if kind == _JSON_PATCH:
            made = patches.json_patch(shown, patch)
        elif not isinstance(patch, dict):
            raise bad_request("the patch is not an object")
        elif kind == _MERGE_PATCH:
            made = patches.merge_patch(shown, patch)
        else:
            made = patches.strategic_merge(info.kind, shown, patch)
        body = check_body(info.kind, info.version, made, _namespace(info), info.name)
        body, warnings = _known_fields(call, body)
        return Answer(self._objects.replace(info.kind, live, body, call.write), 200, warnings)

    def _apply(self, call: Call, may_create: Callable[[], None]) -> Answer:
        info, kind = call.info, call.info.kind
        config = bodies.read_yaml(call.body)
        _check_apply(call, config)
        metadata_as_sent = config.get("metadata") or {}
        config = check_body(kind, info.version, config, _namespace(info), info.name)
        _check_declared(info, config, metadata_as_sent)
        metadata = dict(config["metadata"])
        if metadata.pop("managedFields", None):
            raise bad_request("metadata.managedFields must be nil")
        version = metadata.pop("resourceVersion", "")
        config = _applied_part(info, {**config, "metadata": metadata})
        write = call.write
        manager = write.owner(kind, self._objects.clock.timestamp(), "Apply")
        force = flag(call.query, "force")
        record = self._objects.record(kind.key, _namespace(info), info.name)
        if record is None:
            if info.subresource or version:
                raise not_found(kind.group, kind.plural, info.name)
            may_create()
            made, owners = managed_fields.apply(kind, {"metadata": {}}, config, manager, [], force=force)
            return Answer(self._objects.insert(kind, made, write, owners), 201)
        live = record.obj
        owners = managed_fields.read(live)
        made, owners = managed_fields.apply(kind, live, config, manager, owners, force=force)
        made = {**made, "metadata": {**made["metadata"], **({"resourceVersion": version} if version else {})}}
        return Answer(self._objects.replace(kind, live, made, write, owners))

    def delete(self, call: Call) -> Answer:
        """DELETE of one object."""
        info = call.info
        if info.subresource:
            raise method_not_allowed()
        options = _delete_options(call)
        live = self._objects.need(info.kind, _namespace(info), info.name)
        return self._delete_one(info, live, options)

    def delete_collection(self, info: RequestInfo, selected: list[JSON], call: Call) -> JSON:
        """DELETE of a collection; gives the list of what was deleted."""
        options = _delete_options(call)
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

    def _finalize(self, info: RequestInfo, body: JSON) -> JSON:
        live = self._objects.need(info.kind, "", info.name)
        finalizers = (body.get("spec") or {}).get("finalizers") or []
        made = {**live, "spec": {**live.get("spec", {}), "finalizers": finalizers}}
        return self._objects.replace(info.kind, live, made, Write("finalize", whole=True))

    def _check_subresource(self, info: RequestInfo) -> None:
        if not info.name:
            raise method_not_allowed()
        allowed = {""} | ({"status"} if info.kind.has_status else set())
        if info.kind.key == "core/namespaces":
            allowed.add("finalize")
        if info.subresource not in allowed:
            raise no_such_path() if info.kind.custom else no_such_resource()


def _ended(pod: JSON, now: str) -> JSON:
    """A Pod that is gone, as the answer to its deletion shows it."""
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": now, "deletionGracePeriodSeconds": 0}}


def _namespace(info: RequestInfo) -> str:
    return info.namespace if info.kind.namespaced else ""


def _patch_types(info: RequestInfo) -> list[str]:
    types = [_JSON_PATCH, _MERGE_PATCH]
    if not info.kind.custom:
        types.append(_STRATEGIC)
    return [*types, _APPLY]


def _check_apply(call: Call, config: Any) -> None:
    if not isinstance(config, dict):
        raise bad_request("the applied configuration is not an object")
    if not call.query.get("fieldManager"):
        text = "Required value: is required for apply patch"
        raise invalid("meta.k8s.io", "PatchOptions", "", [Cause("FieldValueRequired", text, "fieldManager")])
    group, _, version = str(config.get("apiVersion") or "").rpartition("/")
    if not version or not config.get("kind"):
        raise bad_request(f"invalid object type: {group}/{version}, Kind={config.get('kind', '')}")


def _check_declared(info: RequestInfo, config: JSON, metadata: JSON) -> None:
    """An apply of a field that the schema does not know; kube-apiserver answers it with 500 and no reason."""
    kind = info.kind
    schema = kind.schemas.get(info.version, {}) if kind.custom else {}
    _, unknown = schemas.prune(schema, config) if schema else (config, [])
    if unknown:
        about = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}; {kind.api_version(info.version)}"
        told = f"failed to create typed patch object ({about}, Kind={kind.kind})"
        raise ApiError(500, "", f"{told}: .{unknown[0]}: field not declared in schema")


def _applied_part(info: RequestInfo, config: JSON) -> JSON:
    """What an apply may own: the status only through its subresource, and nothing else through it."""
    if info.subresource == "status":
        return {key: value for key, value in config.items() if key != "spec"}
    if info.kind.has_status:
        return {key: value for key, value in config.items() if key != "status"}
    return config


def _known_fields(call: Call, body: JSON) -> tuple[JSON, tuple[str, ...]]:
    """The body without unknown fields of custom resources; refused or warned of as fieldValidation says."""
    kind = call.info.kind
    schema = kind.schemas.get(call.info.version, {}) if kind.custom else {}
    if not schema:
        return body, ()
    pruned, unknown = schemas.prune(schema, body)
    told = [f'unknown field "{path}"' for path in unknown]
    match call.query.get("fieldValidation", "Warn"):
        case "Strict" if told:
            head = f'{kind.kind} in version "{call.info.version}" cannot be handled as a {kind.kind}'
            raise bad_request(f"{head}: strict decoding error: {', '.join(told)}")
        case "Ignore":
            return pruned, ()
    return pruned, tuple(told)


def _delete_options(call: Call) -> JSON:
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
