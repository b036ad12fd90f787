"""The VMs behind instances: each is a lab VM on an internal address, with an external one led to it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from meshvm_tui.lab.environment import SSH_PORT
from meshvm_tui.lab.google.metadata import write_metadata
from meshvm_tui.lab.google.nat import Nat
from meshvm_tui.lab.google.state import Cloud

if TYPE_CHECKING:
    from meshvm_tui.lab.addresses import Addresses
    from meshvm_tui.lab.guest.vm import Vm

JSON = dict[str, Any]
USER = "debian"  # nobody logs in as this one: whoever may come in is in metadata
LOOP_SECONDS = 20.0
_T = TypeVar("_T")


class Instances:
    """Implements `world.InstanceHost`: called from worker threads, while the loop that made it runs.

    Where this computer has but one loopback address, internal and external are the same one, and no NAT is there."""

    def __init__(self, state: Path, addresses: Addresses, cloud: Cloud) -> None:
        self._folder = state / "vms"
        self._addresses = addresses
        self._cloud = cloud
        self._nat = Nat(self._allows)
        self._loop = asyncio.get_running_loop()
        self._vms: dict[str, Vm] = {}
        self._adopted: set[str] = set()
        self._running: set[str] = set()

    def adopt(self, vms: Iterable[Vm]) -> None:
        """Shows VMs that the lab has already as instances that somebody else made; those that the APIs stopped in an
        earlier life are stopped again."""
        for vm in vms:
            self._cloud.add_running(vm.name, (vm.address, vm.address))
            instance = self._cloud.instance(vm.name)
            self._vms[vm.name] = vm
            self._adopted.add(vm.name)
            if instance is None or instance["status"] != "RUNNING":
                vm.stop()
                continue
            self._running.add(vm.name)
            write_metadata(vm.folder, instance)

    def instance_at(self, address: str) -> str | None:
        """The instance made through Compute Engine that has an internal address."""
        vms = list(self._vms.items())
        return next((name for name, vm in vms if vm.address == address and name not in self._adopted), None)

    def opens(self, name: str) -> Callable[[str, str], bool]:
        """Whether a key, as `type base64`, lets a user into an instance now."""

        def opens(user: str, key: str) -> bool:
            return any((user, key) == held[:2] for held in self._cloud.keys_for(name))

        return opens

    def addresses(self, name: str) -> tuple[str, str]:
        """Internal and external."""
        if name in self._adopted:
            return self._vms[name].address, self._vms[name].address
        return self._in_loop(self._take(name))

    def boot(self, name: str, instance: JSON) -> None:
        """Makes and starts the VM."""
        if name in self._running:
            return
        internal, external = self.addresses(name)
        vm = self._vms.get(name) or self._make(name, internal)
        write_metadata(vm.folder, self._settled(name, internal, external) or instance)
        vm.start()
        self._running.add(name)
        if external != internal and _has_external(instance):
            self._in_loop(self._nat.open(name, (external, SSH_PORT), (internal, vm.ssh_port)))

    def halt(self, name: str) -> None:
        """Stops the VM."""
        if name in self._running:
            self._running.discard(name)
            self._in_loop(self._nat.close(name))
            self._vms[name].stop()

    def delete(self, name: str) -> None:
        """Stops the VM and throws its disk away."""
        self.halt(name)
        self._vms.pop(name, None)
        shutil.rmtree(self._folder / name, ignore_errors=True)
        if name in self._adopted:
            self._adopted.discard(name)  # one of that name that is made later is Compute Engine's own
        else:
            self._in_loop(self._give_back(name))

    def host_keys(self, name: str) -> Mapping[str, str]:
        """Once it has booted."""
        if name not in self._running:
            return {}
        kind, _, key = self._vms[name].ssh.public_key.partition(" ")
        return {kind: key}

    def serial(self, name: str) -> str:
        """As much of a boot as is worth reading."""
        if name not in self._running:
            return ""
        vm = self._vms[name]
        return (
            f"[    0.000000] Linux version 6.1.0-lab-cloud-amd64\r\nDebian GNU/Linux 12 {name} ttyS0\r\n"
            f"-----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n256 {vm.host_key_fingerprint} root@{name} (ED25519)\r\n"
            f"-----END SSH HOST KEY FINGERPRINTS-----\r\n\r\n{name} login: "
        )

    def ssh_of(self, name: str) -> tuple[str, int] | None:
        """Where the SSH server of an instance really listens; None while it does not run."""
        vm = self._vms.get(name)
        return (vm.address, vm.ssh_port) if vm is not None and name in self._running else None

    async def stop(self) -> None:
        """Takes down what this made; what the APIs call RUNNING boots again with the next start."""
        await self._nat.close_all()
        own = [vm for name, vm in self._vms.items() if name not in self._adopted]
        await asyncio.gather(*(asyncio.to_thread(vm.stop) for vm in own), return_exceptions=True)

    def _make(self, name: str, address: str) -> Vm:
        from meshvm_tui.lab.guest.vm import Vm

        faults, clock = self._cloud.faults, self._cloud.clock
        vm = Vm(name, address, SSH_PORT, self._folder / name, faults, clock, "", USER, self.opens(name))
        self._vms[name] = vm
        return vm

    def _settled(self, name: str, internal: str, external: str) -> JSON | None:
        """The instance, with the addresses that it has from now on: a start may bring others."""
        with self._cloud.lock:
            found = self._cloud.find(name)
            if found is None:
                return None
            nic = found["networkInterfaces"][0]
            nic["networkIP"] = internal
            for config in nic.get("accessConfigs", ()):
                config["natIP"] = external
            self._cloud.save()
        return self._cloud.instance(name)

    def _allows(self, source: str, name: str, port: int) -> bool:
        return self._cloud.allows(source, name, port, ssh_port=SSH_PORT)

    async def _take(self, name: str) -> tuple[str, str]:
        return self._addresses.take(f"instance/{name}"), self._addresses.take(f"instance/{name}/external")

    async def _give_back(self, name: str) -> None:
        self._addresses.release(f"instance/{name}")
        self._addresses.release(f"instance/{name}/external")

    def _in_loop(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LOOP_SECONDS)


def _has_external(instance: JSON) -> bool:
    return any(nic.get("accessConfigs") for nic in instance["networkInterfaces"])
