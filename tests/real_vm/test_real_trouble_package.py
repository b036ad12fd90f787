"""A sidecar package that does not come, or is not the one that was meant: nothing is done by halves, and once it is
right the same machine is onboarded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.real_vm import package
from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm, Rig
from tests.real_vm.trouble import PLAIN, assert_running, assert_untouched, failed, succeeded
from tests.real_vm.world import World

pytestmark = pytest.mark.real_vm

NOWHERE = "packages.meshvm-nowhere.invalid"
LOGIN = b"<!DOCTYPE html><title>Guest network of Hotel Meshvm: please log in</title>" + b" " * 500


@pytest.fixture(scope="module")
def machine(boot_module_vm: BootVm) -> RealVm:
    """One machine for all of this: each failure must leave it as it was. From its /tmp nothing may be executed."""
    return boot_module_vm(noexec_tmp=True)


@pytest.fixture
def url(rig: Rig) -> str:
    """Where the rig's web server gives out files."""
    return f"http://{rig.network.host}:{rig.downloads.port}"


def refused(world: World, machine: RealVm, code: str, **sidecar: Any) -> dict[str, Any]:
    """The problem of a run with these settings, after which nothing stands on the machine."""
    done = world.apply(machine, **PLAIN, sidecar=sidecar)
    problem = failed(done, "sidecar-package", code)
    assert_untouched(machine)
    return problem


def test_a_package_that_is_not_there(module_world: World, machine: RealVm, url: str) -> None:
    problem = refused(module_world, machine, "MVM-521", package=f"{url}/no-such.deb")
    assert "error: 404" in problem["cause"] and f"{url}/no-such.deb" in problem["cause"]


def test_a_login_page_instead_of_a_package(module_world: World, machine: RealVm, rig: Rig, url: str) -> None:
    rig.downloads.files["/page.deb"] = LOGIN
    problem = refused(module_world, machine, "MVM-523", package=f"{url}/page.deb")
    assert "Guest network of Hotel Meshvm" in problem["cause"]


def test_a_package_with_another_checksum(module_world: World, machine: RealVm, stub_package: Path) -> None:
    wanted = hashlib.sha256(b"another").hexdigest()
    problem = refused(module_world, machine, "MVM-522", sha256=wanted)
    assert wanted in problem["cause"] and hashlib.sha256(stub_package.read_bytes()).hexdigest() in problem["cause"]


def test_a_package_for_another_architecture(module_world: World, machine: RealVm, tmp_path: Path) -> None:
    other = tmp_path / "other.deb"
    other.write_bytes(package.stub_package(architecture="s390x"))
    problem = refused(module_world, machine, "MVM-526", package=str(other))
    assert "package architecture (s390x) does not match system" in problem["cause"]


def test_a_machine_without_a_way_out(module_world: World, machine: RealVm) -> None:
    problem = refused(module_world, machine, "MVM-521", package=f"http://{NOWHERE}/istio-sidecar.deb")
    assert f"Could not resolve host: {NOWHERE}" in problem["cause"]
    assert "name a file of this computer in sidecar.package" in problem["next_action"]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("/etc/environment", 'LANG=C\nhttp_proxy="http://{proxy}"\n'),
        ("/etc/apt/apt.conf.d/80proxy", 'Acquire::http::Proxy "http://{proxy}";\n'),
    ],
)
def test_the_machines_proxy_is_asked(module_world: World, machine: RealVm, rig: Rig, place: str, text: str) -> None:
    """A login page comes through it, which proves the way and leaves the machine as it was."""
    asked = f"http://{NOWHERE}/{Path(place).name}.deb"
    rig.downloads.files[asked] = LOGIN
    (machine.root / place[1:]).write_text(text.format(proxy=f"{rig.network.host}:{rig.downloads.port}"))
    refused(module_world, machine, "MVM-523", package=asked)
    assert (machine.address, asked) in rig.downloads.asked
    machine.run(f"rm {place}")


def test_the_same_machine_is_onboarded_with_a_package_of_this_computer(module_world: World, machine: RealVm) -> None:
    """It has no way out, so whatever it needs is sent along; and what is sent lies in a folder that is noexec."""
    assert "noexec" in machine.output("findmnt -no OPTIONS /tmp")
    steps = succeeded(module_world.apply(machine, **PLAIN))
    assert steps["sidecar-package"]["changed"] and steps["sidecar-running"]["changed"]
    assert_running(machine)
