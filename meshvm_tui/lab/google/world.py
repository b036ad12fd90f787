"""What the lab's Google APIs need of the rest of the lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

JSON = dict[str, Any]


class InstanceHost(Protocol):
    """Where instances really run. Every method is called from a worker thread; names are those of instances."""

    def addresses(self, name: str) -> tuple[str, str]:
        """The internal address (networkIP) and the external one (natIP) of an instance, the same each time."""

    def boot(self, name: str, instance: JSON) -> None:
        """The instance has reached RUNNING: makes the VM where there is none, and starts it."""

    def halt(self, name: str) -> None:
        """Stops the VM; nothing where it does not run."""

    def delete(self, name: str) -> None:
        """Stops the VM and forgets its disk; nothing where there is none."""

    def host_keys(self, name: str) -> Mapping[str, str]:
        """Its SSH host keys, type (such as ssh-ed25519) to base64; empty until it has booted."""

    def serial(self, name: str) -> str:
        """What it has written to its first serial port."""


@dataclass(frozen=True)
class LabCluster:
    """The lab's Kubernetes cluster as GKE describes it. `endpoint` is host:port, `pod_range` a CIDR."""

    endpoint: str
    ca_pem: str
    pod_range: str
    name: str = "lab"
    zone: str = "us-central1-a"


@dataclass(frozen=True)
class CloudWorld:
    """Everything outside of the APIs that they tell of."""

    host: InstanceHost
    cluster: LabCluster
