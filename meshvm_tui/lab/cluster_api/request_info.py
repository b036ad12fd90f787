"""Which object of which kind a request is about, read from its path, as kube-apiserver's RequestInfo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshvm_tui.lab.cluster_api.errors import no_such_path, no_such_resource
from meshvm_tui.lab.cluster_api.kinds import Kind, Kinds

_TRUE = {"1", "true", "True"}
_SUBRESOURCE_DEPTH = 3


@dataclass(frozen=True)
class RequestInfo:
    """A request on a resource. `verb` is the one that RBAC knows."""

    verb: str
    kind: Kind
    version: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def home(self) -> str:
        """The namespace in which the object lies; "" for cluster-wide kinds, a Namespace too."""
        return self.namespace if self.kind.namespaced else ""

    @property
    def resource(self) -> str:
        """`plural` or `plural/subresource`, as RBAC names it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def parse(kinds: Kinds, method: str, path: str, query: Mapping[str, str]) -> RequestInfo | None:
    """The request's meaning; None for a path that names no resource; 404 for a resource that is not served."""
    parts = [part for part in path.split("/") if part]
    if len(parts) > 2 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) > 3 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    plural = rest[0]
    kind = kinds.get(f"{group or 'core'}/{plural}")
    if kind is None or version not in kind.versions or len(rest) > _SUBRESOURCE_DEPTH:
        if any(not served.custom for served in kinds.of_version(group, version)):
            raise no_such_resource()
        raise no_such_path()
    if bool(namespace) and not kind.namespaced:
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else ""
    if kind.namespaced and name and not namespace:
        raise no_such_path()
    subresource = rest[2] if len(rest) > 2 else ""
    if kind.kind == "Namespace" and not kind.custom:
        namespace = name
    verb = _verb(method, name, watching=query.get("watch", "") in _TRUE)
    return RequestInfo(verb, kind, version, namespace, name, subresource)


def _verb(method: str, name: str, *, watching: bool) -> str:
    match method:
        case "GET" | "HEAD":
            return "watch" if watching else "get" if name else "list"
        case "POST":
            return "create"
        case "PUT":
            return "update"
        case "PATCH":
            return "patch"
        case "DELETE":
            return "delete" if name else "deletecollection"
    return method.lower()


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean query parameter."""
    return query.get(name, "") in _TRUE
