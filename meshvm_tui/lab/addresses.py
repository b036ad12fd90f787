"""Which loopback addresses a lab owns: a block of 127.0.0.0/8 that no other lab on this computer has.

A block is claimed by holding a listening socket in it, so that the kernel settles every race and a lab
that dies leaves nothing behind. Where the system knows only 127.0.0.1, every role gets that address.
A lab that serves machines outside of this computer's loopback is given a range of addresses instead.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import random
import socket
from pathlib import Path

ONLY = "127.0.0.1"
CLAIM_PORT = 14999  # held on the first address of a block while its lab runs
FIRST_HOST, LAST_HOST = 2, 254


class NoAddresses(RuntimeError):
    """Every address of the lab's block is taken."""


class Addresses:
    """Gives each role (`api`, `vm/web-1`, `service/ns/name`, ...) an address, the same at every start."""

    def __init__(self, state: Path, seed: int = 0, pool: str = "") -> None:
        """`pool` is a range such as 10.77.5.128/27 whose addresses this computer has; NoAddresses where it has not."""
        self._file = state / "addresses.json"
        self._roles: dict[str, int] = {}
        self._claim: socket.socket | None = None
        self._pool = pool
        block = self._read()
        self._first, self._last = FIRST_HOST, LAST_HOST
        self._block = self._claim_pool(pool) if pool else self._claim_block(block, seed)
        self._write()

    @property
    def single(self) -> bool:
        """Whether this computer has only 127.0.0.1, so that one VM is all that fits."""
        return self._block == ""

    @property
    def pod_range(self) -> str:
        """The range that all addresses of Pods are in; others of the lab may be in it too."""
        return "10.244.0.0/16" if self.single else self._pool or f"{self._block}.0/24"

    def take(self, role: str) -> str:
        """The role's address; a free one the first time."""
        if self.single:
            return ONLY
        if role not in self._roles:
            used = set(self._roles.values())
            free = [host for host in range(self._first, self._last + 1) if host not in used]
            if not free:
                raise NoAddresses(f"the block {self._block}.0/24 has no address left for {role}")
            self._roles[role] = free[0]
            self._write()
        return f"{self._block}.{self._roles[role]}"

    def take_pod(self, role: str) -> str:
        """A Pod's IP: an address of the block; where there is none, one that no socket has."""
        if not self.single:
            return self.take(role)
        if role not in self._roles:
            self._roles[role] = next(host for host in itertools.count(FIRST_HOST) if host not in self._roles.values())
        return f"10.244.{self._roles[role] // 256}.{self._roles[role] % 256}"

    def release(self, role: str) -> None:
        """Gives an address back; nothing where the role has none."""
        if self._roles.pop(role, None) is not None:
            self._write()

    def close(self) -> None:
        """Gives the block back to the computer; the roles stay on disk for the next start."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def _read(self) -> str:
        try:
            saved = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ""
        self._roles = {str(role): int(host) for role, host in saved.get("roles", {}).items()}
        return str(saved.get("block", ""))

    def _write(self) -> None:
        text = json.dumps({"block": self._block, "roles": self._roles}, indent=1)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._file)

    def _claim_pool(self, pool: str) -> str:
        network = ipaddress.ip_network(pool)
        block, _, first = str(network[0]).rpartition(".")
        self._first, self._last = int(first) + 1, int(first) + network.num_addresses - 2
        self._claim = _listen(str(network[0]))
        if self._claim is None:
            raise NoAddresses(f"the addresses {pool} are another lab's, or not this computer's")
        return block

    def _claim_block(self, wanted: str, seed: int) -> str:
        chance = random.Random(seed)  # spreads labs over blocks; the claim decides
        tries = [wanted] if wanted else []
        tries += [f"127.{chance.randint(20, 250)}.{chance.randint(1, 250)}" for _ in range(64)]
        for block in tries:
            claim = _listen(f"{block}.1")
            if claim is not None:
                self._claim = claim
                return block
        return ""


def _listen(address: str) -> socket.socket | None:
    claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        claim.bind((address, CLAIM_PORT))
        claim.listen(1)
    except OSError:
        claim.close()
        return None
    return claim
