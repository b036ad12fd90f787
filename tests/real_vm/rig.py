"""Test machines, real in everything but their kernel: systemd, OpenSSH, sudo, dpkg, journald, a network of their own.

`Rig` makes them, `RealVm` is one. Each is a layer above the image and is thrown away after its test.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.real_vm import rig_network
from tests.real_vm.rig_image import image
from tests.real_vm.rig_machine import (
    BOOT_SECONDS,
    CGROUPS,
    POWEROFF,
    REBOOT,
    MachineFailed,
    Nspawn,
    remove_group,
    until,
)
from tests.real_vm.rig_services import Downloads, NameServer

PROGRAMS = ("systemd-nspawn", "debootstrap", "ip", "nsenter", "openssl", "ssh-keygen")
USER, PASSWORD = "op", "op-password"
FOLDERS = Path("/var/tmp")
PREFIX = "meshvm-rig-"


def missing() -> list[str]:
    """What this computer lacks for the machines; empty where they can run."""
    lacks = [name for name in PROGRAMS if shutil.which(name) is None]
    return lacks if os.geteuid() == 0 else ["root", *lacks]


@dataclass(frozen=True)
class VmOptions:
    """How a machine differs from the usual one.

    `sudo` is nopasswd, password or none. `disk` is the size of its whole disk (a tmpfs size such as "64m"; "" for as
    much as there is), `sshd` are lines of its sshd_config, `hosts` lines of its /etc/hosts."""

    sudo: str = "nopasswd"
    ssh_port: int = 22
    disk: str = ""
    noexec_tmp: bool = False
    read_only_etc: bool = False
    resolver: str = ""
    sshd: str = ""
    hosts: str = ""


class RealVm:
    """One machine. `.run` is its root's own shell, past SSH and sudo; an operator has `.user`, `.key_file` and SSH."""

    user = USER
    password = PASSWORD

    def __init__(self, rig: Rig, index: int, options: VmOptions) -> None:
        self.options = options
        self.name = f"{rig.network.bridge}-{index}"
        self.address = rig.network.address(index)
        self.ssh_port = options.ssh_port
        self.key_file = rig.key_file
        self._rig = rig
        self._index = index
        self._folder = rig.folder / self.name
        self.root = self._folder / "root"
        self._run: Nspawn | None = None
        self.host_key = ""

    def start(self) -> None:
        """Makes its layer and its network, and boots it."""
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir(parents=True)
        layers = self._folder
        if self.options.disk:
            layers = self._folder / "disk"
            layers.mkdir()
            _mount("tmpfs", layers, "tmpfs", f"size={self.options.disk}")
            for name in ("upper", "work"):
                (layers / name).mkdir()
        _mount(
            "overlay", self.root, "overlay", f"lowerdir={self._rig.image},upperdir={layers}/upper,workdir={layers}/work"
        )
        self._rig.network.add(self._index)
        self._write_files()
        self.boot()

    def boot(self) -> None:
        """Boots what is on the disk, and waits until SSH answers."""
        self._run = Nspawn(self.name, self.root, self._rig.network.namespace(self._index), self._folder / "console")
        if self.options.noexec_tmp:
            self.run("mount -o remount,noexec /tmp")
        if self.options.read_only_etc:
            self.run("mount --bind /etc /etc && mount -o remount,bind,ro /etc")
        until(self._ssh_answers, BOOT_SECONDS, self._run.words)

    def run(self, command: str, *, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command of root's shell inside. Raises MachineFailed with its words where it fails and `check` is set."""
        assert self._run is not None
        clean = [
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C",
            "HOME=/root",
        ]
        done = subprocess.run(
            ["nsenter", "-t", str(self._run.first), "-m", "-u", "-i", "-n", "-p", *clean, "sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise MachineFailed(f"{command!r} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def output(self, command: str) -> str:
        """What a command of root's shell printed, without the white space around it."""
        return self.run(command).stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.output(f"systemctl show -p {shlex.quote(name)} --value {shlex.quote(unit)}")

    def journal(self, unit: str = "") -> str:
        """The journal of a unit, or all of it."""
        return self.output(f"journalctl --no-pager -o cat {f'-u {shlex.quote(unit)}' if unit else ''}")

    def reboot(self) -> None:
        """A clean reboot: services stop, what is on tmpfs is lost, the disk stays."""
        assert self._run is not None
        self._run.shut_down(REBOOT)
        self.boot()

    def poweroff(self) -> None:
        """A clean end. `boot` starts it again."""
        assert self._run is not None
        self._run.shut_down(POWEROFF)
        self._run = None

    def close(self) -> None:
        """Throws it away. Everything is tried, whatever failed before."""
        with contextlib.ExitStack() as steps:
            steps.callback(shutil.rmtree, self._folder, ignore_errors=True)
            if self.options.disk:
                steps.callback(_unmount, self._folder / "disk")
            steps.callback(_unmount, self.root)
            steps.callback(self._rig.network.remove, self._index)
            if self._run is not None:
                steps.callback(self._run.kill)

    def _ssh_answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.ssh_port), timeout=2) as talk:
            return talk.recv(4) == b"SSH-"
        return False

    def _write_files(self) -> None:
        etc = self.root / "etc"
        short = f"vm-{self._index}"
        resolver = self.options.resolver or self._rig.network.host
        texts = {
            "hostname": f"{short}\n",
            "hosts": f"127.0.0.1 localhost\n{self.address} {short}\n{self.options.hosts}",
            "resolv.conf": f"nameserver {resolver}\noptions timeout:1 attempts:1\n",
            "ssh/sshd_config.d/rig.conf": f"Port {self.ssh_port}\n{self.options.sshd}\n",
        }
        for name, text in texts.items():
            (etc / name).write_text(text, encoding="utf-8")
        key = etc / "ssh/ssh_host_ed25519_key"
        new_key(key)
        self.host_key = " ".join(key.with_suffix(".pub").read_text(encoding="ascii").split()[:2])
        (etc / "ssh/sshd_config.d/rig.conf").chmod(0o644)
        rules = {"nopasswd": f"{USER} ALL=(ALL) NOPASSWD: ALL\n", "password": f"{USER} ALL=(ALL) ALL\n", "none": ""}
        (etc / "sudoers.d/op").write_text(rules[self.options.sudo], encoding="ascii")
        (etc / "sudoers.d/op").chmod(0o440)
        home = self.root / "home" / USER / ".ssh"
        home.mkdir(mode=0o700)
        (home / "authorized_keys").write_text(self._rig.public_key, encoding="ascii")
        for path in (home, home / "authorized_keys"):
            os.chown(path, 1000, 1000)


class Rig:
    """Everything that the machines of one test process share. `close` leaves nothing of it on the computer.

    `slices` are the free ranges of 32 addresses on the bridge, by their first host number, for what serves the
    machines; `names` is the machines' name server, `downloads` a web server beside them."""

    def __init__(self) -> None:
        self.image = image()
        sweep()
        self.network = rig_network.claim()
        self.folder = FOLDERS / f"{PREFIX}{self.network.number}"
        self.folder.mkdir(mode=0o711)
        self._lock: IO[str] = _held(self.folder)
        self.slices = [128, 160, 192, 224]
        self.names = NameServer(self.network.host)
        self.downloads = Downloads(self.network.host)
        self._next = 0
        self._machines: list[RealVm] = []
        self.key_file = self.folder / "id_ed25519"
        new_key(self.key_file)
        self.public_key = self.key_file.with_suffix(".pub").read_text(encoding="ascii")

    def vm(self, options: VmOptions | None = None) -> RealVm:
        """A booted machine."""
        self._next += 1
        machine = RealVm(self, self._next, options or VmOptions())
        self._machines.append(machine)
        try:
            machine.start()
        except BaseException:
            self.throw_away(machine)
            raise
        return machine

    def throw_away(self, machine: RealVm) -> None:
        """Ends a machine and removes what it wrote; nothing where that was done."""
        if machine in self._machines:
            self._machines.remove(machine)
            machine.close()

    def close(self) -> None:
        """Takes down whatever is left."""
        with contextlib.ExitStack() as steps:
            steps.callback(self._lock.close)
            steps.callback(shutil.rmtree, self.folder, ignore_errors=True)
            steps.callback(self.network.close)
            steps.callback(self.downloads.close)
            steps.callback(self.names.close)
            for machine in list(self._machines):
                steps.callback(self.throw_away, machine)


def new_key(path: Path) -> None:
    """An Ed25519 key of OpenSSH, and its public half beside it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "meshvm-test", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=20)


def scratch() -> Path:
    """A private folder of its own."""
    return Path(tempfile.mkdtemp(prefix="meshvm-real-"))


def sweep() -> None:
    """Removes what a test process that was killed has left: its lock is free, and the rest is named by its number."""
    for folder in FOLDERS.glob(f"{PREFIX}*"):
        try:
            lock = _held(folder)
        except OSError:
            continue
        number = int(folder.name.removeprefix(PREFIX))
        network = rig_network.Network(number)
        for group in CGROUPS.glob(f"*/{network.bridge}-*"):
            _kill_all(group)
        for mount in sorted(_mounts_below(folder), reverse=True):
            _unmount(mount)
        network.close()
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _kill_all(group: Path) -> None:
    for procs in group.rglob("cgroup.procs"):
        for word in procs.read_text(encoding="ascii").split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(word), 9)
    remove_group(group)


def _held(folder: Path) -> IO[str]:
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock


def _mounts_below(folder: Path) -> list[Path]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    places = [Path(line.split()[1]) for line in lines]
    return [place for place in places if folder in place.parents]


def _mount(source: str, place: Path, kind: str, options: str) -> None:
    subprocess.run(
        ["mount", "-t", kind, "-o", options, source, str(place)], check=True, capture_output=True, timeout=20
    )


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True, timeout=20)
