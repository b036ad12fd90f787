"""Nobody is locked out: SSH and names work after the sidecar's start, or the machine takes the sidecar down by itself.

The packages of these tests do harm: they bring rules that cut SSH or names, as a wrong setting or release would.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_vm import package
from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm
from tests.real_vm.rig_machine import until
from tests.real_vm.world import World, finished, told

pytestmark = pytest.mark.real_vm

NEW_SSH = "INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j DROP"
ALL_SSH = "INPUT -p tcp --dport 22 -j DROP"
NAMES = "OUTPUT -p udp --dport 15053 -j DROP"
OUTSIDE = "storage.googleapis.com"
LONGEST = 180
"""Seconds after which the machine's timer stops a sidecar that nobody confirmed."""
SHORTENED = "/etc/systemd/system/meshvm-deadman.timer.d/soon.conf"


@pytest.fixture(autouse=True)
def a_name_of_the_world_outside(module_world: World) -> Iterator[None]:
    """A name that can be looked up before the sidecar starts."""
    module_world.rig.names.names[OUTSIDE] = "10.77.0.9"
    yield
    module_world.rig.names.names.clear()


def harmful(folder: Path, *rules: str) -> dict[str, str]:
    """The plan's words for a package with these rules."""
    path = folder / "harmful.deb"
    path.write_bytes(package.stub_package(harm=rules))
    return {"package": str(path)}


def ssh_answers(machine: RealVm) -> bool:
    """Whether a new connection gets sshd's greeting."""
    with contextlib.suppress(OSError), socket.create_connection((machine.address, machine.ssh_port), timeout=1) as talk:
        return talk.recv(4) == b"SSH-"
    return False


def seconds_left(machine: RealVm) -> float:
    """Until the machine's timer fires."""
    left = machine.output(
        "t=$(systemctl show -p NextElapseUSecMonotonic --value meshvm-deadman.timer); "
        "systemd-analyze timespan \"$t\" | awk '/μs:|us:/ { print $2 }'; cut -d ' ' -f 1 /proc/uptime"
    )
    elapses, uptime = left.split()
    return int(elapses) / 1e6 - float(uptime)


def assert_healed(machine: RealVm) -> None:
    """SSH answers, names are found, no rule of the sidecar is left, and a reboot would not bring it back."""
    assert ssh_answers(machine)
    assert machine.output(f"getent hosts {OUTSIDE}").split()[0] == "10.77.0.9"
    assert machine.show("istio", "ActiveState") == "inactive"
    assert machine.show("istio", "UnitFileState") == "disabled"
    rules = machine.output("iptables-save")
    assert "ISTIO" not in rules
    assert "DROP" not in rules.replace("DROP [", "")


