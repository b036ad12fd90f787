"""Fixtures of the tier with real machines: `rig`, `boot_vm`, `vm`, `stub_package`, `world`, and the same by module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real import need
from tests.real_vm import package
from tests.real_vm.rig import RealVm, Rig, VmOptions, missing
from tests.real_vm.world import World, world_on

BootVm = Callable[..., RealVm]


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """What all machines of this test process share."""
    lacks = missing()
    need(
        not lacks,
        f"systemd machines need {', '.join(lacks)}",
        "Run as root; apt-get install debootstrap systemd-container iproute2 openssh-client openssl.",
    )
    made = Rig()
    try:
        yield made
    finally:
        made.close()


def _booter(rig: Rig) -> Iterator[BootVm]:
    booted: list[RealVm] = []

    def boot(**options: Any) -> RealVm:
        machine = rig.vm(VmOptions(**options))
        booted.append(machine)
        return machine

    yield boot
    for machine in booted:
        rig.throw_away(machine)


@pytest.fixture
def boot_vm(rig: Rig) -> Iterator[BootVm]:
    """Boots a machine with the options of `VmOptions`; all of them are thrown away after the test."""
    yield from _booter(rig)


@pytest.fixture(scope="module")
def boot_module_vm(rig: Rig) -> Iterator[BootVm]:
    """The same for a module whose tests go on with each other's machine."""
    yield from _booter(rig)


@pytest.fixture
def vm(boot_vm: BootVm) -> RealVm:
    """A usual machine."""
    return boot_vm()


@pytest.fixture(scope="session")
def stub_package(rig: Rig) -> Path:
    """The file of the stub istio-sidecar package, of the lab's istiod's version."""
    path = rig.folder / "istio-sidecar.deb"
    path.write_bytes(package.stub_package())
    return path


@pytest.fixture
def world(rig: Rig, stub_package: Path, tmp_path: Path) -> Iterator[World]:
    """A cluster without Istio, and the means to run the CLI against it and machines."""
    with world_on(rig, tmp_path, stub_package) as made:
        yield made


@pytest.fixture(scope="module")
def module_world(rig: Rig, stub_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same for a module whose tests go on with each other's world."""
    with world_on(rig, tmp_path_factory.mktemp("world"), stub_package) as made:
        yield made
