"""What a WorkloadEntry says: its name, whether its VM is connected, and whether its workload is healthy.

Names, annotations and conditions are those that istiod writes for a VM that registered itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GROUP_ANNOTATION = "istio.io/autoRegistrationGroup"
CONTROLLER_ANNOTATION = "istio.io/workloadController"
CONNECTED_ANNOTATION = "istio.io/connectedAt"
DISCONNECTED_ANNOTATION = "istio.io/disconnectedAt"
HEALTH_CHECKS_ANNOTATION = "proxy.istio.io/health-checks-enabled"
HEALTHY_CONDITION = "Healthy"
LONGEST_NAME = 253
GRACE_SECONDS = 10.0
"""After this, istiod deletes the entry of a VM that left (PILOT_WORKLOAD_ENTRY_GRACE_PERIOD)."""


class Health(StrEnum):
    """What is known of a workload's health.

    UNCHECKED has no probe and counts as healthy; UNPROVEN has one that has not succeeded yet and gets no traffic.
    """

    UNCHECKED = "unchecked"
    UNPROVEN = "unproven"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True)
class EntryFacts:
    """A WorkloadEntry in plain values. Times are RFC 3339 as istiod wrote them; "" where there is none."""

    name: str
    namespace: str
    uid: str
    group: str
    address: str
    network: str
    service_account: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]
    controller: str
    created_at: str
    connected_at: str
    disconnected_at: str
    health: Health
    health_message: str
    health_since: str

    @property
    def auto_registered(self) -> bool:
        """Whether istiod made it for a VM; others were written by hand."""
        return bool(self.group)

    @property
    def connected(self) -> bool:
        """Whether an istiod holds the VM's stream now. Always false for an entry that was written by hand."""
        return bool(self.connected_at) and not self.disconnected_at


def entry_name(group: str, address: str, network: str = "") -> str:
    """The name that istiod gives to an auto-registered entry.

    Colons of IPv6 become dashes; of a name that is too long the end is kept, for the address stands there.
    """
    parts = [group, address.replace(":", "-"), *([network] if network else [])]
    return "-".join(parts)[-LONGEST_NAME:]


def entry_facts(obj: Mapping[str, Any]) -> EntryFacts:
    """The facts of an object as the API server gives it; whatever is missing is empty."""
    metadata, spec, status = (_mapping(obj.get(part)) for part in ("metadata", "spec", "status"))
    annotations = _mapping(metadata.get("annotations"))
    condition = _healthy_condition(status)
    return EntryFacts(
        name=_text(metadata.get("name")),
        namespace=_text(metadata.get("namespace")),
        uid=_text(metadata.get("uid")),
        group=_text(annotations.get(GROUP_ANNOTATION)),
        address=_text(spec.get("address")),
        network=_text(spec.get("network")),
        service_account=_text(spec.get("serviceAccount")),
        labels={str(key): _text(value) for key, value in _mapping(spec.get("labels")).items()},
        ports={str(key): value for key, value in _mapping(spec.get("ports")).items() if isinstance(value, int)},
        controller=_text(annotations.get(CONTROLLER_ANNOTATION)),
        created_at=_text(metadata.get("creationTimestamp")),
        connected_at=_text(annotations.get(CONNECTED_ANNOTATION)),
        disconnected_at=_text(annotations.get(DISCONNECTED_ANNOTATION)),
        health=_health(annotations, condition),
        health_message=_text(condition.get("message")),
        health_since=_text(condition.get("lastTransitionTime")),
    )


def _health(annotations: Mapping[str, Any], condition: Mapping[str, Any]) -> Health:
    said = _text(condition.get("status"))
    if said == "True":
        return Health.HEALTHY
    if said == "False":
        return Health.UNHEALTHY
    checked = _text(annotations.get(HEALTH_CHECKS_ANNOTATION)).lower() == "true"
    return Health.UNPROVEN if checked else Health.UNCHECKED


def _healthy_condition(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for condition in status.get("conditions") or ():
        if _mapping(condition).get("type") == HEALTHY_CONDITION:
            return _mapping(condition)
    return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
