"""Traffic from Pods to instances: it passes where a VPC firewall rule allows it, and is dropped elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from meshvm_tui.lab.google.state import Cloud


class PodFilter:
    """The firewall on the way from Pods. `instance_at` names the instance with an internal address, or none of ours:
    the VMs that the lab has besides Compute Engine are behind no such firewall."""

    def __init__(self, cloud: Cloud, instance_at: Callable[[str], str | None]) -> None:
        self._cloud = cloud
        self._instance_at = instance_at

    def drops(self, source: str, address: str, port: int) -> bool:
        """Whether a packet from a Pod's address to a port of another address is thrown away."""
        name = self._instance_at(address)
        return name is not None and not self._cloud.allows(source, name, port)
