"""The lab's Google Cloud with VMs that boot, in this process, and a client that logs in to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paramiko
import requests

from meshvm_tui.lab.addresses import Addresses
from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.faults import CATALOG, Faults
from meshvm_tui.lab.google.catalogue import ACCOUNT
from meshvm_tui.lab.google.everything import Google
from meshvm_tui.lab.google.faults import GOOGLE_FAULTS
from meshvm_tui.lab.google.tokens import CLOUD_PLATFORM, EMAIL_SCOPE
from meshvm_tui.lab.guest.vm import Vm
from tests.lab_google.google_lab import COMPUTE, ZONE, instance_body

JSON = dict[str, Any]
DEADLINE = 20.0  # seconds
SSH_PORT = 2222
NAME = "my-mesh-vm"


class GoogleVms:
    """One life of a world in `state`; `vms` are what the lab has besides."""

    def __init__(self, state: Path, vms: Callable[[GoogleVms], list[Vm]] = lambda _: []) -> None:
        CATALOG.update(GOOGLE_FAULTS)
        self.state = state
        self.clock = Clock(state / "clock")
        self.faults = Faults(state / "faults")
        self.addresses = Addresses(state)
        self._made = vms
        self.google: Google = None  # type: ignore[assignment]  # made in its loop
        self.environment: dict[str, str] = {}

    async def start(self) -> None:
        """Listens and boots."""
        self.google = Google(self.state, self.addresses, self.clock, self.faults, 0)
        self.vms = self._made(self)
        for vm in self.vms:
            await asyncio.to_thread(vm.start)
        self.environment = await self.google.start("https://127.0.0.1:6443", "CA", self.vms)

    async def stop(self) -> None:
        """Takes it down; no process of a VM is left."""
        await self.google.stop()
        for vm in self.vms:
            await asyncio.to_thread(vm.stop)
        self.addresses.close()

    def ask(self, method: str, path: str, body: JSON | None = None) -> tuple[int, JSON]:
        """One request below the project: status and answer."""
        base = self.environment["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"].removesuffix("/compute/v1/")
        token = self.google.cloud.tokens.mint(ACCOUNT, [CLOUD_PLATFORM, EMAIL_SCOPE])
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, f"{base}{COMPUTE}/{path}", json=body, headers=headers, timeout=DEADLINE)
        return answer.status_code, answer.json()

    def do(self, method: str, path: str, body: JSON | None = None) -> None:
        """One request that begins an operation, to its end."""
        status, operation = self.ask(method, path, body)
        while status == 200 and operation["status"] != "DONE":
            place = "global" if "zone" not in operation else f"zones/{ZONE}"
            status, operation = self.ask("POST", f"{place}/operations/{operation['name']}/wait")
        assert status == 200 and "error" not in operation, operation

    def insert(self, name: str = NAME, **more: Any) -> JSON:
        """Makes an instance and waits until its VM has booted; the instance."""
        self.do("POST", f"zones/{ZONE}/instances", instance_body(name, **more))
        until(lambda: self.google.instances.ssh_of(name) is not None, f"{name} does not boot")
        return self.instance(name)

    def instance(self, name: str = NAME) -> JSON:
        """The instance as the API tells it."""
        status, found = self.ask("GET", f"zones/{ZONE}/instances/{name}")
        assert status == 200, found
        return found

    def external(self, name: str = NAME) -> str:
        """Its external address."""
        return str(self.instance(name)["networkInterfaces"][0]["accessConfigs"][0]["natIP"])

    def internal(self, name: str = NAME) -> str:
        """Its internal address."""
        return str(self.instance(name)["networkInterfaces"][0]["networkIP"])

    def key_line(self, key: paramiko.PKey, user: str, seconds: float) -> str:
        """A key for metadata, which ends so many seconds from the lab's present."""
        ends = datetime.fromtimestamp(self.clock.now() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
        told = f'{{"userName":"{user}","expireOn":"{ends}"}}'
        return f"{user}:{key.get_name()} {key.get_base64()} google-ssh {told}"


@contextmanager
def google_vms(state: Path, vms: Callable[[GoogleVms], list[Vm]] = lambda _: []) -> Iterator[GoogleVms]:
    """A life of the world."""
    from tests.iap.relays import Loop

    loop, world = Loop(), GoogleVms(state, vms)
    try:
        loop.call(world.start())
        yield world
    finally:
        loop.call(world.stop())
        loop.call(_end_threads())
        loop.close()


async def _end_threads() -> None:
    await asyncio.get_running_loop().shutdown_default_executor()


@contextmanager
def logged_in(address: str, user: str, key: paramiko.PKey) -> Iterator[paramiko.SSHClient]:
    """An SSH session; paramiko's and the system's errors where there is none."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    try:
        client.connect(
            address,
            SSH_PORT,
            user,
            pkey=key,
            timeout=0.6,
            banner_timeout=DEADLINE,
            auth_timeout=DEADLINE,
            allow_agent=False,
            look_for_keys=False,
        )
        yield client
    finally:
        client.close()


def says(client: paramiko.SSHClient, command: str) -> str:
    """What a command prints, on both streams."""
    _, out, err = client.exec_command(command, timeout=DEADLINE)
    text = (out.read() + err.read()).decode().strip()
    for stream in (out, err):
        stream.close()
    return text


def opens(address: str, user: str, key: paramiko.PKey) -> bool:
    """Whether the key lets the user in."""
    try:
        with logged_in(address, user, key):
            return True
    except paramiko.AuthenticationException:
        return False


def answers(address: str, port: int = SSH_PORT, seconds: float = 0.6) -> bool:
    """Whether a connection stands within that time; a refused one raises."""
    import socket

    try:
        socket.create_connection((address, port), seconds).close()
    except TimeoutError:
        return False
    return True


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits until something is so."""
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)
