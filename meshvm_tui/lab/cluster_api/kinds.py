"""The kinds that the API server serves: what it knows of each, and the printer columns of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A printer column: its name, its OpenAPI type, and the JSONPath it shows (or "" where code makes the cell)."""

    name: str
    type: str = "string"
    path: str = ""
    priority: int = 0
    format: str = ""
    description: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of object. `versions` stand in order of preference; all of them show the same objects."""

    group: str
    versions: tuple[str, ...]
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    has_status: bool = True
    has_generation: bool = True
    custom: bool = False
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    singular: str = ""
    list_kind: str = ""
    schemas: JSON = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """`group/plural`, with `core` for the group without a name."""
        return f"{self.group or 'core'}/{self.plural}"

    def api_version(self, version: str = "") -> str:
        """As it stands in an object; the preferred version where none is named."""
        version = version or self.versions[0]
        return f"{self.group}/{version}" if self.group else version

    @property
    def list_name(self) -> str:
        """The kind of a list of these."""
        return self.list_kind or f"{self.kind}List"


def _core(plural: str, kind: str, *short: str, **more: Any) -> Kind:
    return Kind("", ("v1",), plural, kind, short_names=short, **more)


def _plain(plural: str, kind: str, *short: str, **more: Any) -> Kind:
    """A core kind without status and generation."""
    return _core(plural, kind, *short, has_status=False, has_generation=False, **more)


def _rbac(plural: str, kind: str, *, namespaced: bool) -> Kind:
    group = "rbac.authorization.k8s.io"
    return Kind(group, ("v1",), plural, kind, namespaced, has_status=False, has_generation=False)


def _admission(plural: str, kind: str) -> Kind:
    return Kind("admissionregistration.k8s.io", ("v1",), plural, kind, namespaced=False, has_status=False)


_ALL = ("all",)

BUILT_IN: tuple[Kind, ...] = (
    _core("namespaces", "Namespace", "ns", namespaced=False, has_generation=False),
    _core("nodes", "Node", "no", namespaced=False, has_generation=False),
    _core("pods", "Pod", "po", has_generation=False, categories=_ALL),
    _core("services", "Service", "svc", has_generation=False, categories=_ALL),
    _plain("serviceaccounts", "ServiceAccount", "sa"),
    _plain("configmaps", "ConfigMap", "cm"),
    _plain("secrets", "Secret"),
    _plain("events", "Event", "ev"),
    _plain("endpoints", "Endpoints", "ep", list_kind="EndpointsList", singular="endpoints"),
    Kind("apps", ("v1",), "deployments", "Deployment", short_names=("deploy",), categories=_ALL),
    Kind("apps", ("v1",), "replicasets", "ReplicaSet", short_names=("rs",), categories=_ALL),
    Kind("autoscaling", ("v2", "v1"), "horizontalpodautoscalers", "HorizontalPodAutoscaler", short_names=("hpa",)),
    Kind("policy", ("v1",), "poddisruptionbudgets", "PodDisruptionBudget", short_names=("pdb",)),
    Kind("discovery.k8s.io", ("v1",), "endpointslices", "EndpointSlice", has_status=False),
    Kind("coordination.k8s.io", ("v1",), "leases", "Lease", has_status=False, has_generation=False),
    _rbac("roles", "Role", namespaced=True),
    _rbac("rolebindings", "RoleBinding", namespaced=True),
    _rbac("clusterroles", "ClusterRole", namespaced=False),
    _rbac("clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _admission("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    _admission("validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    Kind(
        "apiextensions.k8s.io",
        ("v1",),
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short_names=("crd", "crds"),
    ),
)

CRD_KEY = "apiextensions.k8s.io/customresourcedefinitions"

# Groups without objects of their own: reviews only.
REVIEW_GROUPS: dict[str, str] = {"authentication.k8s.io": "v1", "authorization.k8s.io": "v1"}


class Kinds:
    """The kinds served now: the built-in ones and those of living CustomResourceDefinitions."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {kind.key: kind for kind in BUILT_IN}

    def get(self, key: str) -> Kind | None:
        """The kind behind `group/plural`."""
        return self._kinds.get(key)

    def all(self) -> Iterable[Kind]:
        """Every kind that is served."""
        return tuple(self._kinds.values())

    def groups(self) -> list[str]:
        """The named groups, in the order in which they came; reviews included."""
        groups = dict.fromkeys(kind.group for kind in self._kinds.values() if kind.group)
        return [*groups, *(group for group in REVIEW_GROUPS if group not in groups)]

    def versions(self, group: str) -> list[str]:
        """The versions of a group, the preferred one first."""
        found = dict.fromkeys(v for kind in self._kinds.values() if kind.group == group for v in kind.versions)
        if group in REVIEW_GROUPS:
            found[REVIEW_GROUPS[group]] = None
        return sorted(found, key=_version_order)

    def of_version(self, group: str, version: str) -> list[Kind]:
        """The kinds of one group and version."""
        return [kind for kind in self._kinds.values() if kind.group == group and version in kind.versions]

    def serve(self, crd: JSON) -> Kind:
        """Serves what a CustomResourceDefinition defines."""
        kind = _from_definition(crd)
        self._kinds[kind.key] = kind
        return kind

    def withdraw(self, crd: JSON) -> str:
        """Serves it no longer; gives the key."""
        key = f"{crd['spec']['group']}/{crd['spec']['names']['plural']}"
        self._kinds.pop(key, None)
        return key


def _from_definition(crd: JSON) -> Kind:
    spec, names = crd["spec"], crd["spec"]["names"]
    served = sorted((v for v in spec["versions"] if v.get("served", True)), key=lambda v: _version_order(v["name"]))
    first = served[0]
    return Kind(
        group=spec["group"],
        versions=tuple(version["name"] for version in served),
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec.get("scope", "Namespaced") == "Namespaced",
        short_names=tuple(names.get("shortNames", ())),
        has_status="status" in (first.get("subresources") or {}),
        custom=True,
        categories=tuple(names.get("categories", ())),
        columns=tuple(_column(column) for column in first.get("additionalPrinterColumns", ())),
        singular=names.get("singular", ""),
        list_kind=names.get("listKind", ""),
        schemas={v["name"]: (v.get("schema") or {}).get("openAPIV3Schema", {}) for v in served},
    )


def _column(column: JSON) -> Column:
    return Column(
        name=column["name"],
        type=column["type"],
        path=column["jsonPath"],
        priority=column.get("priority", 0),
        format=column.get("format", ""),
        description=column.get("description", ""),
    )


def _version_order(version: str) -> tuple[int, int, int]:
    """Kubernetes' order: stable before beta before alpha, the higher number first."""
    stage = 1 if "beta" in version else 2 if "alpha" in version else 0
    major, _, minor = version.removeprefix("v").replace("beta", " ").replace("alpha", " ").partition(" ")
    return (stage, -int(major or 0), -int(minor or 0))