def begin(world: World, machine: RealVm, sidecar: dict[str, str]) -> subprocess.Popen[str]:
    """Starts the CLI and gives it back at the moment in which it says that the sidecar is being started."""
    command = world.command(world.write(machine, sidecar=sidecar))
    process = subprocess.Popen(
        command, env=world.environment, cwd=world.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "systemctl start istio" in json.loads(line).get("message", ""):
            return process
    raise AssertionError(f"it ended with {process.wait()} before the sidecar's start")


def test_what_ssh_and_metadata_need_is_never_captured(module_world: World, boot_vm: BootVm) -> None:
    """The port that SSH really uses and the metadata server pass by the sidecar; another port does not."""
    machine = boot_vm(ssh_port=2222)
    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    rules = machine.output("iptables-save -t nat").splitlines()
    captured = rules.index("-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT")
    assert "-A ISTIO_INBOUND -p tcp -m tcp --dport 2222 -j RETURN" in rules[:captured]
    redirected = rules.index("-A ISTIO_OUTPUT -p tcp -j ISTIO_REDIRECT")
    assert "-A ISTIO_OUTPUT -d 169.254.169.254/32 -j RETURN" in rules[:redirected]
    assert ssh_answers(machine)
    # Nobody listens there, which a connection that is refused would say: that it is reset was the sidecar.
    with pytest.raises(ConnectionResetError), socket.create_connection((machine.address, 4444), timeout=3) as talk:
        talk.sendall(b"hello\n")
        talk.recv(1)


def test_a_sidecar_that_cuts_new_connections_is_not_confirmed(
    module_world: World, boot_vm: BootVm, tmp_path: Path
) -> None:
    """The first connection goes on as if nothing were wrong; only a new one shows it. The timer heals the machine."""
    machine = boot_vm()
    done = module_world.apply(machine, timeout=30, sidecar=harmful(tmp_path, NEW_SSH))
    assert done.returncode == 1
    problem = finished(done)["sidecar-running"]["problem"]
    assert problem["code"] == "MVM-431", told(done)
    assert "the VM stops the sidecar by itself" in problem["next_action"]
    assert not ssh_answers(machine)
    assert 0 < seconds_left(machine) <= LONGEST
    assert machine.show("istio", "UnitFileState") == "disabled"
    machine.run("systemctl start --wait meshvm-deadman.service")  # what the timer does when its time has come
    assert_healed(machine)


def test_a_machine_whose_operator_was_killed_heals_itself(module_world: World, boot_vm: BootVm, tmp_path: Path) -> None:
    """SIGKILL right after the start, with every packet of SSH dropped: nobody is left who could help, but the timer."""
    machine = boot_vm()
    machine.run(
        f"mkdir -p {SHORTENED.rpartition('/')[0]} && printf '[Timer]\nOnActiveSec=\nOnActiveSec=6s\n' >{SHORTENED}"
    )
    process = begin(module_world, machine, harmful(tmp_path, ALL_SSH))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()  # type: ignore[union-attr]
    until(lambda: "DROP" in machine.output("iptables-save -t filter | grep -w 22 || :"), 20, lambda: "no harm was done")
    assert not ssh_answers(machine)
    until(lambda: ssh_answers(machine), 40, machine.journal)
    until(lambda: machine.show("meshvm-deadman.service", "ActiveState") == "inactive", 20, machine.journal)
    assert_healed(machine)


def test_a_restart_before_the_timer_fires_does_not_bring_it_back(
    module_world: World, boot_vm: BootVm, tmp_path: Path
) -> None:
    """The timer is gone with the restart, and so is the sidecar, even where it served well before."""
    machine = boot_vm()
    assert module_world.apply(machine).returncode == 0
    assert machine.show("istio", "UnitFileState") == "enabled"
    newer = tmp_path / "newer.deb"
    newer.write_bytes(package.stub_package("1.30.9", harm=(NEW_SSH,)))
    done = module_world.apply(machine, timeout=30, sidecar={"version": "1.30.9", "package": str(newer)})
    assert done.returncode == 1
    assert not ssh_answers(machine)
    machine.reboot()
    assert_healed(machine)


def test_a_sidecar_that_breaks_names_is_not_confirmed(module_world: World, boot_vm: BootVm, tmp_path: Path) -> None:
    """A name of the world outside, found before the start, must be found after it."""
    machine = boot_vm()
    done = module_world.apply(machine, timeout=60, sidecar=harmful(tmp_path, NAMES))
    problem = finished(done)["sidecar-running"]["problem"]
    assert (done.returncode, problem["code"]) == (1, "MVM-432"), told(done)
    assert OUTSIDE in problem["cause"]
    assert 0 < seconds_left(machine) <= LONGEST
    machine.run("systemctl start --wait meshvm-deadman.service")
    assert_healed(machine)


def test_a_run_after_a_killed_one_confirms_what_is_well(module_world: World, boot_vm: BootVm) -> None:
    """The sidecar of a killed run is good: the next run proves it and takes the timer away."""
    machine = boot_vm()
    process = begin(module_world, machine, {})
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()  # type: ignore[union-attr]
    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    assert machine.show("meshvm-deadman.timer", "ActiveState") == "inactive"
    assert machine.show("istio", "UnitFileState") == "enabled"
    assert machine.show("istio", "NRestarts") == "0"
