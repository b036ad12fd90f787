"""The machines themselves: what tests on them may rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm, Rig, sweep

pytestmark = pytest.mark.real_vm


def ssh(vm: RealVm, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """OpenSSH's own client, with the machine's key alone known."""
    known = vm.root.parent / "known_hosts"
    known.write_text(f"[{vm.address}]:{vm.ssh_port} {vm.host_key}\n{vm.address} {vm.host_key}\n", encoding="ascii")
    words = ["ssh", "-F", "none", "-i", str(vm.key_file), "-p", str(vm.ssh_port), "-o", f"UserKnownHostsFile={known}"]
    words += ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", *options, f"{vm.user}@{vm.address}", command]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


def test_a_machine_is_a_booted_debian_with_an_operator(vm: RealVm) -> None:
    """systemd runs without a failed unit; SSH, sudo, dpkg and the journal are its own."""
    assert vm.output("systemctl is-system-running --wait") == "running"
    done = ssh(
        vm,
        "sudo -n id -u; dpkg-query -W openssh-server; hostname -I; sudo cat /proc/1/comm",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "0"
    assert vm.address in done.stdout
    assert "systemd" in done.stdout
    assert "Accepted publickey for op" in vm.journal("ssh")


def test_a_reboot_keeps_the_disk_and_loses_run(vm: RealVm) -> None:
    """What lies on tmpfs is gone, what lies on the disk stays; units end and start again."""
    vm.run("echo kept >/etc/kept; mkdir -p /var/run/secrets; echo lost >/var/run/secrets/lost")
    before = vm.output("cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic")
    vm.reboot()
    assert vm.output("cat /etc/kept") == "kept"
    assert vm.run("test -e /var/run/secrets/lost", check=False).returncode == 1
    assert vm.output("cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic") != before


def test_machines_stand_side_by_side_with_rules_of_their_own(rig: Rig, boot_vm: BootVm) -> None:
    """Each has its own address, packet filter and users; the one that goes leaves nothing behind."""
    first, second = boot_vm(), boot_vm(sudo="password", ssh_port=2222)
    first.run("iptables -t nat -A OUTPUT -p tcp -m owner --uid-owner 0 --dport 9 -j REDIRECT --to-ports 10")
    assert "--to-ports 10" in first.output("iptables-save -t nat")
    assert "--to-ports 10" not in second.output("iptables-save -t nat")
    assert ssh(second, "sudo -n true").returncode == 1
    assert ssh(first, "sudo -n true").returncode == 0
    rig.throw_away(first)
    assert not first.root.exists()
    assert first.name not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{first.name}"))
    assert first.name not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert ssh(second, "true").returncode == 0


def test_a_small_disk_is_full_and_etc_can_be_read_only(boot_vm: BootVm) -> None:
    """The options that trouble needs."""
    vm = boot_vm(disk="24m", read_only_etc=True, noexec_tmp=True)
    assert vm.run("dd if=/dev/zero of=/var/big bs=1M count=40", check=False).stderr.count("No space left") == 1
    assert "Read-only" in vm.run("touch /etc/x", check=False).stderr
    assert vm.run("cp /bin/true /tmp/t && /tmp/t", check=False).returncode == 126


KILLED = """
from tests.real_vm.rig import Rig
rig = Rig()
print(rig.vm().name, flush=True)
input()
"""


def test_what_a_killed_process_left_is_swept_by_the_next_one(rig: Rig) -> None:
    """Its machine, links, mounts and control groups."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process.stdin, process.stdout:
        name = process.stdout.readline().strip()
        process.kill()
        process.wait(10)
    assert name in left_on_the_computer()
    sweep()
    assert name not in left_on_the_computer()
    assert f"{rig.network.bridge}:" in left_on_the_computer()


def left_on_the_computer() -> str:
    """Everything that is named after machines."""
    shown = [
        subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout
        for words in (["link"], ["netns"])
    ]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("*/mvrig*")]
    processes = [
        path.read_bytes().decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
    ]
    nspawn = [words for words in processes if words.startswith("systemd-nspawn")]
    return "\n".join([*shown, *groups, *nspawn, Path("/proc/self/mounts").read_text(encoding="utf-8")])
