"""What of an object that we want differs from the live one, and how it would look after server-side apply.

Only what we say counts: fields that the server or others add are not ours to compare. What we set by an earlier
apply and no longer want counts too, for server-side apply takes it away.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from meshvm_tui.steps.field_ownership import FIELD_MANAGER, Path, dotted, other_owners, owned_by, reads

JSON = dict[str, Any]
_SERVER_METADATA = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
_MERGE_KEYS = ("name", "containerPort", "port")


@dataclass(frozen=True)
class Difference:
    """One field: what is wanted (None: to be taken away), what is there, and which others own it."""

    field: str
    wanted: Any
    found: Any
    owners: tuple[str, ...] = ()

    def words(self) -> str:
        """As one line for an operator."""
        if self.wanted is None:
            return f"{self.field}: {self.found!r} is no longer wanted"
        found = "nothing" if self.found is None else repr(self.found)
        by = f" by {', '.join(self.owners)}" if self.owners else ""
        return f"{self.field}: {found}{by}, wanted {self.wanted!r}"


def differences(wanted: JSON, live: JSON, *, manager: str = FIELD_MANAGER) -> tuple[Difference, ...]:
    """Every field in which the live object is not as `manager` wants it, who applies it server-side."""
    associative = not _is_custom(wanted)
    found = [
        Difference(dotted(path), want, have, () if have is None else other_owners(live, path, manager))
        for path, want, have in _unequal(_comparable(wanted), live, (), associative)
    ]
    gone = [
        Difference(dotted(path), None, reads(live, path))
        for path in sorted(_no_longer_wanted(wanted, live, manager))
        if reads(live, path) is not None and not other_owners(live, path, manager)
    ]
    return (*found, *gone)


def after_apply(wanted: JSON, live: JSON | None, *, manager: str = FIELD_MANAGER) -> JSON:
    """The live object as it would be afterwards, without what the server keeps for itself."""
    if live is None:
        return copy.deepcopy(wanted)
    merged = _merged(without_server_fields(live), _comparable(wanted), associative=not _is_custom(wanted))
    for path in _no_longer_wanted(wanted, live, manager):
        if not other_owners(live, path, manager):
            _take_away(merged, path)
    return {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], **merged}


def without_server_fields(live: JSON) -> JSON:
    """A live object without status and what the server keeps for itself: what a fingerprint is made of."""
    kept = {key: copy.deepcopy(value) for key, value in live.items() if key != "status"}
    kept["metadata"] = {key: value for key, value in kept.get("metadata", {}).items() if key not in _SERVER_METADATA}
    return kept


def unified_diff(before: JSON | None, after: JSON, name: str) -> str:
    """Both as YAML, as a unified diff."""
    old = _readable(before).splitlines() if before else []
    new = _readable(after).splitlines()
    return "\n".join(difflib.unified_diff(old, new, f"live {name}", f"wanted {name}", lineterm=""))


class _Readable(yaml.SafeDumper):
    """Texts of several lines stand as such, so that a ConfigMap's diff is one of its lines.

    YAML cannot hold blanks at a line's end that way, and here they are not worth an unreadable diff."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" not in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    shown = "\n".join(line.rstrip() for line in text.split("\n"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", shown, style="|")


_Readable.add_representer(str, _represent_text)


def _readable(obj: JSON) -> str:
    return yaml.dump(obj, Dumper=_Readable, sort_keys=True, allow_unicode=True)


def diff_of_new(document: str, name: str) -> str:
    """A document that is not there yet, as a unified diff."""
    return "\n".join(difflib.unified_diff([], document.splitlines(), "nothing", name, lineterm=""))


def _comparable(wanted: JSON) -> JSON:
    return {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind")}


def _is_custom(obj: JSON) -> bool:
    """Custom resources take lists as a whole; built-in kinds merge most of theirs by keys."""
    return "istio.io/" in str(obj.get("apiVersion"))


def _unequal(wanted: Any, live: Any, path: Path, associative: bool) -> Iterator[tuple[Path, Any, Any]]:
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key, value in wanted.items():
            yield from _unequal(value, live.get(key), (*path, f"f:{key}"), associative)
    elif isinstance(wanted, list) and isinstance(live, list) and associative and (key := _merge_key(wanted)):
        by_key = {item.get(key): item for item in live if isinstance(item, dict)}
        for item in wanted:
            yield from _unequal(item, by_key.get(item[key]), (*path, f"k:{json.dumps({key: item[key]})}"), associative)
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        if any(True for one, other in zip(wanted, live, strict=True) for _ in _unequal(one, other, (), associative)):
            yield path, wanted, live
    elif wanted != live and not (live is None and not wanted):
        yield path, wanted, live


def _merge_key(items: list[Any]) -> str:
    for key in _MERGE_KEYS:
        if items and all(isinstance(item, dict) and key in item for item in items):
            return key
    return ""


def _no_longer_wanted(wanted: JSON, live: JSON, manager: str) -> list[Path]:
    return [path for path in owned_by(live, manager) if reads(wanted, path) is None]


def _merged(live: Any, wanted: Any, *, associative: bool) -> Any:
    if isinstance(live, dict) and isinstance(wanted, dict):
        return {
            **live,
            **{key: _merged(live.get(key), value, associative=associative) for key, value in wanted.items()},
        }
    if isinstance(live, list) and isinstance(wanted, list) and associative and (key := _merge_key(wanted)):
        by_key = {item.get(key): item for item in live if isinstance(item, dict)}
        new = {item[key]: _merged(by_key.get(item[key]), item, associative=True) for item in wanted}
        return [new.pop(item.get(key), item) if isinstance(item, dict) else item for item in live] + list(new.values())
    return copy.deepcopy(wanted)


def _take_away(obj: JSON, path: Path) -> None:
    holder = reads(obj, path[:-1]) if path[:-1] else obj
    token = path[-1]
    if isinstance(holder, dict) and token.startswith("f:"):
        holder.pop(token[2:], None)
    elif isinstance(holder, list) and (item := reads(holder, (token,))) is not None:
        holder.remove(item)


def describe(obj: Mapping[str, Any]) -> str:
    """`Kind namespace/name`, or `Kind name` for kinds without a namespace."""
    metadata = obj.get("metadata") or {}
    namespace = metadata.get("namespace")
    return f"{obj.get('kind')} {f'{namespace}/' if namespace else ''}{metadata.get('name')}"
