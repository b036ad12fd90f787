"""Which fields the built-in kinds have. An unknown one is a slip of whoever wrote the manifest.

`built_in_fields.json` names, for each kind and version, a type, and for each type its fields: "" is a value, `X` a
struct, `[X` a list of structs, `{X` a map of them. It was read off /openapi/v3 of kube-apiserver 1.36; a test of the
conformance suite compares it with a real server's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from typing import Any

from meshvm_tui.lab.cluster_api.field_sets import spell
from meshvm_tui.lab.cluster_api.kinds import Kind
from meshvm_tui.lab.cluster_api.structure import ATOMIC, SET, item_key, list_keys

JSON = dict[str, Any]
Names = tuple[str, ...]
_Namer = Callable[[Names, int, Any], str]


@lru_cache(maxsize=1)
def tables() -> JSON:
    """The whole table, read once."""
    text = resources.files(__package__).joinpath("built_in_fields.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def prune(kind: Kind, version: str, obj: JSON) -> tuple[JSON, list[str]]:
    """The object without unknown fields, and their paths as the decoder of kube-apiserver spells them."""
    return _pruned(kind, version, obj, lambda names, place, item: f"[{place}]")


def undeclared(kind: Kind, version: str, obj: JSON) -> list[str]:
    """The paths of unknown fields as server-side apply spells them, items of lists by their keys."""

    def by_key(names: Names, place: int, item: Any) -> str:
        keys = list_keys(kind, names)
        key = item_key(keys, item) if keys not in {ATOMIC, SET} else None
        return spell((f"k:{json.dumps(dict(key))}",)) if key else f"[{place}]"

    return _pruned(kind, version, obj, by_key)[1]


def _pruned(kind: Kind, version: str, obj: JSON, name_item: _Namer) -> tuple[JSON, list[str]]:
    known = tables()
    type_ = known["kinds"].get(f"{kind.key}/{version}", "")
    if not type_:
        return obj, []
    unknown: list[str] = []
    walk = _Walk(known["types"], name_item, unknown)
    return walk.struct(type_, obj, "", ()), unknown


class _Walk:
    def __init__(self, types: dict[str, dict[str, str]], name_item: _Namer, unknown: list[str]) -> None:
        self._types = types
        self._name_item = name_item
        self._unknown = unknown

    def struct(self, type_: str, value: JSON, path: str, names: Names) -> JSON:
        """A struct with the fields that its type has."""
        fields = self._types.get(type_)
        if fields is None:
            return value
        kept: JSON = {}
        for name, item in value.items():
            below = f"{path}.{name}".lstrip(".")
            if name in fields:
                kept[name] = self._value(fields[name], item, below, (*names, name))
            else:
                self._unknown.append(below)
        return kept

    def _value(self, type_: str, value: Any, path: str, names: Names) -> Any:
        if type_.startswith("[") and isinstance(value, list):
            return [
                self._value(type_[1:], item, path + self._name_item(names, place, item), names)
                for place, item in enumerate(value)
            ]
        if type_.startswith("{") and isinstance(value, dict):
            return {key: self._value(type_[1:], item, f"{path}.{key}", (*names, key)) for key, item in value.items()}
        if type_ and isinstance(value, dict):
            return self.struct(type_, value, path, names)
        return value
