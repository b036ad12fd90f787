"""Discovery: which groups, versions and resources are served."""

from __future__ import annotations

from typing import Any

from meshvm_tui.lab.cluster_api.errors import no_such_path
from meshvm_tui.lab.cluster_api.kinds import REVIEW_GROUPS, Kind, Kinds
from meshvm_tui.lab.cluster_api.scale import SCALABLE

JSON = dict[str, Any]
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_REVIEWS: dict[str, tuple[tuple[str, str], ...]] = {
    "authentication.k8s.io": (("selfsubjectreviews", "SelfSubjectReview"), ("tokenreviews", "TokenReview")),
    "authorization.k8s.io": (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        ("subjectaccessreviews", "SubjectAccessReview"),
    ),
}
VERSION: JSON = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.1-meshvm-lab",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-05-15T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}


def answer(kinds: Kinds, path: str, address: str) -> JSON:
    """The document at a discovery path; 404 for others."""
    match [part for part in path.split("/") if part]:
        case ["version"]:
            return VERSION
        case ["api"]:
            served = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": served}
        case ["api", "v1"]:
            return _resources(kinds, "", "v1")
        case ["apis"]:
            groups = [_group(kinds, group) for group in kinds.groups()]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group] if group in kinds.groups():
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(kinds, group)}
        case ["apis", group, version] if version in kinds.versions(group):
            return _resources(kinds, group, version)
    raise no_such_path()


def _group(kinds: Kinds, group: str) -> JSON:
    versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in kinds.versions(group)]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _resources(kinds: Kinds, group: str, version: str) -> JSON:
    resources = [entry for kind in kinds.of_version(group, version) for entry in _resource(kind)]
    if REVIEW_GROUPS.get(group) == version:
        resources += [
            {"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind, "verbs": ["create"]}
            for plural, kind in _REVIEWS[group]
        ]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _resource(kind: Kind) -> list[JSON]:
    entry: JSON = {
        "name": kind.plural,
        "singularName": kind.singular or kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": _VERBS,
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    found = [entry]
    below = {"singularName": "", "namespaced": kind.namespaced}
    if kind.has_status:
        verbs = ["get", "patch", "update"]
        found.append({"name": f"{kind.plural}/status", **below, "kind": kind.kind, "verbs": verbs})
    if kind.key in SCALABLE:
        shown = {"group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]}
        found.append({"name": f"{kind.plural}/scale", **below, **shown})
    if kind.key == "core/serviceaccounts":
        token = {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest", "verbs": ["create"]}
        found.append({"name": "serviceaccounts/token", **below, **token})
    if kind.key == "core/pods":
        found.append({"name": "pods/log", **below, "kind": "Pod", "verbs": ["get"]})
    if kind.key == "core/namespaces":
        found.append({"name": "namespaces/finalize", **below, "kind": "Namespace", "verbs": ["update"]})
    return found
