"""What checks want of a guest's observation, as typed values; it judges nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from meshvm_tui.ports import GuestFacts

_HOLDER = re.compile(r'\("(?P<name>[^"]*)",pid=(?P<pid>\d+)')


@dataclass(frozen=True)
class Listener:
    """A TCP port that is listened on, and by whom: (process name, process id), none where `ss` may not say."""

    address: str
    port: int
    holders: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        """As a person would write it."""
        held = ", ".join(f"{name} (pid {pid})" for name, pid in self.holders)
        return f"{self.address}:{self.port} by {held or 'a process that cannot be seen'}"


@dataclass(frozen=True)
class GuestSeen:
    """The topics of `guest.sh observe` that preflight reads."""

    facts: GuestFacts

    def text(self, topic: str, name: str) -> str:
        """One value; "" where the script had nothing to say."""
        found = self.facts.values.get(topic)
        return str(found.get(name) or "") if isinstance(found, Mapping) else ""

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What listens on port 53, on the sample's port and on 15000 to 15090."""
        return tuple(_listener(line) for line in self.text("network", "listeners").splitlines() if ":" in line)

    @property
    def interfaces(self) -> tuple[tuple[str, str], ...]:
        """(interface, address), loopback left out."""
        lines = (line.split() for line in self.text("network", "interfaces").splitlines())
        return tuple((line[0], line[1]) for line in lines if len(line) == 2 and line[0] != "lo")

    @property
    def free_kib(self) -> Mapping[str, int]:
        """Free KiB by folder."""
        lines = (line.split() for line in self.text("disk", "free_kib").splitlines())
        return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}

    @property
    def has_package(self) -> bool:
        """Whether istio-sidecar is installed whole."""
        return self.text("package", "dpkg").startswith("install ok installed")

    @property
    def sidecar_rests(self) -> bool:
        """Whether istio.service is neither running nor about to: nothing of it should be left then."""
        return self.property("unit", "ActiveState") in ("", "inactive", "failed")

    def property(self, topic: str, name: str) -> str:
        """One of systemd's properties of a unit."""
        lines = (line.partition("=") for line in self.text(topic, "show").splitlines())
        return next((value for found, _, value in lines if found == name), "")


def _listener(line: str) -> Listener:
    where, _, users = line.partition(" ")
    address, _, port = where.rpartition(":")
    holders = dict.fromkeys((found["name"], found["pid"]) for found in _HOLDER.finditer(users))
    return Listener(address, int(port) if port.isdigit() else 0, tuple(holders))
