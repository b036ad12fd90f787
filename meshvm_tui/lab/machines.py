"""The lab's VMs and what they need from outside: the lab's SSH key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from meshvm_tui.lab.environment import SSH_PORT, LabMachine, write_private

if TYPE_CHECKING:
    from meshvm_tui.lab.addresses import Addresses
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.faults import Faults
    from meshvm_tui.lab.guest.vm import Vm

SSH_USER = "operator"


class Machines:
    """Starts and stops the VMs. `opens(name)` judges keys other than the lab's own, as `type base64`, for a user."""

    def __init__(
        self,
        state: Path,
        addresses: Addresses,
        faults: Faults,
        clock: Clock,
        count: int,
        *,
        opens: Callable[[str], Callable[[str, str], bool]],
    ) -> None:
        self._state = state
        self._addresses = addresses
        self._faults = faults
        self._clock = clock
        self._count = min(count, 1) if addresses.single else count
        self._opens = opens
        self.vms: list[Vm] = []

    async def start(self) -> None:
        """Boots every VM, all at once."""
        from meshvm_tui.lab.guest.vm import Vm

        key = lab_key(self._state / "ssh")
        for number in range(1, self._count + 1):
            name = f"vm-{number}"
            address = self._addresses.take(f"vm/{name}")
            port = 0 if self._addresses.single else SSH_PORT
            folder = self._state / "vms" / name
            opens = self._opens(name)
            self.vms.append(Vm(name, address, port, folder, self._faults, self._clock, key, SSH_USER, opens))
        await asyncio.gather(*(asyncio.to_thread(vm.start) for vm in self.vms))
        self._write_known_hosts()

    async def stop(self) -> None:
        """Takes every VM down: no process of them is left."""
        await asyncio.gather(*(asyncio.to_thread(vm.stop) for vm in self.vms), return_exceptions=True)

    def described(self) -> list[LabMachine]:
        """The VMs as the plan names them."""
        return [LabMachine(vm.name, vm.address, vm.ssh_port, SSH_USER, vm.host_key_fingerprint) for vm in self.vms]

    def _write_known_hosts(self) -> None:
        lines = [f"[{vm.address}]:{vm.ssh_port} {vm.ssh.public_key}" for vm in self.vms]
        write_private(self._state / "ssh" / "known_hosts", "".join(f"{line}\n" for line in lines))


def lab_key(folder: Path) -> str:
    """The only key that opens the lab's VMs, made once; gives its public half as one line."""
    folder.mkdir(mode=0o700, exist_ok=True)
    private, public = folder / "id_ed25519", folder / "id_ed25519.pub"
    if not private.exists():
        key = ed25519.Ed25519PrivateKey.generate()
        line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        write_private(public, f"{line.decode()} meshvm-lab\n")
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        write_private(private, pem.decode())
    return public.read_text(encoding="ascii").strip()
