"""The network of one rig: a bridge with an address that VMs can reach, and one network namespace for each VM.

The bridge's name carries the number of its network, 10.77.N.0/24, so that making it is the claim: a second test
process gets the next number. VMs have the lower half; the upper half belongs to this computer as a whole, so that
what serves them (the lab) can listen on any address of it.
"""

from __future__ import annotations

import ipaddress
import random
import subprocess
from dataclasses import dataclass

PREFIX = "mvrig"
FIRST_VM = 10


def ip(*words: str) -> str:
    """iproute2's `ip`. Raises NetworkFailed with its words."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        raise NetworkFailed(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class NetworkFailed(RuntimeError):
    """The kernel refused a link, an address or a namespace."""


@dataclass(frozen=True)
class Network:
    """The claimed network number `number`."""

    number: int

    @property
    def bridge(self) -> str:
        """The bridge's name."""
        return f"{PREFIX}{self.number}"

    @property
    def host(self) -> str:
        """This computer's address on the bridge."""
        return f"10.77.{self.number}.1"

    @property
    def cidr(self) -> str:
        """The whole network."""
        return f"10.77.{self.number}.0/24"

    def address(self, index: int) -> str:
        """The address of the VM number `index`."""
        return f"10.77.{self.number}.{FIRST_VM + index}"

    def namespace(self, index: int) -> str:
        """The network namespace of the VM number `index`."""
        return f"{PREFIX}{self.number}-{index}"

    def add(self, index: int) -> str:
        """Makes the VM's namespace with its one interface, up and addressed; gives the namespace's name."""
        name = self.namespace(index)
        ip("netns", "add", name)
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", name, "master", self.bridge, "up")
        ip("-n", name, "address", "add", f"{self.address(index)}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", name, "link", "set", device, "up")
        ip("-n", name, "route", "add", "default", "via", self.host)
        return name

    def remove(self, index: int) -> None:
        """Takes the namespace and its link away; nothing where they are gone."""
        name = self.namespace(index)
        for words in (("link", "delete", name), ("netns", "delete", name)):
            _quietly(*words)

    def close(self) -> None:
        """Takes the bridge, its routes and every namespace of it away."""
        for line in ip("netns", "list").splitlines():
            name = line.split()[0]
            if name.startswith(f"{self.bridge}-"):
                self.remove(int(name.rpartition("-")[2]))
        _quietly("route", "delete", "local", f"10.77.{self.number}.128/25", "dev", "lo")
        _quietly("link", "delete", self.bridge)


def claim() -> Network:
    """The first free network of 10.77.0.0/16, from a place that chance chooses."""
    numbers = list(range(1, 255))
    random.shuffle(numbers)
    routes = ip("route", "show", "table", "all")
    for number in numbers:
        network = Network(number)
        if f"10.77.{number}." in routes or _overlaps(network, routes):
            continue
        try:
            ip("link", "add", network.bridge, "type", "bridge", "forward_delay", "0")
        except NetworkFailed as error:
            if "exists" in str(error):
                continue
            raise
        ip("address", "add", f"{network.host}/24", "dev", network.bridge)
        ip("link", "set", network.bridge, "up")
        ip("route", "add", "local", f"10.77.{number}.128/25", "dev", "lo")
        return network
    raise NetworkFailed("every network of 10.77.0.0/16 is taken")


def _overlaps(network: Network, routes: str) -> bool:
    """Whether this computer already uses a part of the network for something else than its default route."""
    wanted = ipaddress.ip_network(network.cidr)
    for line in routes.splitlines():
        for word in line.split()[:2]:
            try:
                if wanted.overlaps(ipaddress.ip_network(word)):
                    return True
            except ValueError:
                continue
    return False


def _quietly(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=False, timeout=20)
