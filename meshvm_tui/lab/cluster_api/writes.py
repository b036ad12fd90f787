"""What becomes of an object on its way into the store: metadata, status, defaults, validation, generation, owners."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.cluster_api import managed_fields
from meshvm_tui.lab.cluster_api.defaults import allocate, apply_defaults, initial_status
from meshvm_tui.lab.cluster_api.errors import Cause, bad_request, conflict, invalid, stale
from meshvm_tui.lab.cluster_api.kinds import Kind
from meshvm_tui.lab.cluster_api.managed_fields import Manager, Owners
from meshvm_tui.lab.cluster_api.names import generated
from meshvm_tui.lab.cluster_api.validation import validate

JSON = dict[str, Any]
# Without an apiserver's own hand these are born by conditions of their own controllers.
_OWN_STATUS = frozenset({"Namespace", "Service", "Pod", "Deployment", "ReplicaSet", "CustomResourceDefinition"})
_SERVER_METADATA = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


@dataclass(frozen=True)
class Write:
    """Who writes, through which version and subresource. `whole` lets the lab's controllers write all at once."""

    manager: str
    version: str = ""
    subresource: str = ""
    dry_run: bool = False
    whole: bool = False

    def owner(self, kind: Kind, now: str, operation: str = "Update") -> Manager:
        """The entry of managedFields that this write leaves."""
        return Manager(self.manager, operation, kind.api_version(self.version), self.subresource, now)


Siblings = Callable[[], Sequence[JSON]]


def prepare_new(
    kind: Kind, body: JSON, write: Write, now: str, siblings: Siblings, *, owners: Owners | None = None
) -> JSON:
    """A new object, complete but for its resourceVersion. `owners` is given where it was applied."""
    obj = copied(body)
    version = write.version or kind.versions[0]
    metadata = obj["metadata"] = dict(obj.get("metadata") or {})
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generated(str(metadata["generateName"]))
    if not metadata.get("name"):
        raise _nameless(kind)
    for key in (*_SERVER_METADATA, "managedFields", "resourceVersion", "selfLink"):
        metadata.pop(key, None)
    if kind.has_status and not write.whole:
        obj.pop("status", None)
    given = obj.get("status")
    if not kind.custom:
        apply_defaults(kind.kind, obj)
    validate(kind, version, obj)
    if kind.kind in _OWN_STATUS and not kind.custom and not given:
        initial_status(kind.kind, obj, now)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now
    if kind.has_generation:
        metadata["generation"] = 1
    if owners is None:
        owners = managed_fields.track_update(kind, {}, _without_status(kind, obj), write.owner(kind, now), [])
    managed_fields.write(obj, owners)
    if not kind.custom:
        allocate(kind.kind, obj, siblings)
    return canonical(kind, obj)


