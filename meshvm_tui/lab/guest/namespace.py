"""A VM's own user, mount, process and name space, made by libc calls; needs no root and no program.

The VM's root is a small tmpfs. The host's programs and libraries lie in it read-only under /.lab/host, and links
in the places where programs look for them lead there; everything that a VM may write is a folder of the VM's own.
A second user namespace is entered last, so that not even the VM's root can make a read-only mount writable again.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import socket
import stat
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_NODIRATIME, MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = 1024, 2048, 4096, 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
KEPT_FLAGS = {
    "nosuid": MS_NOSUID,
    "nodev": MS_NODEV,
    "noexec": MS_NOEXEC,
    "noatime": MS_NOATIME,
    "nodiratime": MS_NODIRATIME,
    "relatime": MS_RELATIME,
}

# Places that belong to the VM, and the folder under the VM's root that holds each.
OWN = ("etc", "var", "usr/local", "usr/lib/systemd", "home", "root", "tmp", "opt", "run", "srv")
GUARDED = ("etc", "var", "usr/local", "usr/lib/systemd", "root", "opt", "run", "srv")  # an ordinary user only reads
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
READ_ONLY = ("/.lab/host", "/.lab/python", "/.lab/packages", "/proc")

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class RootPlan:
    """What a VM's root is made of: plain values, so that they can be sent to the process that enters it."""

    folder: str  # the VM's folder: root/ and state/ lie in it
    hostname: str
    commands: Mapping[str, str]  # the host's programs that the VM has: name -> path on the host
    tools: tuple[str, ...]  # the lab's own, which stand before the host's
    python: str  # the interpreter's prefix on the host
    packages: Mapping[str, str]  # below /.lab/packages -> folder on the host; what the lab's Python imports


def check(result: int, doing: str) -> None:
    """Raises OSError with what was tried where a libc call failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    done = libc.mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode())
    check(done, f"mount {target}")


def unshare(flags: int) -> None:
    """unshare(2) for this process, which must have one thread only."""
    check(libc.unshare(flags), "unshare")


def die_with_parent() -> None:
    """Asks the kernel to kill this process when the one that started it dies."""
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)


def map_to_root(uid: int, gid: int, processes: int) -> None:
    """Makes this user the namespace's root, and nobody else anything in it. `processes` is an open /proc."""
    # An ordinary user may map groups only after setgroups is denied.
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        try:
            file = os.open(f"self/{name}", os.O_WRONLY, dir_fd=processes)
        except PermissionError:
            if name == "setgroups":
                continue  # an outer namespace denied it already
            raise
        os.write(file, text.encode())
        os.close(file)


def isolate() -> None:
    """Leaves the host's users, mounts, processes and name behind; the next child is process 1 of the VM."""
    uid, gid = os.getuid(), os.getgid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)
    processes = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    map_to_root(uid, gid, processes)
    os.close(processes)


