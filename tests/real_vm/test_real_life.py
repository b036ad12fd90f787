"""The life of one VM in the mesh, on a real systemd machine: first run, second run, upgrade, reboot.

The tests go on with each other's machine, in the order in which they stand here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real_vm import package
from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm
from tests.real_vm.world import World, changed, finished, told

pytestmark = pytest.mark.real_vm

NEWER = "1.30.4"
PLACES = (
    "/var/lib/istio/envoy/cluster.env /etc/istio/config/mesh /etc/certs/root-cert.pem /etc/certs/cert-chain.pem "
    "/etc/certs/key.pem /etc/hosts /etc/systemd/system/meshvm-http.service /var/run/secrets/tokens/istio-token"
)
PROBES = ["probe-vm-to-cluster", "probe-cluster-to-vm"]
VM_STEPS = ["sidecar-package", "guest-files", "sidecar-running", "http-server"]


@pytest.fixture(scope="module")
def machine(boot_module_vm: BootVm) -> RealVm:
    """The machine whose life this module follows."""
    return boot_module_vm()


def standing(machine: RealVm) -> str:
    """What a run that changes nothing leaves as it is: when units started, how often, and each file's time."""
    units = "-p ActiveEnterTimestampMonotonic -p NRestarts -p MainPID istio meshvm-http"
    return machine.output(f"systemctl show {units}; stat -c '%n %Y.%y %i %U %a' {PLACES} 2>&1; cat /etc/hosts")


def test_the_first_run_ends_in_two_answered_probes(module_world: World, machine: RealVm) -> None:
    """From a bare machine to an answer in both directions, each seen in the answering server's own log."""
    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    steps = finished(done)
    assert all(step in changed(done) for step in VM_STEPS)
    for probe in PROBES:
        assert "200" in steps[probe]["message"]
        assert "seen in the log of" in str(steps[probe]["observation"]["details"])
    assert machine.show("istio", "UnitFileState") == "enabled"
    assert machine.show("meshvm-deadman.timer", "ActiveState") == "inactive"
    assert machine.output("readlink /etc/istio") == "/var/lib/istio"
    assert list(module_world.entries()) == [f"hello-vm-{machine.address}"]


def test_a_restart_of_the_sidecar_was_no_cut_of_the_connection(module_world: World, machine: RealVm) -> None:
    """The kernel begins to track connections when the sidecar's rules come. Those that were open before must be
    known to it by then, or its redirect takes them for new ones of the VM's own and cuts them."""
    assert machine.output("journalctl -u ssh -o cat").count("Accepted publickey") == 2
    assert "ctstate" not in machine.output("iptables-save")
    assert machine.run("ls -A /tmp /run/meshvm-tui").stdout.count(".meshvm.") == 0


def test_the_second_run_changes_nothing_and_restarts_nothing(module_world: World, machine: RealVm) -> None:
    """Not one file's time, not one unit's start."""
    before = standing(machine)
    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    assert changed(done) == []
    assert standing(machine) == before
    assert finished(done)["sidecar-running"]["state"] == "skipped"


def test_a_look_says_that_nothing_would_change(module_world: World, machine: RealVm) -> None:
    """With exit code 0, and without a trace on the machine."""
    before = standing(machine)
    done = module_world.look(machine)
    assert done.returncode == 0, told(done)
    assert standing(machine) == before


def test_a_newer_package_is_installed_over_the_old_one(module_world: World, machine: RealVm, tmp_path: Path) -> None:
    """The upgrade is shown before it is made, keeps files and identity, and starts the sidecar once."""
    newer = tmp_path / "istio-sidecar.deb"
    newer.write_bytes(package.stub_package(NEWER))
    wanted = {"version": NEWER, "package": str(newer)}
    seen = module_world.look(machine, sidecar=wanted)
    assert seen.returncode == 6
    assert f"istio-sidecar 1.30.3 is installed, wanted is {NEWER}" in seen.stdout
    certificate = machine.output("sha256sum /etc/hosts /etc/certs/root-cert.pem /var/lib/istio/envoy/cluster.env")
    started = machine.show("istio", "ActiveEnterTimestampMonotonic")

    done = module_world.apply(machine, sidecar=wanted)
    assert done.returncode == 0, told(done)
    assert machine.output("dpkg-query -W -f '${Version} ${Status}' istio-sidecar") == f"{NEWER} install ok installed"
    assert changed(done) == ["sidecar-package", "sidecar-running"]
    assert machine.show("istio", "ActiveEnterTimestampMonotonic") != started
    assert machine.show("istio", "NRestarts") == "0"
    hashes = machine.output("sha256sum /etc/hosts /etc/certs/root-cert.pem /var/lib/istio/envoy/cluster.env")
    assert hashes == certificate

    before = standing(machine)
    again = module_world.apply(machine, sidecar=wanted)
    assert (again.returncode, changed(again)) == (0, []), told(again)
    assert standing(machine) == before


def test_a_reboot_loses_the_token_and_nothing_else(module_world: World, machine: RealVm, tmp_path: Path) -> None:
    """The token lay on tmpfs; the certificate serves on, so the product says so and asks for no other."""
    newer = tmp_path / "istio-sidecar.deb"
    newer.write_bytes(package.stub_package(NEWER))
    machine.reboot()
    assert machine.run("test -e /var/run/secrets/tokens/istio-token", check=False).returncode == 1

    done = module_world.apply(machine, sidecar={"version": NEWER, "package": str(newer)})
    assert done.returncode == 0, told(done)
    assert changed(done) == []
    warnings = finished(done)["guest-files"]["observation"]["warnings"]
    assert "istio-token is gone, as after a reboot" in " ".join(warnings)
    assert "200" in finished(done)["probe-cluster-to-vm"]["message"]
    posts = [line for line in module_world.lab.requests() if line["path"].endswith("/token")]
    assert len(posts) == 1, "a second token was made for a machine that holds a valid certificate"


def test_a_reboot_without_a_certificate_gets_a_new_token(module_world: World, machine: RealVm, tmp_path: Path) -> None:
    """Neither token nor certificate: the agent cannot come up by itself, which is said and mended."""
    newer = tmp_path / "istio-sidecar.deb"
    newer.write_bytes(package.stub_package(NEWER))
    wanted = {"version": NEWER, "package": str(newer)}
    machine.run("systemctl stop istio && rm /etc/certs/cert-chain.pem /etc/certs/key.pem")
    machine.reboot()
    seen = module_world.look(machine, sidecar=wanted)
    assert seen.returncode == 6
    assert "no valid certificate of this identity and no token that lasts" in seen.stdout

    done = module_world.apply(machine, sidecar=wanted)
    assert done.returncode == 0, told(done)
    assert changed(done) == ["bootstrap-files", "guest-files", "sidecar-running"]
    mode = machine.output("stat -c '%U %a' /var/run/secrets/tokens/istio-token")
    assert mode == "istio-proxy 600"
