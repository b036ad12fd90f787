"""The image of the test machines: a small Debian with systemd, OpenSSH and sudo, made once and kept between runs.

It lies outside of the tree, in a folder named by a hash of its recipe, and is only ever read: each machine writes
into a layer of its own above it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "bookworm"
PACKAGES = (
    "ca-certificates",
    "curl",
    "dbus",
    "hostname",
    "iproute2",
    "iptables",
    "libnss-systemd",
    "openssh-server",
    "procps",
    "python3",
    "python3-cffi-backend",  # what python3-cryptography wants by a name that debootstrap cannot resolve
    "python3-cryptography",
    "python3-yaml",
    "sudo",
    "systemd",
    "systemd-sysv",
)
SETUP = r"""
set -eu
# An empty one is filled at each boot; without it systemd would think that this is the first boot of all.
: >etc/machine-id
rm -f etc/ssh/ssh_host_* etc/hostname etc/resolv.conf var/lib/dbus/machine-id
rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/*
# Nothing of these has work to do in a machine without a disk, a screen or the world outside.
chroot . systemctl mask -q apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer console-getty.service getty.target systemd-networkd-wait-online.service
chroot . useradd --create-home --shell /bin/bash --uid 1000 op
chroot . usermod --password "$(printf %s op-password | openssl passwd -6 -stdin)" op
"""
DEADLINE = 900.0  # seconds that making the image may take on a bare machine
DEFAULT_CACHE = "~/.cache"


def image() -> Path:
    """The image's root folder, made first where it is missing. Raises CalledProcessError with debootstrap's words."""
    recipe = "\n".join((SUITE, *PACKAGES, SETUP, "1"))
    name = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("MESHVM_TUI_REAL_CACHE") or DEFAULT_CACHE).expanduser()
    folder = cache / "meshvm-tui" / "real-vm"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / name
    with _alone(folder / f"{name}.lock"):
        if not made.exists():
            _make(folder / f"{name}.making")
            (folder / f"{name}.making").rename(made)
    return made


def _make(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    include = f"--include={','.join(PACKAGES)}"
    for command in (
        ["debootstrap", "--variant=minbase", include, SUITE, str(root)],
        ["sh", "-c", SETUP],
    ):
        done = subprocess.run(
            command,
            cwd=root if command[0] == "sh" else None,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE,
            check=False,
        )
        if done.returncode != 0:
            words = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {words}")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Several test processes want the image at once: one makes it, the others wait."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
