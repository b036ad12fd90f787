"""What happens to objects: get, create, update, patch and apply, and their subresources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meshvm_tui.lab.cluster_api import bodies, built_in_fields, managed_fields, patches, schemas
from meshvm_tui.lab.cluster_api.calls import Answer, Call
from meshvm_tui.lab.cluster_api.errors import (
    ApiError,
    Cause,
    bad_request,
    invalid,
    method_not_allowed,
    no_such_path,
    no_such_resource,
    not_found,
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


class Resources:
    """The writing half of the API. `may_create` tells whether an apply may create what is not there."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def get(self, info: RequestInfo) -> JSON:
        """One object."""
        self._check_subresource(info)
        return self._objects.need(info.kind, info.home, info.name)

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
        body = check_body(info.kind, info.version, body, info.home, info.name)
        body, warnings = _known_fields(call, body)
        if info.subresource == "finalize":
            return Answer(self._finalize(info, body))
        live = self._objects.need(info.kind, info.home, info.name)
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
        live = self._objects.need(info.kind, info.home, info.name)
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
        body = check_body(info.kind, info.version, made, info.home, info.name)
        body, warnings = _known_fields(call, body)
        return Answer(self._objects.replace(info.kind, live, body, call.write), 200, warnings)

    def _apply(self, call: Call, may_create: Callable[[], None]) -> Answer:
        info, kind = call.info, call.info.kind
        config = bodies.read_yaml(call.body)
        _check_apply(call, config)
        metadata_as_sent = config.get("metadata") or {}
        config = check_body(kind, info.version, config, info.home, info.name)
        _check_declared(info, config, metadata_as_sent)
        metadata = dict(config["metadata"])
        if metadata.pop("managedFields", None):
            raise bad_request("metadata.managedFields must be nil")
        version = metadata.pop("resourceVersion", "")
        config = _applied_part(info, {**config, "metadata": metadata})
        write = call.write
        manager = write.owner(kind, self._objects.clock.timestamp(), "Apply")
        force = flag(call.query, "force")
        record = self._objects.record(kind.key, info.home, info.name)
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
    """An apply that does not fit the schema: kube-apiserver answers it with 500 and no reason.

    Of built-in kinds the lab knows the fields' names but not their types.
    """
    kind = info.kind
    wrong = ""
    if kind.custom:
        schema = kind.schemas.get(info.version, {})
        unknown = schemas.prune(schema, config)[1]
        wrong = schemas.misfit(schema, config)
    else:
        unknown = built_in_fields.undeclared(kind, info.version, config)
    if unknown:
        wrong = f".{unknown[0]}: field not declared in schema"
    if wrong:
        about = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}; {kind.group}/{info.version}"
        raise ApiError(500, "", f"failed to create typed patch object ({about}, Kind={kind.kind}): {wrong}")


def _applied_part(info: RequestInfo, config: JSON) -> JSON:
    """What an apply may own: the status only through its subresource, and nothing else through it."""
    if info.subresource == "status":
        return {key: value for key, value in config.items() if key != "spec"}
    if info.kind.has_status:
        return {key: value for key, value in config.items() if key != "status"}
    return config


def _known_fields(call: Call, body: JSON) -> tuple[JSON, tuple[str, ...]]:
    """The body without unknown fields; they are refused or warned of as fieldValidation says."""
    kind, version = call.info.kind, call.info.version
    if kind.custom:
        pruned, unknown = schemas.prune(kind.schemas.get(version, {}), body)
    else:
        pruned, unknown = built_in_fields.prune(kind, version, body)
    told = [f'unknown field "{path}"' for path in unknown]
    match call.query.get("fieldValidation", "Warn"):
        case "Strict" if told:
            head = f'{kind.kind} in version "{call.info.version}" cannot be handled as a {kind.kind}'
            raise bad_request(f"{head}: strict decoding error: {', '.join(told)}")
        case "Ignore":
            return pruned, ()
    return pruned, tuple(told)
