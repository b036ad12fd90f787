"""Where to log in and as whom: from a machine of the plan, and from ssh's configuration where the plan is silent."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.adapters.ssh_config import DEFAULT_KEYS, SshConfig, ssh_config
from meshvm_tui.adapters.ssh_host_keys import AcceptHostKey, HostKeys
from meshvm_tui.adapters.ssh_keys import Keys
from meshvm_tui.problems import PermanentError

if TYPE_CHECKING:
    from paramiko import PKey

    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import Secrets


@dataclass(frozen=True)
class SshTarget:
    """A host with the login to it. `key` is a private key's path, or "" for ssh-agent and `keys`; `known_host` pins
    the host key; `jump` is user@host:port of a host in between, or several with commas between them, the first hop
    first; `known_as` is the name under which known_hosts has it, where that is another (HostKeyAlias). `published`
    are host keys (`<type> <base64>`) that the machine told its cloud, `held_key` is a key in memory that alone is
    tried, `connect` gives a connected socket where the way is no plain TCP connection."""

    host: str
    port: int
    user: str
    key: str
    known_host: str
    own_known_hosts: Path
    jump: str = ""
    operator_known_hosts: tuple[Path, ...] = (Path("~/.ssh/known_hosts"),)
    keys: tuple[Path, ...] = tuple(Path("~/.ssh") / name for name in DEFAULT_KEYS)
    only_these_keys: bool = False
    agent: str = ""
    known_as: str = ""
    published: tuple[str, ...] = ()
    held_key: Callable[[], PKey] | None = field(default=None, compare=False, repr=False)
    connect: Callable[[], socket.socket] | None = field(default=None, compare=False, repr=False)
    accept: AcceptHostKey | None = field(default=None, compare=False)
    secrets: Secrets | None = field(default=None, compare=False, repr=False)

    @property
    def where(self) -> str:
        """For the words of problems."""
        return f"{self.user}@{self.host}:{self.port}"

    def host_keys(self) -> HostKeys:
        """What is known of its host key."""
        return HostKeys(
            host=self.known_as or self.host,
            port=22 if self.known_as else self.port,
            pin=self.known_host,
            operator_files=tuple(path.expanduser() for path in self.operator_known_hosts),
            own_file=self.own_known_hosts,
            accept=self.accept,
            published=self.published,
        )

    def login_keys(self, cancelled: Callable[[], bool]) -> Keys:
        """The keys that the login may try."""
        files = tuple(path.expanduser() for path in self.keys)
        return Keys(self.key, files, self.only_these_keys, self.agent, self.secrets, cancelled, self.held_key)

    def jump_target(self) -> SshTarget:
        """The last host in between, as a target of its own; those before it are on the way to it. Raises
        PermanentError MVM-416 for a hop that cannot be read."""
        before, _, last = self.jump.rpartition(",")
        user, host, port = _login_of(last)
        config = ssh_config(host, user, port)
        return replace(
            _configured(self, config),
            # The key that the plan names is the machine's; ssh, too, offers it to the hops only where they say so.
            key="" if config.keys_are_named else self.key,
            user=config.user or self.user,
            known_host="",
            jump=before or config.jump,
        )


def target_for(
    machine: Machine, *, own_known_hosts: Path, accept: AcceptHostKey | None = None, secrets: Secrets | None = None
) -> SshTarget:
    """A machine of the plan; what the plan leaves out is as ssh's configuration says. Raises a Problem where the plan
    names no way that works here."""
    if machine.ssh.via == "iap":
        raise PermanentError("MVM-415", f"machine {machine.name} says via: iap and is no instance (gce)")
    if not machine.host:
        raise PermanentError("MVM-429", f"machine {machine.name} has no host")
    jumps = machine.ssh.via == "jump"
    if jumps and not machine.ssh.jump:
        raise PermanentError("MVM-416", f"machine {machine.name} says via: jump and names no ssh.jump")
    config = ssh_config(machine.host.strip("[]"), machine.ssh.user or "", machine.ssh.port)
    plain = SshTarget(
        host=config.host,
        port=config.port,
        user=config.user or getpass.getuser(),
        key=machine.ssh.key,
        known_host=machine.ssh.known_host,
        own_known_hosts=own_known_hosts,
        accept=accept,
        secrets=secrets,
    )
    return replace(_configured(plain, config), jump=machine.ssh.jump if jumps else config.jump)


def target_on_compute_engine(
    machine: Machine,
    *,
    address: str,
    user: str,
    known_as: str,
    published: tuple[str, ...],
    key: Callable[[], PKey] | None,
    connect: Callable[[], socket.socket] | None,
    own_known_hosts: Path,
    secrets: Secrets | None = None,
) -> SshTarget:
    """An instance: Google says where it is and which host keys it has, and ssh's configuration is not asked."""
    return SshTarget(
        host=address,
        port=machine.ssh.port,
        user=user,
        key=machine.ssh.key,
        known_host=machine.ssh.known_host,
        own_known_hosts=own_known_hosts,
        operator_known_hosts=(Path("~/.ssh/known_hosts"), Path("~/.ssh/google_compute_known_hosts")),
        known_as=known_as,
        published=published,
        held_key=key,
        connect=connect,
        secrets=secrets,
    )


def _configured(target: SshTarget, config: SshConfig) -> SshTarget:
    return replace(
        target,
        host=config.host,
        port=config.port,
        keys=config.keys,
        only_these_keys=config.only_these_keys,
        agent=config.agent,
        operator_known_hosts=config.known_hosts,
        known_as=config.known_as,
    )


def _login_of(hop: str) -> tuple[str, str, int]:
    """user, host and port of [user@]host[:port], where an IPv6 address stands in brackets."""
    user, _, place = hop.strip().removeprefix("ssh://").rpartition("@")
    host, _, port = place.rpartition("]")[2].partition(":") if place.startswith("[") else place.partition(":")
    if place.startswith("["):
        host = place[1:].partition("]")[0]
    if not host or not (port or "22").isdigit():
        raise PermanentError("MVM-416", f"{hop!r} is no user@host:port")
    return user, host, int(port or 22)
