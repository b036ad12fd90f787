"""What a WorkloadEntry and a WorkloadGroup say in a table, read from the objects as the API server gives them.

Rows keep times, not words: how long ago something was is said when it is shown. Annotations and conditions are
those that istiod writes for a VM that registered itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meshvm_tui.durations import epoch, span

GROUP = "istio.io/autoRegistrationGroup"
CONNECTED = "istio.io/connectedAt"
DISCONNECTED = "istio.io/disconnectedAt"
HEALTH_CHECKED = "proxy.istio.io/health-checks-enabled"
GRACE_SECONDS = 10.0
"""After this, istiod deletes the entry of a VM that left (PILOT_WORKLOAD_ENTRY_GRACE_PERIOD)."""

NONE = "–"


@dataclass(frozen=True)
class EntryRow:
    """One WorkloadEntry. Times are seconds since the epoch; `health` is None where no probe is set or none spoke."""

    name: str
    namespace: str
    group: str
    address: str
    created: float | None
    connected_at: float | None
    left_at: float | None
    health_checked: bool
    health: bool | None
    health_since: float | None
    health_message: str

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the row as long as it lives."""
        return self.namespace, self.name

    def mark(self) -> str:
        """Where it stands, by the screens' glyph names: done, attention or waiting."""
        if self.left_at is not None:
            return "waiting"
        if self.health is False:
            return "attention"
        if self.health_checked and self.health is None:
            return "waiting"
        return "done"

    def connected(self, now: float) -> str:
        """Since when the VM is connected, or when it left."""
        if self.left_at is not None:
            gone = now - self.left_at
            goes = f", goes in {span(GRACE_SECONDS - gone)}" if gone < GRACE_SECONDS else ""
            return f"left {span(gone)} ago{goes}"
        return span(now - self.connected_at) if self.connected_at is not None else NONE

    def healthy(self, now: float) -> str:
        """Since when it is healthy, or why it is not; a dash where the group has no probe."""
        if not self.health_checked or self.left_at is not None:
            return NONE
        if self.health is None:
            return "not yet"
        if self.health:
            return f"yes, {span(now - self.health_since)}" if self.health_since is not None else "yes"
        return f"no: {self.health_message}" if self.health_message else "no"

    def age(self, now: float) -> str:
        """Since when the object exists."""
        return span(now - self.created) if self.created is not None else NONE

    def cells(self, now: float) -> tuple[str, ...]:
        """NAME NAMESPACE GROUP ADDRESS CONNECTED HEALTHY AGE."""
        return (
            self.name,
            self.namespace,
            self.group or NONE,
            self.address or NONE,
            self.connected(now),
            self.healthy(now),
            self.age(now),
        )


@dataclass(frozen=True)
class GroupRow:
    """One WorkloadGroup."""

    name: str
    namespace: str
    service_account: str
    probe: str
    created: float | None

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the row as long as it lives."""
        return self.namespace, self.name

    def mark(self) -> str:
        """A group is simply there."""
        return "done"

    def cells(self, now: float) -> tuple[str, ...]:
        """NAME NAMESPACE SERVICEACCOUNT PROBE AGE."""
        age = span(now - self.created) if self.created is not None else NONE
        return self.name, self.namespace, self.service_account or NONE, self.probe or NONE, age


def entry_row(entry: dict[str, Any]) -> EntryRow:
    """The row of a WorkloadEntry; a field that lacks or has another form is shown as none."""
    metadata, spec = _mapping(entry, "metadata"), _mapping(entry, "spec")
    annotations = _mapping(metadata, "annotations")
    condition = _healthy_condition(entry)
    status = condition.get("status")
    return EntryRow(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        group=str(annotations.get(GROUP, "")),
        address=str(spec.get("address", "")),
        created=epoch(str(metadata.get("creationTimestamp", ""))),
        connected_at=epoch(str(annotations.get(CONNECTED, ""))),
        left_at=epoch(str(annotations.get(DISCONNECTED, ""))),
        health_checked=annotations.get(HEALTH_CHECKED) == "true",
        health={"True": True, "False": False}.get(str(status)),
        health_since=epoch(str(condition.get("lastTransitionTime", ""))),
        health_message=" ".join(str(condition.get("message", "")).split()),
    )


def group_row(group: dict[str, Any]) -> GroupRow:
    """The row of a WorkloadGroup."""
    metadata, spec = _mapping(group, "metadata"), _mapping(group, "spec")
    return GroupRow(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        service_account=str(_mapping(spec, "template").get("serviceAccount", "")),
        probe=_probe(_mapping(spec, "probe")),
        created=epoch(str(metadata.get("creationTimestamp", ""))),
    )


def _mapping(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _healthy_condition(entry: dict[str, Any]) -> dict[str, Any]:
    conditions = _mapping(entry, "status").get("conditions")
    for condition in conditions if isinstance(conditions, list) else []:
        if isinstance(condition, dict) and condition.get("type") == "Healthy":
            return condition
    return {}


def _probe(probe: dict[str, Any]) -> str:
    if get := _mapping(probe, "httpGet"):
        return f"http :{get.get('port', '')} {get.get('path', '/')}"
    if socket := _mapping(probe, "tcpSocket"):
        return f"tcp :{socket.get('port', '')}"
    return "exec" if "exec" in probe else ""
