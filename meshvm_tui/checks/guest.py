"""Preflight of a VM: what is on it that a sidecar, or the samples, will stumble over."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from meshvm_tui.checks.guest_seen import GuestSeen, Listener
from meshvm_tui.findings import Finding, Severity, found
from meshvm_tui.ports import GuestFacts

SIDECAR_PORTS = (15000, 15001, 15006, 15020, 15021, 15053, 15090)
"""Envoy's admin, outbound, inbound; the agent's own, its health and its DNS; Prometheus (Istio's "Ports used")."""

OLDEST_LIBC = (2, 28)
"""EL8's, the oldest that Istio has published packages for since 1.19 (its release notes: no CentOS 7 any more)."""

ROOM_MIB = {"/usr": 300, "/var": 50, "/tmp": 100}  # noqa: S108 (where the order is unpacked on the VM)
"""What the package (envoy and pilot-agent) and its download take, with some to spare."""

CLOCK_NOTICE = 5.0
"""Seconds: from here on a fresh certificate has been refused as not valid yet (istio/istio#32176)."""

_VIRTUAL = re.compile(r"(docker|br-|virbr|cni|podman|lxc|lxd|veth|vnet|flannel|cali)")
_STUBS = ("systemd-resolve", "systemd-resolved")


@dataclass(frozen=True)
class GuestWants:
    """What the plan wants of this VM. `http_port` is 0 where no sample server is wanted."""

    address: str
    capture_dns: bool = True
    http_port: int = 0


def guest_findings(facts: GuestFacts, wants: GuestWants) -> tuple[Finding, ...]:
    """Everything worth saying before the first change, errors first."""
    seen = GuestSeen(facts)
    told = [finding for check in CHECKS for finding in check(seen, wants)]
    return tuple(sorted(told, key=lambda finding: _ORDER.index(finding.severity)))


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that stop a run."""
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)


_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def _read_only(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    if places := seen.text("disk", "read_only").split():
        yield found("MVM-448", f"{', '.join(places)} cannot be written, even by root", severity=Severity.ERROR)


def _sidecar_ports(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    """Of the range, only what the sidecar itself listens on keeps it from starting."""
    if not seen.sidecar_rests:
        return
    within = [held for held in seen.listeners if 15000 <= held.port <= 15090]
    for severity, chosen in (
        (Severity.ERROR, [held for held in within if held.port in SIDECAR_PORTS]),
        (Severity.WARNING, [held for held in within if held.port not in SIDECAR_PORTS]),
    ):
        if chosen:
            yield found("MVM-444", _held(chosen), severity=severity)


def _chains(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    if seen.sidecar_rests and (chains := seen.text("network", "chains").splitlines()):
        yield found("MVM-443", f"istio.service does not run, but there are {', '.join(chains)}")


def _resolver(seen: GuestSeen, wants: GuestWants) -> Iterator[Finding]:
    """With DNS capture, what goes to the servers of /etc/resolv.conf is redirected to the agent, which asks those
    servers itself: systemd-resolved's stub bears that, a resolver that asks the same servers may ask in circles."""
    local = [held for held in seen.listeners if held.port == 53]
    if not local or not wants.capture_dns:
        return
    names = {name for held in local for name, _ in held.holders}
    stub = bool(names) and names <= set(_STUBS)
    servers = ", ".join(seen.text("network", "nameservers").splitlines()) or "none"
    yield found(
        "MVM-440",
        f"{_held(local)}; /etc/resolv.conf names {servers}",
        severity=Severity.INFO if stub else Severity.WARNING,
    )


def _addresses(seen: GuestSeen, wants: GuestWants) -> Iterator[Finding]:
    """Left to itself the sidecar would register the first of `hostname --all-ip-addresses` (istio/istio#39519)."""
    others = [
        f"{address} ({name})"
        for name, address in seen.interfaces
        if address != wants.address and not _VIRTUAL.match(name) and not _is_link_local(address)
    ]
    if others:
        yield found(
            "MVM-441", f"{wants.address} is registered; it also has {', '.join(others)}", severity=Severity.INFO
        )
    if wants.address and _is_link_local(wants.address):
        yield found("MVM-441", f"{wants.address} is link-local: no Pod reaches it", title="The address is link-local")


def _virtual_networks(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    if networks := [f"{name} {address}" for name, address in seen.interfaces if _VIRTUAL.match(name)]:
        yield found("MVM-442", ", ".join(networks))


def _libc(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    words = seen.text("os", "libc")
    version = re.fullmatch(r"glibc (\d+)\.(\d+).*", words)
    if version and (int(version[1]), int(version[2])) < OLDEST_LIBC:
        yield found("MVM-445", f"{seen.text('os', 'name')} has {words}, {'.'.join(map(str, OLDEST_LIBC))} is wanted")


def _room(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    if seen.has_package:
        return
    scarce = [
        f"{place} has {seen.free_kib[place] // 1024} MiB left, about {mib} are wanted"
        for place, mib in ROOM_MIB.items()
        if seen.free_kib.get(place, mib << 10) < mib << 10
    ]
    if scarce:
        yield found("MVM-446", "; ".join(scarce))


def _clock(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    skew = seen.facts.clock_skew
    if abs(skew) > CLOCK_NOTICE:
        yield found("MVM-423", f"it is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this computer")


def _selinux(seen: GuestSeen, _: GuestWants) -> Iterator[Finding]:
    if seen.text("os", "selinux").strip() == "1":
        yield found("MVM-447", "/sys/fs/selinux/enforce is 1", severity=Severity.INFO)


def _sample_server(seen: GuestSeen, wants: GuestWants) -> Iterator[Finding]:
    """An old server that answers on the sample's port would pass for ours."""
    if not wants.http_port:
        return
    if "python3" in seen.text("os", "lacks").split():
        yield found("MVM-428", "python3 is not installed: the sample HTTP server needs it")
    if strangers := strangers_at(seen.facts, wants.address, wants.http_port):
        yield found("MVM-604", _held(strangers))


def strangers_at(facts: GuestFacts, address: str, port: int) -> list[Listener]:
    """Who else than the sample server's unit listens on a port, at this address or at every one."""
    seen = GuestSeen(facts)
    own = seen.property("http", "MainPID")
    places = (address, f"[{address}]", "0.0.0.0", "*", "[::]")  # noqa: S104 (as `ss` writes it)
    return [
        held
        for held in seen.listeners
        if held.port == port and held.address in places and own not in {pid for _, pid in held.holders}
    ]


def _held(listeners: list[Listener]) -> str:
    return "; ".join(held.words for held in listeners)


def _is_link_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_link_local
    except ValueError:
        return False


CHECKS: tuple[Callable[[GuestSeen, GuestWants], Iterator[Finding]], ...] = (
    _read_only,
    _sidecar_ports,
    _chains,
    _resolver,
    _addresses,
    _virtual_networks,
    _libc,
    _room,
    _clock,
    _selinux,
    _sample_server,
)
