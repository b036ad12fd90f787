"""From where a gateway's Service can be reached, by its own words: type, annotations of its cloud, address, ranges.

Pure. The annotations are those of the clouds' load balancer controllers (Kubernetes documentation, "Internal load
balancer"). An address that a load balancer reports weighs more than an annotation, which may have been ignored.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshvm_tui.plan import Exposure

JSON = dict[str, Any]
# Annotation, the value that makes it internal, and the cloud that reads it.
_INTERNAL = (
    ("networking.gke.io/load-balancer-type", "internal", "GKE"),
    ("cloud.google.com/load-balancer-type", "internal", "GKE"),
    ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal", "AWS"),
    ("service.beta.kubernetes.io/aws-load-balancer-internal", "true", "AWS"),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", "true", "Azure"),
    ("service.beta.kubernetes.io/openstack-internal-load-balancer", "true", "OpenStack"),
    ("service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", "intranet", "Alibaba Cloud"),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", "true", "Oracle Cloud"),
    ("service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "private", "IBM Cloud"),
)
_EVERYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Reach:
    """Who reaches a Service: `exposure`, why we think so, and the source ranges that its load balancer lets in."""

    exposure: Exposure
    evidence: str
    ranges: tuple[str, ...] = ()

    @property
    def open_to_the_internet(self) -> bool:
        """Whether anybody can open a connection to it."""
        return self.exposure is Exposure.PUBLIC and not self.ranges

    def words(self) -> str:
        """`public (address 34.1.2.3), from anywhere`."""
        source = ", ".join(self.ranges) or ("anywhere" if self.exposure is Exposure.PUBLIC else "its own network")
        return f"{self.exposure} ({self.evidence}), from {source}"


def reach_of(service: Mapping[str, Any], address: str = "") -> Reach:
    """The reach of a Service; `address` is its IP where a host name had to be resolved."""
    spec, metadata = service.get("spec") or {}, service.get("metadata") or {}
    ranges = tuple(r for r in spec.get("loadBalancerSourceRanges") or () if r not in _EVERYWHERE)
    if spec.get("type") != "LoadBalancer" and not address:
        return Reach(Exposure.INTERNAL, f"type {spec.get('type') or 'ClusterIP'}", ranges)
    if address:
        public = ipaddress.ip_address(address).is_global
        return Reach(Exposure.PUBLIC if public else Exposure.INTERNAL, f"address {address}", ranges)
    annotations = metadata.get("annotations") or {}
    for name, value, cloud in _INTERNAL:
        if str(annotations.get(name, "")).lower() == value:
            return Reach(Exposure.INTERNAL, f"{cloud}: {name}", ranges)
    return Reach(Exposure.PUBLIC, "no annotation says internal", ranges)


def internal_annotations(service: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of a Service that speak about its reach, as they are there."""
    annotations = (service.get("metadata") or {}).get("annotations") or {}
    known = {name for name, _, _ in _INTERNAL}
    return {name: str(value) for name, value in annotations.items() if name in known}
