"""Who owns which field: the bookkeeping of `metadata.managedFields`, and the conflicts of server-side apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from meshvm_tui.lab.cluster_api.errors import ApiError, Cause
from meshvm_tui.lab.cluster_api.field_sets import MAP, FieldPath, decode, encode, lay_out, owned, spell, without
from meshvm_tui.lab.cluster_api.field_sets import merge as merge_objects
from meshvm_tui.lab.cluster_api.kinds import Kind

JSON = dict[str, Any]

# Structs that every object of a built-in kind has: nobody owns them as such.
_STRUCTS = frozenset(
    {
        "f:metadata",
        "f:spec",
        "f:status",
        "f:template",
        "f:strategy",
        "f:resources",
        "f:names",
        "f:containers",
        "f:loadBalancer",
    }
)


@dataclass(frozen=True)
class Manager:
    """One entry of managedFields, without its fields."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""
    time: str = ""

    def same(self, other: Manager) -> bool:
        """Whether both are one manager: an applier stays the same through all versions of the API."""
        if (self.name, self.operation, self.subresource) != (other.name, other.operation, other.subresource):
            return False
        return self.operation == "Apply" or self.api_version == other.api_version

    def spoken(self) -> str:
        """As conflict messages name it."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text if self.operation == "Apply" else f"{text} using {self.api_version}"


Owners = list[tuple[Manager, frozenset[FieldPath]]]


def read(obj: JSON) -> Owners:
    """The managers of an object."""
    return [
        (
            Manager(
                entry.get("manager", ""),
                entry.get("operation", "Update"),
                entry.get("apiVersion", ""),
                entry.get("subresource", ""),
                entry.get("time", ""),
            ),
            decode(entry.get("fieldsV1") or {}),
        )
        for entry in obj.get("metadata", {}).get("managedFields") or []
        if entry
    ]


def write(obj: JSON, owners: Owners) -> JSON:
    """The object with these managers; it is changed in place and given back. Those without fields are gone."""
    kept = [(manager, fields) for manager, fields in owners if fields]
    kept.sort(key=lambda one: (one[0].operation, one[0].time, one[0].name, one[0].api_version, one[0].subresource))
    entries = [_entry(manager, fields) for manager, fields in kept]
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)
    return obj


def _entry(manager: Manager, fields: frozenset[FieldPath]) -> JSON:
    entry: JSON = {"manager": manager.name, "operation": manager.operation, "apiVersion": manager.api_version}
    if manager.time:
        entry["time"] = manager.time
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": encode(fields)}
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def track_update(kind: Kind, live: JSON, new: JSON, manager: Manager, owners: Owners) -> Owners:
    """What an update by `manager` leaves of everybody's fields: what it changed is its own from now on."""
    before, after = lay_out(kind, live), lay_out(kind, new)
    changed = frozenset(
        path
        for path, value in after.items()
        if not _plain_struct(kind, path, value) and (path not in before or before[path] != value)
    )
    removed = frozenset(before) - frozenset(after)
    mine: frozenset[FieldPath] = frozenset()
    result: Owners = []
    for other, fields in owners:
        if other.same(manager):
            mine = fields
            if not changed and not (fields & removed):
                manager = other
        else:
            result.append((other, fields - changed - removed))
    return [*result, (manager, (mine | changed) - removed)]


def _plain_struct(kind: Kind, path: FieldPath, value: Any) -> bool:
    if value is not MAP:
        return False
    return path == ("f:metadata",) or (not kind.custom and path[-1] in _STRUCTS)


def apply(
    kind: Kind, live: JSON, config: JSON, manager: Manager, owners: Owners, *, force: bool
) -> tuple[JSON, Owners]:
    """Server-side apply: the merged object, without managedFields of its own, and who owns what from now on.

    Raises a 409 ApiError that names every field which somebody else holds at another value."""
    wanted = owned(lay_out(kind, config))
    previous = next((fields for other, fields in owners if other.same(manager)), frozenset[FieldPath]())
    others = [(other, fields) for other, fields in owners if not other.same(manager)]
    merged = merge_objects(kind, live, config)
    given_up = _given_up(previous, wanted, others)
    if given_up:
        held = wanted.union(*(fields for _, fields in others))
        merged = without(kind, merged, given_up, held)
    before, after = lay_out(kind, live), lay_out(kind, merged)
    changed = frozenset(path for path, value in after.items() if path not in before or before[path] != value)
    removed = frozenset(before) - frozenset(after)
    contested = [(other, path) for other, fields in others for path in sorted(fields & changed & wanted, key=_order)]
    if contested and not force:
        raise _conflict(contested)
    result: Owners = [(other, fields - removed - (changed & wanted)) for other, fields in others]
    last = next((other for other, _ in owners if other.same(manager)), None)
    if last is not None and previous == wanted and last.api_version == manager.api_version and before == after:
        manager = last
    elif live["metadata"].get("uid") and before == after:
        manager = replace(manager, time="")  # kube-apiserver dates no entry that changed nothing
    return merged, [*result, (manager, wanted)]


def _given_up(previous: frozenset[FieldPath], wanted: frozenset[FieldPath], others: Owners) -> frozenset[FieldPath]:
    """What the manager applied before and does not any more, unless somebody else owns it too."""
    gone = previous - wanted
    if not gone:
        return gone
    held = {path[:length] for _, fields in others for path in fields for length in range(1, len(path) + 1)}
    return frozenset(path for path in gone if path not in held)


def _order(path: FieldPath) -> list[tuple[bool, str]]:
    """The order of fieldsV1: at each level what ends there comes before what goes on."""
    return [(place < len(path) - 1, element) for place, element in enumerate(path)]


def _conflict(contested: list[tuple[Manager, FieldPath]]) -> ApiError:
    causes = [
        Cause("FieldManagerConflict", f"conflict with {manager.spoken()}", spell(path)) for manager, path in contested
    ]
    if len(contested) == 1:
        manager, path = contested[0]
        told = f"Apply failed with 1 conflict: conflict with {manager.spoken()}: {spell(path)}"
    else:
        groups: dict[str, list[str]] = {}
        for manager, path in contested:
            groups.setdefault(manager.spoken(), []).append(spell(path))
        lines = [f"conflicts with {name}:\n" + "\n".join(f"- {p}" for p in groups[name]) for name in sorted(groups)]
        told = f"Apply failed with {len(contested)} conflicts: " + "\n".join(lines)
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return ApiError(409, "Conflict", told, {"causes": listed})
