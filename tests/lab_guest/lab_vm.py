"""What the tests of lab VMs share: a VM in a temporary folder, and a real SSH client of it."""

from __future__ import annotations

import base64
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meshvm_tui.lab.guest.vm import Vm

SILENCE = 60.0
"""Seconds without a word after which a command is taken for stuck."""


@dataclass
class Switches:
    """Faults that a test turns on and off, as lab.faults would give them."""

    on: dict[str, str] = field(default_factory=dict)

    def active(self, name: str) -> bool:
        return name in self.on

    def value(self, name: str) -> str:
        return self.on.get(name, "")


@dataclass
class FixedOffset:
    """A lab clock that is ahead by so many seconds."""

    seconds: float = 0.0

    def offset(self) -> float:
        return self.seconds


@dataclass
class Lab:
    """Where a test's VMs come from."""

    folder: Path
    block: str
    faults: Switches = field(default_factory=Switches)
    clock: FixedOffset = field(default_factory=FixedOffset)
    vms: list[Vm] = field(default_factory=list)
    key: paramiko.PKey = field(init=False)

    def __post_init__(self) -> None:
        file = self.folder / "id_ed25519"
        file.write_bytes(
            Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
        )
        self.key = paramiko.Ed25519Key.from_private_key_file(str(file))

    @property
    def authorized(self) -> str:
        return f"{self.key.get_name()} {self.key.get_base64()}"

    def vm(self, name: str = "vm-1", *, namespaces: bool = True) -> Vm:
        address = f"{self.block}.{10 + len(self.vms)}"
        made = Vm(
            name,
            address,
            0,
            self.folder / "a lab" / name,
            self.faults,
            self.clock,
            authorized_key=self.authorized,
            namespaces=namespaces,
        )
        made.start()
        self.vms.append(made)
        return made

    def close(self) -> None:
        for vm in self.vms:
            vm.stop()


@dataclass
class Said:
    """What a command over SSH answered."""

    code: int
    out: str
    err: str


class Login:
    """A real SSH connection to a VM."""

    def __init__(self, vm: Vm, key: paramiko.PKey, user: str = "operator") -> None:
        sock = socket.create_connection((vm.address, vm.ssh_port), timeout=10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._vm = vm
        self.client = paramiko.SSHClient()
        host = f"[{vm.address}]:{vm.ssh_port}"
        name, _, text = vm.ssh.public_key.partition(" ")
        host_key = paramiko.PKey.from_type_string(name, base64.b64decode(text))
        self.client.get_host_keys().add(host, name, host_key)
        try:
            self.client.connect(
                vm.address, vm.ssh_port, user, pkey=key, sock=sock, allow_agent=False, look_for_keys=False, timeout=10
            )
        except BaseException:
            sock.close()
            raise

    def run(self, command: str, stdin: bytes = b"") -> Said:
        _, out, err = self.client.exec_command(command, timeout=SILENCE)
        channel = out.channel
        channel.sendall(stdin)
        channel.shutdown_write()
        try:
            text, words = out.read().decode(), err.read().decode()
        except TimeoutError as error:
            raise AssertionError(f"{command}: no word for {SILENCE:.0f} s; there runs\n{self._running()}") from error
        return Said(channel.recv_exit_status(), text, words)

    def _running(self) -> str:
        """What the VM is at, as far as it still answers."""
        found: list[str] = []
        asking = threading.Thread(target=lambda: found.append(self._vm.run("ps -ef").stdout), daemon=True)
        asking.start()
        asking.join(5)
        return found[0] if found else "it does not answer"

    def ok(self, command: str, stdin: bytes = b"") -> str:
        said = self.run(command, stdin)
        assert said.code == 0, f"{command}: {said}"
        return said.out

    def close(self) -> None:
        self.client.close()
