"""Every range from which a GKE cluster's Pods may come, and where each stands in the cluster's own description.

`clusterIpv4Cidr` is the default range only: additional ones belong to the cluster, to its further subnetworks or to
single node pools. The container API names most of these by the subnetwork's secondary range, without its addresses
(container v1: AdditionalPodRangesConfig, AdditionalIPRangesConfig), so the subnetworks are asked too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DEFAULT, ADDITIONAL = "the cluster's default range", "an additional range of the cluster"


@dataclass(frozen=True)
class PodRanges:
    """The ranges, each with its origin, the default one first; and the secondary ranges that no subnetwork explains."""

    ranges: tuple[tuple[str, str], ...]
    unexplained: tuple[str, ...] = ()

    @property
    def cidrs(self) -> tuple[str, ...]:
        """The ranges alone."""
        return tuple(cidr for cidr, _ in self.ranges)


def pod_ranges(cluster: JSON, subnetworks: Sequence[JSON] = ()) -> PodRanges:
    """All of them; a range that lies in another one is left out. `subnetworks` are those of the network's project."""
    found: dict[Network, str] = {}
    unexplained = []
    for cidr, name, subnetwork, origin in _named(cluster):
        cidrs = [cidr] if cidr else _secondary(name, subnetwork, subnetworks)
        if not cidrs and name:
            unexplained.append(name)
        for text in cidrs:
            found.setdefault(ipaddress.ip_network(text, strict=False), origin)
    ranges = tuple((str(one), origin) for one, origin in found.items() if not _is_within(one, found))
    return PodRanges(ranges, tuple(dict.fromkeys(unexplained)))


def _named(cluster: JSON) -> Iterator[tuple[str, str, str, str]]:
    """Range, secondary range's name, subnetwork's name and origin; what is not said is ""."""
    policy = cluster.get("ipAllocationPolicy", {})
    own = _short(str(cluster.get("subnetwork", "")))
    default = str(cluster.get("clusterIpv4Cidr") or policy.get("clusterIpv4CidrBlock") or "")
    yield default, str(policy.get("clusterSecondaryRangeName", "")), own, DEFAULT
    for name in policy.get("additionalPodRangesConfig", {}).get("podRangeNames", []):
        yield "", name, own, ADDITIONAL
    for more in policy.get("additionalIpRangesConfigs", []):
        other = _short(str(more.get("subnetwork", "")))
        for name in more.get("podIpv4RangeNames", []):
            yield "", name, other, f"a range of the additional subnetwork {other}"
    for pool in cluster.get("nodePools", []):
        network, origin = pool.get("networkConfig", {}), f"node pool {pool.get('name', '')}"
        place = _short(str(network.get("subnetwork", ""))) or own
        yield str(network.get("podIpv4CidrBlock", "")), str(network.get("podRange", "")), place, origin
        for more in network.get("additionalPodNetworkConfigs", []):
            yield "", str(more.get("secondaryPodRange", "")), _short(str(more.get("subnetwork", ""))), origin


def _secondary(name: str, subnetwork: str, subnetworks: Sequence[JSON]) -> list[str]:
    return [
        str(item["ipCidrRange"])
        for found in subnetworks
        if not subnetwork or found.get("name") == subnetwork
        for item in found.get("secondaryIpRanges", [])
        if item.get("rangeName") == name
    ]


def _short(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


def _is_within(one: Network, found: dict[Network, str]) -> bool:
    return any(other != one and other.version == one.version and one.subnet_of(other) for other in found)  # type: ignore[arg-type]