def prepare_update(  # noqa: PLR0917 - all that an update is made of
    kind: Kind, live: JSON, body: JSON, write: Write, now: str, siblings: Siblings, *, owners: Owners | None = None
) -> JSON:
    """What replaces `live`; the same object where nothing changed. `owners` is given where it was applied."""
    version = write.version or kind.versions[0]
    obj = copied(body)
    metadata = obj["metadata"] = dict(obj.get("metadata") or {})
    _check_identity(kind, live, metadata)
    given = metadata.get("managedFields")
    if write.subresource == "status":
        obj = {**copied(live), **({"status": obj["status"]} if "status" in obj else {})}
    elif kind.has_status and not write.whole:
        obj.pop("status", None)
        if "status" in live:
            obj["status"] = copied(live["status"])
    metadata = obj["metadata"] = dict(obj["metadata"])
    metadata.pop("selfLink", None)
    for key in (*_SERVER_METADATA, "name", "namespace", "generateName"):
        metadata.pop(key, None)
        if key in live["metadata"]:
            metadata[key] = live["metadata"][key]
    _keep_addresses(kind, obj, live)
    if not kind.custom:
        apply_defaults(kind.kind, obj)
    validate(kind, version, obj, live)
    if kind.has_generation and _substance(obj) != _substance(live):
        metadata["generation"] = live["metadata"].get("generation", 1) + 1
    if owners is None:
        base = managed_fields.read(_base(live, given))
        owners = _tracked(kind, live, obj, write, now=now, base=base)
    managed_fields.write(obj, owners)
    if not kind.custom:
        allocate(kind.kind, obj, siblings)
    obj = canonical(kind, obj)
    obj["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    return live if same(obj, live) else obj


def _tracked(kind: Kind, live: JSON, obj: JSON, write: Write, *, now: str, base: Owners) -> Owners:
    owner = write.owner(kind, now)
    if not write.whole or not kind.has_status:
        return managed_fields.track_update(kind, live, obj, owner, base)
    # The lab's controllers write status and the rest together; in life these are two requests.
    halfway = {**obj, "status": live.get("status")}
    base = managed_fields.track_update(kind, live, halfway, owner, base)
    reporter = Manager(owner.name, owner.operation, owner.api_version, "status", now)
    return managed_fields.track_update(kind, halfway, obj, reporter, base)


def _base(live: JSON, given: Any) -> JSON:
    """The owners to begin with: those of the request where it names some, none where it empties them."""
    if not isinstance(given, list):
        return live
    return {"metadata": {"managedFields": [entry for entry in given if entry]}}


def _check_identity(kind: Kind, live: JSON, metadata: JSON) -> None:
    name = live["metadata"]["name"]
    uid = metadata.get("uid")
    if uid and uid != live["metadata"]["uid"]:
        place = "/".join(filter(None, (kind.group, kind.plural, live["metadata"].get("namespace"), name)))
        why = (
            f"StorageError: invalid object, Code: 4, Key: /registry/{place}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {live['metadata']['uid']}"
        )
        raise conflict(kind.group, kind.plural, name, why)
    version = metadata.get("resourceVersion")
    if version and str(version) != live["metadata"]["resourceVersion"]:
        raise stale(kind.group, kind.plural, name)


def _keep_addresses(kind: Kind, obj: JSON, live: JSON) -> None:
    """A Service keeps what the server allocated where an update leaves it open."""
    if kind.kind != "Service" or kind.custom or not isinstance(obj.get("spec"), dict):
        return
    obj["spec"] = spec = dict(obj["spec"])
    before = live.get("spec", {})
    if spec.get("type") == "ExternalName":
        return
    for key in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
        if not spec.get(key) and before.get(key):
            spec[key] = before[key]
    ports = {port.get("port"): port.get("nodePort") for port in before.get("ports") or ()}
    if spec.get("type", "ClusterIP") != "ClusterIP" and spec.get("ports"):
        spec["ports"] = [
            {**port, "nodePort": ports[port["port"]]}
            if not port.get("nodePort") and ports.get(port.get("port"))
            else port
            for port in spec["ports"]
        ]


def _nameless(kind: Kind) -> Exception:
    cause = Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
    return invalid(kind.group, kind.kind, "", [cause])


def check_body(kind: Kind, version: str, body: Any, namespace: str, name: str = "") -> JSON:
    """The body as an object of this kind in this place; raises 400 as the real one does."""
    if not isinstance(body, dict):
        raise bad_request("the request body is not an object")
    wanted = kind.api_version(version)
    if not kind.custom:
        body = without_nulls(body)
    # Only the built-in kinds can be known without being named.
    named = (body.get("apiVersion", "" if kind.custom else wanted), body.get("kind", "" if kind.custom else kind.kind))
    if not named[1]:
        head = f"the object provided is unrecognized (must be of type {kind.kind})"
        raise bad_request(f"{head}: Object 'Kind' is missing in '{json.dumps(body)}'")
    if named[0] != wanted:
        told = f"the API version in the data ({named[0]}) does not match the expected API version ({wanted})"
        raise bad_request(told)
    if named[1] != kind.kind:
        told = f"the kind in the data ({named[1]}) does not match the expected kind ({kind.kind})"
        raise bad_request(told)
    metadata = dict(body.get("metadata") or {})
    _check_strings(kind, body, metadata)
    if namespace and metadata.get("namespace", namespace) not in {namespace, ""}:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if name and metadata.get("name", name) not in {name, ""}:
        raise bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")
    if kind.namespaced:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    if name:
        metadata["name"] = name
    return {**body, "apiVersion": wanted, "kind": kind.kind, "metadata": metadata}


def _check_strings(kind: Kind, body: JSON, metadata: JSON) -> None:
    """Maps of strings hold strings: 400 as the decoder of kube-apiserver says it."""
    maps = [(f"ObjectMeta.metadata.{name}", metadata.get(name)) for name in ("labels", "annotations")]
    if kind.key in {"core/configmaps", "core/secrets"}:
        maps.append((f"{kind.kind}.data", body.get("data")))
    for field, values in maps:
        wrong = next((v for v in (values or {}).values() if not isinstance(v, str)), None)
        if wrong is not None:
            held = "bool" if isinstance(wrong, bool) else "number" if isinstance(wrong, int | float) else "object"
            head = f'{kind.kind} in version "{kind.versions[0]}" cannot be handled as a {kind.kind}'
            told = f"json: cannot unmarshal {held} into Go struct field {field} of type string"
            raise bad_request(f"{head}: {told}")


def canonical(kind: Kind, obj: JSON) -> JSON:
    """The object as it is stored: the preferred version, the type first, no empty metadata maps."""
    metadata = {key: value for key, value in obj["metadata"].items() if value not in ({}, [], None, "")}
    rest = {
        key: value for key, value in obj.items() if key not in {"apiVersion", "kind", "metadata"} and value is not None
    }
    return {"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": metadata, **rest}


def same(one: JSON, other: JSON) -> bool:
    """Whether two objects are equal but for the times at which their fields were last written."""

    def timeless(obj: JSON) -> JSON:
        fields = [{**entry, "time": ""} for entry in obj["metadata"].get("managedFields", ())]
        return {**obj, "metadata": {**obj["metadata"], "managedFields": fields}}

    return timeless(one) == timeless(other)


def _substance(obj: JSON) -> JSON:
    return {key: value for key, value in obj.items() if key not in {"metadata", "status", "apiVersion"}}


def _without_status(kind: Kind, obj: JSON) -> JSON:
    return {key: value for key, value in obj.items() if key != "status"} if kind.has_status else obj


def without_nulls(value: Any) -> Any:
    """JSON without its nulls, which for the built-in kinds say the same as an absent field."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def copied(obj: JSON) -> JSON:
    """A deep copy of an object; several times faster than copy.deepcopy."""
    return {key: _copy(item) for key, item in obj.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value
