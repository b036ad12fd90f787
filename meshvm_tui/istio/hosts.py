"""The file `hosts`: the one line by which a VM finds istiod behind the gateway's address."""

from __future__ import annotations

import ipaddress

from meshvm_tui.istio.names import istiod_host


def is_ip(address: str) -> bool:
    """Whether this is an IPv4 or IPv6 address, and nothing else."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def render(gateway_address: str, *, istio_namespace: str, revision: str) -> str:
    """The line, with its line feed. ValueError where the address is no IP: an empty file would hide the failure."""
    if not is_ip(gateway_address):
        raise ValueError(f"{gateway_address!r} is no IP address")
    return f"{gateway_address} {istiod_host(istio_namespace, revision)}\n"


def parse(text: str) -> dict[str, str]:
    """Host name to address. The first line of a name wins, as it does for the resolver. Comments are left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found.setdefault(name, address)
    return found
