"""A cluster in memory for tests of steps: get, list, server-side apply with managers, create, delete, and a record.

`writes` holds every mutation as (verb, kind, namespace, name); `reads` every look. Server-side apply keeps
managedFields in fieldsV1 form, takes away what its manager no longer wants, and refuses a conflict as MVM-110.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from meshvm_tui import ports
from meshvm_tui.ports import JSON, Access, Resource, Token, WatchEvent
from meshvm_tui.problems import ActionNeeded, PermanentError

FIELD_MANAGER = "meshvm-tui"
RESOURCES = {(r.group, r.kind): r for r in vars(ports).values() if isinstance(r, Resource)}
Key = tuple[str, str, str]


class FakeCluster:
    """Fulfils `ports.Cluster`. Hooks: `denied` (verb, plural) pairs, `after_write` called with each object."""

    context = "fake"
    server = "https://fake:6443"

    def __init__(self, *objects: JSON) -> None:
        self.objects: dict[Key, JSON] = {}
        self.writes: list[tuple[str, str, str, str]] = []
        self.reads: list[tuple[str, str, str, str]] = []
        self.denied: set[tuple[str, str]] = set()
        self.unserved: set[str] = set()
        self.after_write: Callable[[JSON], None] = lambda obj: None
        self.logs: dict[tuple[str, str, str], str] = {}
        self.events: list[WatchEvent] = []
        self.clock: float | None = None
        self._versions = itertools.count(1)
        for obj in objects:
            self.put(obj)

    # What tests do to the world: no record, no conflict.

    def put(self, obj: JSON, *, manager: str = "", operation: str = "Update") -> JSON:
        """Puts an object there as if somebody else had; with a manager, that one owns every field of it."""
        stored = copy.deepcopy(obj)
        metadata = stored.setdefault("metadata", {})
        metadata.setdefault("uid", f"uid-{next(self._versions)}")
        metadata["resourceVersion"] = str(next(self._versions))
        if manager:
            entry = {"manager": manager, "operation": operation, "fieldsV1": field_set(_own(obj))}
            metadata["managedFields"] = [*metadata.get("managedFields", []), entry]
        self.objects[_key(stored)] = stored
        return stored

    def live(self, resource: Resource, name: str, namespace: str = "") -> JSON:
        """The stored object itself, to look at or to change."""
        return self.objects[(resource.plural, namespace, name)]

    def drop(self, resource: Resource, name: str, namespace: str = "") -> None:
        """Takes an object away without a record."""
        del self.objects[(resource.plural, namespace, name)]

    # ports.ClusterReader

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> JSON | None:
        self.reads.append(("get", resource.kind, namespace or "", name))
        self._refuse("get", resource)
        return copy.deepcopy(self.objects.get((resource.plural, namespace or "", name)))

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[JSON]:
        self.reads.append(("list", resource.kind, namespace or "", labels or fields))
        self._refuse("list", resource)
        wanted = [pair.partition("=") for pair in labels.split(",") if pair]
        chosen = [pair.split("=", 1) for pair in fields.split(",") if pair]
        return [
            copy.deepcopy(obj)
            for (plural, place, _), obj in self.objects.items()
            if plural == resource.plural
            and (namespace is None or place == namespace)
            and all(_labelled(obj, key, value, exactly=bool(equals)) for key, equals, value in wanted)
            and all(_field(obj, key) == value for key, value in chosen)
        ]

    def first(self, resource: Resource, count: int) -> Sequence[JSON]:
        return self.list(resource)[:count]

    def watch(self, resource: Resource, namespace: str | None, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        yield WatchEvent("SYNCED", objects=tuple(self.list(resource, namespace)))
        yield from self.events

    def version(self) -> str:
        return "v1.36.0"

    def server_time(self) -> float | None:
        return self.clock

    def serves(self, resource: Resource) -> bool:
        return resource.plural not in self.unserved

    def user(self) -> str:
        return "ann@example.com"

    def allowed(self, questions: Sequence[Access]) -> tuple[bool, ...]:
        return tuple((question.verb, _plural(question)) not in self.denied for question in questions)

    def pod_log(self, namespace: str, name: str, container: str, *, tail_lines: int = 200) -> str:
        return self.logs.get((namespace, name, container), "")

    def close(self) -> None:
        """Nothing is open."""

    # ports.Cluster

    def apply(self, obj: JSON, *, dry_run: bool = False) -> JSON:
        self._refuse("patch", _resource(obj))
        live = self.objects.get(_key(obj))
        applied = server_side_apply(obj, live, FIELD_MANAGER)
        if not dry_run:
            self._store("apply", applied, live)
        return copy.deepcopy(applied)

    def create(self, obj: JSON) -> JSON:
        self._refuse("create", _resource(obj))
        created = copy.deepcopy(obj)
        metadata = created["metadata"]
        if "name" not in metadata:
            metadata["name"] = f"{metadata.pop('generateName')}{next(self._versions)}"
        if _key(created) in self.objects:
            raise PermanentError("MVM-116", f'"{metadata["name"]}" already exists')
        self._store("create", created, None)
        return copy.deepcopy(created)

    def delete(self, resource: Resource, name: str, namespace: str | None, *, uid: str = "") -> None:
        self._refuse("delete", resource)
        live = self.objects.get((resource.plural, namespace or "", name))
        if live is None:
            return
        if uid and live["metadata"]["uid"] != uid:
            raise ActionNeeded("MVM-111", "the UID in the precondition does not match")
        del self.objects[(resource.plural, namespace or "", name)]
        self.writes.append(("delete", resource.kind, namespace or "", name))

    def create_token(self, namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        self._refuse("create", ports.SERVICE_ACCOUNTS)
        self.writes.append(("token", "ServiceAccount", namespace, service_account))
        return Token(f"token-{next(self._versions)}", "2099-01-01T00:00:00Z")

    def _store(self, verb: str, obj: JSON, live: JSON | None) -> None:
        metadata = obj["metadata"]
        metadata["uid"] = live["metadata"]["uid"] if live else f"uid-{next(self._versions)}"
        metadata["resourceVersion"] = str(next(self._versions))
        self.objects[_key(obj)] = obj
        self.writes.append((verb, obj["kind"], metadata.get("namespace", ""), metadata["name"]))
        self.after_write(obj)

    def _refuse(self, verb: str, resource: Resource) -> None:
        if (verb, resource.plural) in self.denied:
            raise ActionNeeded("MVM-107", f'User "ann" cannot {verb} resource "{resource.plural}"')


def server_side_apply(obj: JSON, live: JSON | None, manager: str) -> JSON:
    """Merges as the API server does: lists of built-in kinds by name, of custom ones as a whole."""
    if live is None:
        merged = copy.deepcopy(obj)
        others: list[JSON] = []
    else:
        merged = copy.deepcopy(live)
        entries = merged["metadata"].get("managedFields", [])
        others = [entry for entry in entries if (entry["manager"], entry["operation"]) != (manager, "Apply")]
        mine = [entry for entry in entries if entry not in others]
        before: JSON = mine[0]["fieldsV1"] if mine else {}
        _refuse_conflicts(_leaf_values(_own(obj)), _leaf_values(live), others)
        for path in set(_paths(before)) - set(_leaf_values(_own(obj))):
            if not any(path in set(_paths(entry["fieldsV1"])) for entry in others):
                _remove(merged, path)
        for path, value in _leaf_values(_own(obj)).items():
            _set(merged, path, value)
    entry = {"manager": manager, "operation": "Apply", "fieldsV1": field_set(_own(obj))}
    merged["metadata"]["managedFields"] = [*others, entry]
    return merged


def field_set(own: Mapping[str, Any]) -> JSON:
    """fieldsV1 of everything in it; lists are leaves."""
    found: JSON = {}
    for key, value in own.items():
        found[f"f:{key}"] = field_set(value) if isinstance(value, Mapping) and value else {}
    return found


def _refuse_conflicts(wanted: Mapping[tuple[str, ...], Any], live: Mapping[tuple[str, ...], Any], others: Any) -> None:
    for entry in others:
        for path in _paths(entry["fieldsV1"]):
            if path in wanted and path in live and wanted[path] != live[path]:
                field = "".join(f".{key}" for key in path)
                raise ActionNeeded(
                    "MVM-110",
                    f'conflict with "{entry["manager"]}": {field}',
                    evidence={"manager": entry["manager"], "field": field},
                )


def _own(obj: JSON) -> JSON:
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key in ("labels", "annotations")}
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return {**({"metadata": metadata} if metadata else {}), **rest}


def _leaf_values(obj: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in obj.items():
        if isinstance(value, Mapping) and value:
            found.update(_leaf_values(value, (*prefix, key)))
        else:
            found[(*prefix, key)] = value
    return found


def _paths(fields: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, below in fields.items():
        path = (*prefix, key.removeprefix("f:"))
        found += _paths(below, path) if below else [path]
    return found


def _set(obj: JSON, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        obj = obj.setdefault(key, {})
    obj[path[-1]] = copy.deepcopy(value)


def _remove(obj: JSON, path: tuple[str, ...]) -> None:
    holders = [obj]
    for key in path[:-1]:
        if not isinstance(holders[-1].get(key), dict):
            return
        holders.append(holders[-1][key])
    holders[-1].pop(path[-1], None)
    for holder, key in zip(reversed(holders[:-1]), reversed(path[:-1]), strict=True):
        if not holder[key]:
            del holder[key]


def _resource(obj: JSON) -> Resource:
    return RESOURCES[(obj["apiVersion"].rpartition("/")[0], obj["kind"])]


def _key(obj: JSON) -> Key:
    return (_resource(obj).plural, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _plural(question: Access) -> str:
    return question.resource.plural + (f"/{question.subresource}" if question.subresource else "")


def _labelled(obj: JSON, key: str, value: str, *, exactly: bool) -> bool:
    labels = obj["metadata"].get("labels") or {}
    return labels.get(key) == value if exactly else key in labels


def _field(obj: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        obj = obj.get(key) if isinstance(obj, Mapping) else None
    return obj
