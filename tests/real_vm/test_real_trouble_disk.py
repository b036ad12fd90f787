"""Disks that are full or read-only, a held dpkg lock, a wrong clock: codes, the VM's own words, nothing half
done, and the run after the repair."""

from __future__ import annotations

import json
import subprocess
import threading

import pytest

from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm
from tests.real_vm.trouble import PLAIN, assert_running, assert_untouched, failed, findings, said, succeeded
from tests.real_vm.world import World

pytestmark = pytest.mark.real_vm

HOLD_LOCK = (
    "import fcntl,time; file = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(file, fcntl.LOCK_EX); "
    "open('/run/held', 'w'); time.sleep(600)"
)
LATE = '#!/bin/sh\nexec /usr/bin/date -d "@$(($(/usr/bin/date +%s) + {seconds}))" "$@"\n'


@pytest.mark.parametrize("left", [0, 80], ids=["nothing left", "too little for the package"])
def test_a_full_disk(boot_vm: BootVm, module_world: World, left: int) -> None:
    machine = boot_vm(disk="48m")
    machine.run(f"dd if=/dev/zero of=/var/filler bs=4k 2>/dev/null; truncate -s -{left}K /var/filler")
    done = module_world.apply(machine, **PLAIN)
    problem = failed(done, "sidecar-package", "MVM-525")
    assert "No space left on device" in problem["cause"]
    assert "/usr has 0 MiB left" in findings(done)["MVM-446"]["evidence"]
    assert_untouched(machine)
    machine.run("rm /var/filler")
    succeeded(module_world.apply(machine, **PLAIN))
    assert_running(machine)


@pytest.mark.parametrize("place", ["/etc", "/var"])
def test_a_read_only_part(boot_vm: BootVm, module_world: World, place: str) -> None:
    machine = boot_vm()
    machine.run(f"mount --bind {place} {place} && mount -o remount,bind,ro {place}")
    done = module_world.apply(machine, **PLAIN)
    problem = failed(done, "guest-reachable", "MVM-448", status=3)
    assert problem["cause"] == f"{place} cannot be written, even by root"
    assert_untouched(machine)
    machine.run(f"mount -o remount,bind,rw {place}")
    succeeded(module_world.apply(machine, **PLAIN))
    assert_running(machine)


def test_another_package_manager_holds_dpkgs_lock(vm: RealVm, module_world: World) -> None:
    vm.run(f'systemd-run -q --unit=other-dpkg python3 -c "{HOLD_LOCK}"')
    vm.run("for n in $(seq 100); do [ -e /run/held ] && exit 0; sleep 0.1; done; exit 1")
    holder = vm.show("other-dpkg.service", "MainPID")
    done = module_world.apply(vm, timeout=6, **PLAIN)
    problem = failed(done, "sidecar-package", "MVM-524")
    assert f"lock was locked by another process with pid {holder}" in problem["cause"]
    assert_untouched(vm)

    # The next run waits for it, says so, and goes on once the lock is free.
    command = module_world.command(module_world.write(vm, **PLAIN))
    with subprocess.Popen(
        command,
        env=module_world.environment,
        cwd=module_world.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        guard = threading.Timer(100, process.kill)
        guard.start()
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "waiting for dpkg's lock" in line:
                vm.run("systemctl stop other-dpkg.service")
        guard.cancel()
    ended = subprocess.CompletedProcess(command, process.returncode, "".join(lines), "")
    assert "waiting for dpkg's lock, which another package manager holds" in said(ended)
    succeeded(ended)
    assert_running(vm)


@pytest.mark.parametrize(("seconds", "words"), [(5400, "5400 s ahead of"), (-86400, "86400 s behind")])
def test_a_clock_that_is_far_off(boot_vm: BootVm, module_world: World, seconds: int, words: str) -> None:
    """A token would not be valid yet, or already be expired, by the VM's own clock."""
    machine = boot_vm()
    clock = machine.root / "usr/local/sbin/date"
    clock.write_text(LATE.format(seconds=seconds))
    clock.chmod(0o755)
    problem = failed(module_world.apply(machine, **PLAIN), "guest-reachable", "MVM-423", status=3)
    told = int(problem["cause"].split()[2])
    assert abs(told - abs(seconds)) <= 2 and words.split(maxsplit=1)[1] in problem["cause"]
    assert_untouched(machine)
    if seconds > 0:
        machine.run("rm /usr/local/sbin/date")
        succeeded(module_world.apply(machine, **PLAIN))
        assert_running(machine)


def test_a_unit_that_does_not_start(vm: RealVm, module_world: World) -> None:
    folder = "/etc/systemd/system/istio.service.d"
    words = "the-cellar-door-is-locked"
    (vm.root / folder[1:]).mkdir()
    (vm.root / folder[1:] / "x.conf").write_text(f"[Service]\nExecStartPre=/bin/sh -c 'echo {words}; exit 3'\n")
    vm.run("systemctl daemon-reload")
    problem = failed(module_world.apply(vm, **PLAIN), "sidecar-running", "MVM-530")
    assert "Job for istio.service failed" in problem["cause"]
    assert words in problem["cause"]
    assert "ISTIO_" not in vm.output("iptables-save")
    vm.run(f"rm -r {folder} && systemctl daemon-reload")
    steps = succeeded(module_world.apply(vm, **PLAIN))
    assert not steps["sidecar-package"]["changed"]
    assert_running(vm)


def test_a_port_of_the_sidecar_is_taken(vm: RealVm, module_world: World) -> None:
    vm.run("systemd-run -q --unit=squatter python3 -m http.server 15021")
    holder = vm.show("squatter.service", "MainPID")
    vm.run("for n in $(seq 100); do ss -Hltn 'sport = :15021' | grep -q . && exit 0; sleep 0.1; done; exit 1")
    vm.run(
        "ip link add docker0 type bridge && ip address add 172.17.0.1/16 dev docker0 && iptables -t nat -N ISTIO_OUTPUT"
    )
    problem = failed(module_world.apply(vm, **PLAIN), "guest-reachable", "MVM-444", status=3)
    assert f"0.0.0.0:15021 by python3 (pid {holder})" in problem["cause"]
    assert_untouched(vm)
    vm.run("systemctl stop squatter.service")
    done = module_world.apply(vm, **PLAIN)
    succeeded(done)
    told = findings(done)
    assert "ISTIO_OUTPUT" in told["MVM-443"]["evidence"]
    assert told["MVM-442"]["evidence"] == "docker0 172.17.0.1"
    entry = json.dumps(module_world.entries())
    assert vm.address in entry and "172.17.0.1" not in entry
    assert_running(vm)


def test_no_room_for_what_is_sent(vm: RealVm, module_world: World) -> None:
    vm.run("mount -t tmpfs -o size=16k,mode=1777 tmpfs /tmp")
    problem = failed(module_world.apply(vm, **PLAIN), "sidecar-package", "MVM-525")
    assert "No space left on device" in problem["cause"]
    assert_untouched(vm)
