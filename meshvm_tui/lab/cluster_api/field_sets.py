"""Sets of fields: an object laid out as paths with values, and `fieldsV1`, the form in which managers own paths.

A path is a tuple of elements as fieldsV1 writes them: `f:name` for a field, `k:{...}` for an item of a list that
has keys, `v:...` for a value of a set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from meshvm_tui.lab.cluster_api.kinds import Kind
from meshvm_tui.lab.cluster_api.structure import ATOMIC, SET, atomic_map, item_key, list_keys
from meshvm_tui.lab.cluster_api.structure import Path as Names

JSON = dict[str, Any]
FieldPath = tuple[str, ...]


class _Mark:
    """Stands in a layout for a container that other paths describe."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


MAP = _Mark("MAP")
ITEM = _Mark("ITEM")

# What the server itself writes: nobody owns it.
_SYSTEM: frozenset[FieldPath] = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    }
)


def lay_out(kind: Kind, obj: JSON) -> dict[FieldPath, Any]:
    """Every path of an object with its value; `MAP` and `ITEM` mark containers. System fields are left out."""
    found: dict[FieldPath, Any] = {}
    _lay_out_map(kind, obj, (), (), found)
    return {path: value for path, value in found.items() if path[:2] not in _SYSTEM or path == ("f:metadata",)}


def _lay_out(kind: Kind, value: Any, path: FieldPath, names: Names, found: dict[FieldPath, Any]) -> None:
    if isinstance(value, dict) and value and not atomic_map(kind, names):
        found[path] = MAP
        _lay_out_map(kind, value, path, names, found)
    elif isinstance(value, list) and value and (keys := list_keys(kind, names)) != ATOMIC:
        found[path] = MAP
        if keys == SET:
            found.update({(*path, f"v:{_compact(item)}"): item for item in value})
        elif any(item_key(keys, item) is None for item in value):
            found[path] = value
        else:
            for item in value:
                item_path = (*path, f"k:{_compact(dict(item_key(keys, item) or ()))}")
                found[item_path] = ITEM
                _lay_out_map(kind, item, item_path, names, found)
    elif value is not None:
        found[path] = value


def _lay_out_map(kind: Kind, value: JSON, path: FieldPath, names: Names, found: dict[FieldPath, Any]) -> None:
    for name, item in value.items():
        _lay_out(kind, item, (*path, f"f:{name}"), (*names, name), found)


def owned(layout: dict[FieldPath, Any]) -> frozenset[FieldPath]:
    """The paths that an applied configuration owns: its leaves and the items of its lists."""
    return frozenset(path for path, value in layout.items() if value is not MAP and path not in _SYSTEM)


def encode(paths: Iterable[FieldPath]) -> JSON:
    """Paths as fieldsV1. A path with others below it is marked by `.`."""
    tree: JSON = {}
    known = set(paths)
    for path in sorted(known):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    inner = {path[:length] for path in known for length in range(1, len(path))}
    for path in known & inner:
        node = tree
        for element in path:
            node = node[element]
        node["."] = {}
    return tree


def decode(fields: JSON) -> frozenset[FieldPath]:
    """The paths of fieldsV1."""
    found: set[FieldPath] = set()

    def walk(node: JSON, path: FieldPath) -> None:
        for element, below in node.items():
            if element == ".":
                found.add(path)
            elif below:
                walk(below, (*path, element))
            else:
                found.add((*path, element))

    walk(fields, ())
    return frozenset(found)


def spell(path: FieldPath) -> str:
    """A path as error messages write it: `.spec.ports[port=80,protocol="TCP"].targetPort`."""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += f".{element[2:]}"
        elif element.startswith("k:"):
            keys = json.loads(element[2:])
            text += "[" + ",".join(f"{key}={_compact(value)}" for key, value in keys.items()) + "]"
        else:
            text += f"[={element[2:]}]"
    return text


def merge(kind: Kind, live: JSON, applied: JSON, names: Names = ()) -> JSON:
    """An applied configuration laid over an object, neither of which is changed."""
    result = dict(live)
    for name, value in applied.items():
        below = (*names, name)
        if value is None:
            continue
        if isinstance(value, dict) and not atomic_map(kind, below):
            base = result.get(name)
            result[name] = merge(kind, base if isinstance(base, dict) else {}, value, below)
        elif isinstance(value, list) and (keys := list_keys(kind, below)) != ATOMIC:
            base = result.get(name)
            result[name] = _merge_lists(kind, base if isinstance(base, list) else [], value, keys, below)
        else:
            result[name] = value
    return result


def _merge_lists(kind: Kind, live: list[Any], applied: list[Any], keys: tuple[str, ...], names: Names) -> list[Any]:
    if keys == SET:
        return [*live, *(value for value in applied if value not in live)]
    result = list(live)
    places = {item_key(keys, item): place for place, item in enumerate(live)}
    for item in applied:
        key = item_key(keys, item)
        if key is not None and key in places:
            result[places[key]] = merge(kind, result[places[key]], item, names)
        else:
            result.append(merge(kind, {}, item, names) if isinstance(item, dict) else item)
    return result


def without(kind: Kind, obj: JSON, paths: frozenset[FieldPath], held: frozenset[FieldPath]) -> JSON:
    """The object without these paths; maps and lists that this empties go too, unless somebody holds them."""
    return _Remover(kind, paths, held).map(obj, (), ()) or {}


class _Remover:
    def __init__(self, kind: Kind, paths: frozenset[FieldPath], held: frozenset[FieldPath]) -> None:
        self._kind = kind
        self._paths = paths
        self._held = held

    def map(self, value: JSON, path: FieldPath, names: Names) -> JSON | None:
        """A map without the paths; None where nothing and nobody is left of it."""
        result: JSON = {}
        for name, item in value.items():
            field, below = (*path, f"f:{name}"), (*names, name)
            if field in self._paths and not self._granular(item, below):
                continue
            kept = self._value(item, field, below)
            if kept is not None:
                result[name] = kept
        emptied = bool(value) and not result and path not in self._held
        return None if emptied else result

    def _granular(self, item: Any, names: Names) -> bool:
        if isinstance(item, dict):
            return bool(item) and not atomic_map(self._kind, names)
        return isinstance(item, list) and bool(item) and list_keys(self._kind, names) != ATOMIC

    def _value(self, item: Any, path: FieldPath, names: Names) -> Any:
        if not self._granular(item, names):
            return item
        if isinstance(item, dict):
            return self.map(item, path, names)
        kept = [one for entry in item if (one := self._entry(entry, path, names)) is not None]
        return kept if kept or path in self._held else None

    def _entry(self, entry: Any, path: FieldPath, names: Names) -> Any:
        keys = list_keys(self._kind, names)
        if keys == SET:
            return None if (*path, f"v:{_compact(entry)}") in self._paths else entry
        key = item_key(keys, entry)
        if key is None:
            return entry
        entry_path = (*path, f"k:{_compact(dict(key))}")
        return None if entry_path in self._paths else self.map(entry, entry_path, names) or entry


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
