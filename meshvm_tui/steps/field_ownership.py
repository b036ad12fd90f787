"""Who owns which field of a live object: the fieldsV1 form of metadata.managedFields.

A path is a tuple of its tokens: `f:<key>` a field, `k:<JSON>` an item of a list by its keys, `v:<JSON>` an item
by its value, `i:<n>` one by its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

FIELD_MANAGER = "meshvm-tui"
JSON = dict[str, Any]
Path = tuple[str, ...]


def owned_by_us(live: Mapping[str, Any]) -> frozenset[Path]:
    """The leaves that our own server-side apply set."""
    return owned_by(live, FIELD_MANAGER)


def owned_by(live: Mapping[str, Any], manager: str) -> frozenset[Path]:
    """The leaves that a manager's server-side apply set."""
    return frozenset(
        path
        for entry in _entries(live)
        if entry.get("manager") == manager and entry.get("operation") == "Apply"
        for path in _leaves(entry.get("fieldsV1") or {})
    )


def other_owners(live: Mapping[str, Any], path: Path, manager: str = FIELD_MANAGER) -> tuple[str, ...]:
    """The managers other than this one that own a field, or something within or around it."""
    plain = _before_lists(path)
    return tuple(
        sorted(
            {
                str(entry.get("manager"))
                for entry in _entries(live)
                if entry.get("manager") != manager
                and any(_touches(_before_lists(leaf), plain) for leaf in _leaves(entry.get("fieldsV1") or {}))
            }
        )
    )


def reads(obj: Any, path: Path) -> Any:
    """The value at a path, or None where there is none."""
    for token in path:
        kind, _, rest = token.partition(":")
        if kind == "f":
            obj = obj.get(rest) if isinstance(obj, Mapping) else None
        elif kind == "k":
            obj = _item(obj, json.loads(rest))
        elif kind == "v":
            value = json.loads(rest)
            obj = value if isinstance(obj, list) and value in obj else None
        else:
            obj = obj[int(rest)] if isinstance(obj, list) and int(rest) < len(obj) else None
        if obj is None:
            return None
    return obj


def dotted(path: Path) -> str:
    """As the API server writes a field: `.spec.template.ports.http`."""
    return "".join(f".{token[2:]}" if token.startswith("f:") else f"[{token[2:]}]" for token in path)


def _entries(live: Mapping[str, Any]) -> list[JSON]:
    entries = (live.get("metadata") or {}).get("managedFields") or []
    return [entry for entry in entries if not entry.get("subresource")]


def _leaves(fields: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    for name, below in fields.items():
        if name == ".":
            continue
        deeper = {key: value for key, value in below.items() if key != "."}
        if deeper:
            yield from _leaves(deeper, (*prefix, name))
        else:
            yield (*prefix, name)


def _before_lists(path: Path) -> Path:
    plain = []
    for token in path:
        if not token.startswith("f:"):
            break
        plain.append(token)
    return tuple(plain)


def _touches(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _item(items: Any, keys: Mapping[str, Any]) -> Any:
    """A list's item by its keys; a key that the item leaves to its default (protocol) fits."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and all(item.get(key, value) == value for key, value in keys.items()):
            return item
    return None
