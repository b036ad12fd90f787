"""What a WorkloadEntry and a WorkloadGroup say in a table, read from the objects as the API server gives them.

Rows keep times, not words: how long ago something was is said when it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meshvm_tui.durations import epoch, span
from meshvm_tui.istio.workload_entry import GRACE_SECONDS, EntryFacts, Health, entry_facts

NONE = "–"


@dataclass(frozen=True)
class EntryRow:
    """One WorkloadEntry: its facts, with times as seconds since the epoch."""

    facts: EntryFacts
    created: float | None
    connected_at: float | None
    left_at: float | None
    health_since: float | None

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the row as long as it lives."""
        return self.facts.namespace, self.facts.name

    def mark(self) -> str:
        """Where it stands, by the screens' glyph names: done, attention or waiting."""
        if self.left_at is not None:
            return "waiting"
        if self.facts.health is Health.UNHEALTHY:
            return "attention"
        return "waiting" if self.facts.health is Health.UNPROVEN else "done"

    def connected(self, now: float) -> str:
        """Since when the VM is connected, or when it left."""
        if self.left_at is not None:
            gone = now - self.left_at
            goes = f", goes in {span(GRACE_SECONDS - gone)}" if gone < GRACE_SECONDS else ""
            return f"left {span(gone)}{goes}"
        return _since(self.connected_at, now)

    def healthy(self, now: float) -> str:
        """Since when it is healthy, or why it is not; a dash where the group has no probe."""
        if self.left_at is not None or self.facts.health is Health.UNCHECKED:
            return NONE
        if self.facts.health is Health.UNPROVEN:
            return "not yet"
        if self.facts.health is Health.HEALTHY:
            return f"yes, {span(now - self.health_since)}" if self.health_since is not None else "yes"
        message = " ".join(self.facts.health_message.split())
        return f"no: {message}" if message else "no"

    def age(self, now: float) -> str:
        """Since when the object exists."""
        return _since(self.created, now)

    def cells(self, now: float) -> tuple[str, ...]:
        """NAME GROUP ADDRESS CONNECTED HEALTHY AGE."""
        return (
            self.facts.name,
            self.facts.group or NONE,
            self.facts.address or NONE,
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
        """NAME SERVICEACCOUNT PROBE AGE."""
        return self.name, self.service_account or NONE, self.probe or NONE, _since(self.created, now)


def entry_row(entry: dict[str, Any]) -> EntryRow:
    """The row of a WorkloadEntry; a field that lacks or has another form is shown as none."""
    facts = entry_facts(entry)
    return EntryRow(
        facts=facts,
        created=epoch(facts.created_at),
        connected_at=epoch(facts.connected_at),
        left_at=epoch(facts.disconnected_at),
        health_since=epoch(facts.health_since),
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


def _since(moment: float | None, now: float) -> str:
    return NONE if moment is None else span(now - moment)


def _mapping(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _probe(probe: dict[str, Any]) -> str:
    if get := _mapping(probe, "httpGet"):
        return f"http :{get.get('port', '')} {get.get('path', '/')}"
    if socket := _mapping(probe, "tcpSocket"):
        return f"tcp :{socket.get('port', '')}"
    return "exec" if "exec" in probe else ""
