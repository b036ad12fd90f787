"""/openapi/v3: as much of it as kubectl reads to learn that `apply` can be validated by the server."""

from __future__ import annotations

from typing import Any

from meshvm_tui.lab.cluster_api.errors import no_such_path
from meshvm_tui.lab.cluster_api.kinds import Kind, Kinds

JSON = dict[str, Any]
_GROUP_KIND = "x-kubernetes-group-version-kind"
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


def index(kinds: Kinds) -> JSON:
    """Where the document of each group and version is."""
    places = {"api/v1": "/openapi/v3/api/v1"}
    for group in kinds.groups():
        for version in kinds.versions(group):
            places[f"apis/{group}/{version}"] = f"/openapi/v3/apis/{group}/{version}"
    return {"paths": {name: {"serverRelativeURL": f"{place}?hash=lab"} for name, place in places.items()}}


def document(kinds: Kinds, path: str) -> JSON:
    """The document of one group and version; 404 where it is not served."""
    parts = [part for part in path.split("/") if part][2:]
    match parts:
        case ["api", "v1"]:
            group, version = "", "v1"
        case ["apis", group, version] if version in kinds.versions(group):
            pass
        case _:
            raise no_such_path()
    served = kinds.of_version(group, version)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1"},
        "paths": {path: item for kind in served for path, item in _paths(kind, version).items()},
        "components": {"schemas": {_schema_name(kind, version): _schema(kind, version) for kind in served}},
    }


def _paths(kind: Kind, version: str) -> JSON:
    root = f"/apis/{kind.group}/{version}" if kind.group else f"/api/{version}"
    scope = "/namespaces/{namespace}" if kind.namespaced else ""
    named: JSON = _named(kind, version)
    collection = f"{root}{scope}/{kind.plural}"
    return {
        collection: {"post": _operation(named, "post", ("dryRun", "fieldManager", "fieldValidation"))},
        f"{collection}/{{name}}": {
            "get": _operation(named, "get", ()),
            "put": _operation(named, "put", ("dryRun", "fieldManager", "fieldValidation")),
            "patch": _operation(named, "patch", _PARAMETERS),
            "delete": _operation(named, "delete", ("dryRun",)),
        },
    }


def _operation(named: JSON, action: str, parameters: tuple[str, ...]) -> JSON:
    listed = [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in parameters]
    answer = {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "x-kubernetes-action": action,
        _GROUP_KIND: named,
        "parameters": listed,
        "responses": {"200": answer},
    }


def _named(kind: Kind, version: str) -> JSON:
    return {"group": kind.group, "version": version, "kind": kind.kind}


def _schema_name(kind: Kind, version: str) -> str:
    group = ".".join(reversed(kind.group.split("."))) if kind.group else "io.k8s.api.core"
    return f"{group}.{version}.{kind.kind}"


def _schema(kind: Kind, version: str) -> JSON:
    schema = dict(kind.schemas.get(version) or {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        **schema.get("properties", {}),
    }
    return {**schema, "properties": properties, _GROUP_KIND: [_named(kind, version)]}
