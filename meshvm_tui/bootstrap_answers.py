"""What the API server's objects say to the bootstrap files: the gateway's address, the cluster's ID."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from meshvm_tui.istio import hosts
from meshvm_tui.problems import ActionNeeded, PermanentError


def service_address(service: Mapping[str, Any] | None, place: str) -> str:
    """The IP at which VMs reach the gateway: its load balancer's first, else its first external IP.

    ActionNeeded MVM-508 says what is waited for, MVM-509 names the host name of a load balancer without an IP.
    """
    if service is None:
        raise ActionNeeded("MVM-508", f"{place} does not exist: it waits for an east-west gateway")
    ingress = part(service, "status", "loadBalancer").get("ingress") or []
    spec = part(service, "spec")
    address = ""
    if ingress:
        address = str(ingress[0].get("ip") or "")
        if not address and ingress[0].get("hostname"):
            name = ingress[0]["hostname"]
            raise ActionNeeded(
                "MVM-509",
                f"{place} has the host name {name} and no IP address, and hosts needs one",
                next_action=f"Look it up (getent ahostsv4 {name}) and name the address with --ingressIP.",
            )
    elif spec.get("externalIPs"):
        address = str(spec["externalIPs"][0])
    if hosts.is_ip(address):
        return address
    if address:
        raise ActionNeeded("MVM-508", f"{place} has the address {address!r}, which is no IP address")
    kind = spec.get("type") or "ClusterIP"
    if kind != "LoadBalancer":
        cause = f"{place} is of type {kind} and has no externalIPs, so it never gets an address"
        raise ActionNeeded(
            "MVM-508", cause, next_action="Make it a LoadBalancer, or name the address with --ingressIP."
        )
    raise ActionNeeded("MVM-508", f"{place} waits for its load balancer: status.loadBalancer.ingress is empty")


def cluster_name(text: str, place: str) -> str:
    """The cluster's ID by the injector's values (JSON); "" where they name none. PermanentError MVM-507."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise PermanentError("MVM-507", f"{place}: the values cannot be read: {error}") from error
    if values is not None and not isinstance(values, Mapping):
        raise PermanentError("MVM-507", f"{place}: the values are no mapping")
    name = part(values, "global", "multiCluster").get("clusterName")
    return name if isinstance(name, str) else ""


def data(config_map: Mapping[str, Any], key: str) -> str:
    """A value of a ConfigMap; "" where it has none."""
    return str(part(config_map, "data").get(key) or "")


def part(value: Any, *path: str) -> Mapping[str, Any]:
    """A mapping within an object; empty where anything on the way is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
