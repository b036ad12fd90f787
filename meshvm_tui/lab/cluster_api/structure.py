"""How lists and maps merge, by kind and path: which lists have keys, which are sets, which maps are one value.

Paths name fields only; items of lists add nothing to them. What is not named here is, as in Kubernetes, an atomic
list or a granular map. The rules are those of the API's `x-kubernetes-list-*` and `x-kubernetes-map-type` marks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from meshvm_tui.lab.cluster_api.kinds import Kind

Path = tuple[str, ...]
SET: tuple[str, ...] = ("=",)
ATOMIC: tuple[str, ...] = ()

_CONTAINER: dict[Path, tuple[str, ...]] = {
    (): ("name",),
    ("ports",): ("containerPort", "protocol"),
    ("env",): ("name",),
    ("volumeMounts",): ("mountPath",),
    ("volumeDevices",): ("devicePath",),
}
_POD_LISTS: dict[Path, tuple[str, ...]] = {
    **{(role, *path): keys for role in ("containers", "initContainers") for path, keys in _CONTAINER.items()},
    ("volumes",): ("name",),
    ("imagePullSecrets",): ("name",),
    ("hostAliases",): ("ip",),
    ("topologySpreadConstraints",): ("topologyKey", "whenUnsatisfiable"),
}
_POD_ATOMIC_MAPS: frozenset[Path] = frozenset(
    [
        ("nodeSelector",),
        *(
            (role, "env", "valueFrom", source)
            for role in ("containers", "initContainers")
            for source in ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
        ),
    ]
)


def _below(prefix: Path, lists: dict[Path, tuple[str, ...]]) -> dict[Path, tuple[str, ...]]:
    return {(*prefix, *path): keys for path, keys in lists.items()}


_CONDITIONS: dict[Path, tuple[str, ...]] = {("status", "conditions"): ("type",)}
_TEMPLATE: Path = ("spec", "template", "spec")

_LISTS: dict[str, dict[Path, tuple[str, ...]]] = {
    "Pod": {**_below(("spec",), _POD_LISTS), **_CONDITIONS, ("status", "podIPs"): ("ip",)},
    "Deployment": {**_below(_TEMPLATE, _POD_LISTS), **_CONDITIONS},
    "ReplicaSet": {**_below(_TEMPLATE, _POD_LISTS), **_CONDITIONS},
    "Service": {("spec", "ports"): ("port", "protocol"), **_CONDITIONS},
    "ServiceAccount": {("secrets",): ("name",)},
    "Namespace": _CONDITIONS,
    "Node": {**_CONDITIONS, ("status", "addresses"): ("type",)},
    "PodDisruptionBudget": _CONDITIONS,
    "HorizontalPodAutoscaler": _CONDITIONS,
    "CustomResourceDefinition": _CONDITIONS,
    "MutatingWebhookConfiguration": {("webhooks",): ("name",)},
    "ValidatingWebhookConfiguration": {("webhooks",): ("name",)},
}
_METADATA_LISTS: dict[Path, tuple[str, ...]] = {
    ("metadata", "ownerReferences"): ("uid",),
    ("metadata", "finalizers"): SET,
}
_ATOMIC_MAPS: dict[str, frozenset[Path]] = {
    "Pod": frozenset(("spec", *path) for path in _POD_ATOMIC_MAPS),
    "Deployment": frozenset([("spec", "selector"), *((*_TEMPLATE, *path) for path in _POD_ATOMIC_MAPS)]),
    "ReplicaSet": frozenset([("spec", "selector"), *((*_TEMPLATE, *path) for path in _POD_ATOMIC_MAPS)]),
    "Service": frozenset([("spec", "selector")]),
    "PodDisruptionBudget": frozenset([("spec", "selector")]),
    "RoleBinding": frozenset([("roleRef",)]),
    "ClusterRoleBinding": frozenset([("roleRef",)]),
    "Event": frozenset([("involvedObject",), ("related",)]),
    "CustomResourceDefinition": frozenset(),
}
_KEY_DEFAULTS = {"protocol": "TCP"}


@lru_cache(maxsize=4096)
def list_keys(kind: Kind, path: Path) -> tuple[str, ...]:
    """The keys that name an item of this list; `SET` where the value itself does; `ATOMIC` where nothing does."""
    if path in _METADATA_LISTS:
        return _METADATA_LISTS[path]
    if kind.custom:
        return _definition_keys(kind, path)
    return _LISTS.get(kind.kind, {}).get(path, ATOMIC)


@lru_cache(maxsize=4096)
def atomic_map(kind: Kind, path: Path) -> bool:
    """Whether this map is owned and replaced as a whole."""
    return not kind.custom and path in _ATOMIC_MAPS.get(kind.kind, frozenset())


def patch_merge_key(kind: Kind, path: Path) -> str:
    """The one key by which strategic merge patch finds an item; "" where the list is replaced as a whole."""
    keys = list_keys(kind, path)
    if keys and keys is not SET:
        return keys[0]
    return ""


def item_key(keys: tuple[str, ...], item: Any) -> tuple[tuple[str, Any], ...] | None:
    """What names an item; None where it has no such fields (a malformed item)."""
    if not isinstance(item, dict):
        return None
    found = tuple((key, item.get(key, _KEY_DEFAULTS.get(key))) for key in sorted(keys))
    return None if any(value is None for _, value in found) else found


def _definition_keys(kind: Kind, path: Path) -> tuple[str, ...]:
    schema: Any = kind.schemas.get(kind.versions[0], {})
    for name in path:
        schema = schema.get("items", schema).get("properties", {}).get(name, {})
    match schema.get("x-kubernetes-list-type"):
        case "map":
            return tuple(schema.get("x-kubernetes-list-map-keys", ()))
        case "set":
            return SET
        case _:
            return ATOMIC