def enter(plan: RootPlan) -> None:
    """Assembles the VM's root and moves into it. Runs in process 1, after `isolate`. OSError where forbidden."""
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    socket.sethostname(plan.hostname)
    new_root = str(Path(plan.folder) / "mnt")
    Path(new_root).mkdir(exist_ok=True)
    mount("lab", new_root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=16m")
    _assemble(Path(new_root), plan)
    # The host's /proc by descriptor: the VM's own is read-only by the time the second map is written.
    processes = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    os.chdir(new_root)
    check(libc.pivot_root(b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "leaving the old root")
    os.chdir("/")
    make_read_only(READ_ONLY)
    # Mounts that a less privileged namespace inherits are locked as they are.
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    map_to_root(0, 0, processes)
    os.close(processes)


def guard_from_user() -> None:
    """Gives this process mounts of its own in which only its home and /tmp can be written, as for a login."""
    unshare(CLONE_NEWNS)
    for place in GUARDED:
        _remount_read_only(f"/{place}", "")


def make_read_only(prefixes: tuple[str, ...]) -> None:
    """Makes every mount at or below these places read-only, each with the flags that it must keep."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(" ")
        place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        if any(place == prefix or place.startswith(prefix + "/") for prefix in prefixes):
            _remount_read_only(place, fields[5])


def _remount_read_only(place: str, options: str) -> None:
    if not options:
        found = os.statvfs(place).f_flag
        kept = found & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
        if found & 4096:  # ST_RELATIME
            kept |= MS_RELATIME
    else:
        kept = 0
        for word in options.split(","):
            kept |= KEPT_FLAGS.get(word, 0)
    mount("none", place, "", MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def _bind(source: str, target: Path) -> None:
    if target.is_symlink() or not target.exists():
        target.mkdir(parents=True)
    mount(source, str(target), "", MS_BIND | MS_REC)


def _assemble(root: Path, plan: RootPlan) -> None:
    host = root / ".lab/host"
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix", "gnu"):
        source = Path("/") / name
        if source.is_symlink():
            host.mkdir(parents=True, exist_ok=True)
            (host / name).symlink_to(source.readlink())
        elif source.is_dir():
            _bind(str(source), host / name)
            if name in ("nix", "gnu"):
                (root / name).symlink_to(f"/.lab/host/{name}")
    _bind(plan.python, root / ".lab/python")
    for place, source_folder in plan.packages.items():
        _bind(source_folder, root / ".lab/packages" / place)
    _bind(str(Path(plan.folder) / "state"), root / ".lab/state")
    _links_to_libraries(root)
    _links_to_programs(root, plan)
    for place in OWN:
        _bind(str(Path(plan.folder) / "root" / place), root / place)
    _devices(root)
    _processes(root)


def _links_to_libraries(root: Path) -> None:
    """/lib, /usr/lib and their like as folders of links, so that systemd's place among them can be the VM's."""
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    for host_folder in ("/usr/lib", "/lib"):
        if Path(host_folder).is_dir():
            for entry in os.scandir(host_folder):
                link = root / "usr/lib" / entry.name
                if entry.name != "systemd" and not link.is_symlink():
                    link.symlink_to(f"/.lab/host{host_folder}/{entry.name}")
    for name in ("lib32", "lib64", "libx32"):
        if Path("/", name).exists():
            (root / name).symlink_to(f".lab/host/{name}")
        if Path("/usr", name).exists():
            (root / "usr" / name).symlink_to(f"/.lab/host/usr/{name}")
    for name in ("share", "libexec"):
        if Path("/usr", name).is_dir():
            (root / "usr" / name).symlink_to(f"/.lab/host/usr/{name}")


def _links_to_programs(root: Path, plan: RootPlan) -> None:
    programs = root / "usr/bin"
    programs.mkdir()
    for name, place in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("usr/sbin", "bin")):
        (root / name).symlink_to(place)
    for name in plan.tools:
        (programs / name).symlink_to(f"/.lab/state/tools/{name}")
    for name, path in plan.commands.items():
        if name not in plan.tools:
            (programs / name).symlink_to(f"/.lab/host{path}")


def _devices(root: Path) -> None:
    devices = root / "dev"
    devices.mkdir()
    for name in DEVICES:
        source = Path("/dev") / name
        if source.exists() and stat.S_ISCHR(source.stat().st_mode):
            (devices / name).touch()
            mount(str(source), str(devices / name), "", MS_BIND)
    for name, place in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (devices / name).symlink_to(f"/proc/self/fd{place}")
    (devices / "shm").mkdir(mode=0o1777)


def _processes(root: Path) -> None:
    place = root / "proc"
    place.mkdir()
    try:
        mount("proc", str(place), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        # Containers hide parts of /proc, and the kernel then wants the same view or none.
        mount("/proc", str(place), "", MS_BIND | MS_REC)


def take_terminal() -> None:
    """Makes standard input, a terminal, the session's own."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
