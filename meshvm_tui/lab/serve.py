"""The lab as one process: it starts everything on loopback, says when it is ready, and takes everything down again."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from meshvm_tui.lab.addresses import Addresses
from meshvm_tui.lab.authority import Authority
from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.cluster_api.hooks import Hooks
from meshvm_tui.lab.environment import (
    SidecarPackage,
    google_plan,
    lab_plan,
    replaced_environment,
    write_commands,
    write_environment,
    write_kubeconfig,
    write_plan,
    write_private,
)
from meshvm_tui.lab.faults import CATALOG, Faults
from meshvm_tui.lab.machines import Machines
from meshvm_tui.lab.mesh.installation import ControlPlaneWanted
from meshvm_tui.lab.mesh.mesh import GRACE_SECONDS, Ground, Mesh
from meshvm_tui.lab.objects import Objects
from meshvm_tui.lab.tokens import Tokens

ISTIO_VERSION = "1.30.3"
API_PORT, PACKAGE_PORT = 6443, 8081


class LabBusy(RuntimeError):
    """Another process serves this state folder."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for. `grace` is how long a disconnected VM keeps its WorkloadEntry, in seconds.

    `pool` is the range of addresses to serve on instead of a block of 127.0.0.0/8."""

    state: Path
    faults: tuple[str, ...] = ()
    seed: int = 0
    vms: int = 1
    grace: float = GRACE_SECONDS
    pool: str = ""


class Lab:
    """One lab in one state folder."""

    def __init__(self, options: Options) -> None:
        self._lock = _claim(options.state)  # before the slow imports
        from meshvm_tui.lab.cluster_api.server import ClusterApi
        from meshvm_tui.lab.google.everything import Google
        from meshvm_tui.lab.google.faults import GOOGLE_FAULTS
        from meshvm_tui.lab.guest.package import PACKAGE_FAULTS, PackageServer
        from meshvm_tui.lab.guest.vm import GUEST_FAULTS

        state = options.state
        self._options = options
        (state / "ready").unlink(missing_ok=True)
        CATALOG.update(GUEST_FAULTS | PACKAGE_FAULTS | GOOGLE_FAULTS)
        self._addresses = Addresses(state, options.seed, options.pool)
        clock = Clock(state / "clock")
        faults = Faults(state / "faults", options.faults)
        self._objects = Objects(state, clock)
        self._tokens = Tokens(state / "tokens", clock)
        self._api_authority = Authority(state / "api-ca", name="kubernetes", clock=clock)
        mesh_authority = Authority(state / "mesh-ca", name="cluster.local", clock=clock)
        self._google = Google(state, self._addresses, clock, faults, options.seed)
        ground = Ground(
            state, self._objects, self._addresses, mesh_authority, self._tokens, clock, faults, self._google.drops
        )
        self._mesh = Mesh(ground, seed=options.seed, grace=options.grace)
        cloud = self._google.cloud
        hooks = Hooks(pod_log=self._mesh.pod_log, mutate_pod=self._mesh.admit_pod, cloud_email=cloud.token_email)
        self._api = ClusterApi(
            self._objects,
            self._api_authority,
            self._tokens,
            hooks,
            directory=state,
            faults=faults,
        )
        packages = self._addresses.take("packages")
        self._packages = PackageServer(packages, self._port(PACKAGE_PORT), ISTIO_VERSION, faults)
        self._machines = Machines(
            state, self._addresses, faults, clock, options.vms, opens=self._google.instances.opens
        )
        self._faults = faults

    async def start(self) -> None:
        """Returns once everything listens."""
        state = self._options.state
        server = await self._api.start(self._addresses.take("api"), self._port(API_PORT))
        write_kubeconfig(state, server, self._api_authority.root_pem, self._api.admin_token)
        write_commands(state)
        await self._mesh.start()
        if self._faults.active("istio-present"):
            self._mesh.install_istio(
                ControlPlaneWanted(version=ISTIO_VERSION, mesh_id="mesh1", cluster_id="Kubernetes")
            )
        self._packages.start()
        package = SidecarPackage(ISTIO_VERSION, self._packages.url, self._packages.sha256)
        await self._machines.start()
        google = await self._google.start(server, self._api_authority.root_pem, self._machines.vms)
        write_environment(state, replaced_environment(state) | google)
        plan = lab_plan(state, package, self._machines.described())
        self._write_plan("plan", plan)
        self._write_plan("google-plan", google_plan(plan))
        write_private(state / "ready", f"{os.getpid()}\n")

    async def stop(self) -> None:
        """Takes everything down; what is to last is on disk afterwards."""
        (self._options.state / "ready").unlink(missing_ok=True)
        await asyncio.gather(self._machines.stop(), self._google.stop())
        await asyncio.to_thread(self._packages.stop)
        await self._mesh.stop()
        await self._api.stop()
        self._objects.close()
        self._addresses.close()
        self._lock.close()

    @property
    def machine_count(self) -> int:
        """How many VMs there are: fewer than asked for where only one address exists."""
        return len(self._machines.described())

    def _port(self, usual: int) -> int:
        """A port that stays the same at every start; any free one where all roles share an address."""
        return 0 if self._addresses.single else usual

    def _write_plan(self, name: str, plan: dict[str, object]) -> None:
        """A plan that the operator has edited stays, as long as this lab would still write the same one."""
        from json import dumps

        state, offered = self._options.state, dumps(plan, indent=1)
        file, last = state / f"{name}.yaml", state / f"offered-{name}.json"
        if not file.exists() or not last.exists() or last.read_text(encoding="utf-8") != offered:
            write_plan(file, plan)
            write_private(last, offered)


async def serve(options: Options) -> None:
    """Serves until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    lab = Lab(options)
    try:
        starting = asyncio.create_task(lab.start())
        waiting = asyncio.create_task(ended.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.is_set():
            await starting
            _say(options, lab.machine_count)
            await waiting
        starting.cancel()
        waiting.cancel()
        await asyncio.gather(starting, waiting, return_exceptions=True)
    finally:
        await lab.stop()


def prepare(state: Path) -> Path:
    """The state folder, made private; its absolute path."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    state.chmod(0o700)
    return state.resolve()


def _claim(state: Path) -> IO[str]:
    lock = (state / "lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise LabBusy(f"{state} is served by process {holder or 'unknown'} already") from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _say(options: Options, machines: int) -> None:
    if machines < options.vms:
        sys.stderr.write(f"This computer has no loopback address but 127.0.0.1, so there is {machines} VM only.\n")
    sys.stderr.write(
        f"The lab is up in {options.state}. In another terminal:\n"
        f"  . {options.state}/env.sh\n"
        f"  meshvm-tui apply -f {options.state}/plan.yaml\n"
        f"or with its Google Cloud:\n  meshvm-tui apply -f {options.state}/google-plan.yaml\n"
    )
