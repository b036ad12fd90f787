"""Takes from a process what its user may not read: the namespace has one uid, so the kernel alone would let it.

What the owners' table forbids is covered, in mounts of the process's own, by a file that nobody may read; the
capabilities that would open it all the same are given up for good.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys

from meshvm_tui.lab.guest.tools import ground, owners

CLONE_NEWNS, MS_BIND = 0x00020000, 4096
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
COVER = "unreadable"


def hide(user: str, paths: tuple[str, ...]) -> None:
    """Hides those of the paths that the user may not read. Call right before exec."""
    hidden = [os.path.realpath(path) for path in paths if os.path.exists(path) and not may_read(user, path)]
    if not hidden or ground.ROOT != "/":
        return
    cover = os.path.join(ground.STATE, COVER)
    with open(cover, "w", encoding="ascii"):
        os.chmod(cover, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.unshare(CLONE_NEWNS)
    for path in hidden:
        failed |= libc.mount(cover.encode(), os.fsencode(path), b"", ctypes.c_ulong(MS_BIND), None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        failed |= libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if failed:
        sys.exit(f"cannot take files from {user}: {os.strerror(ctypes.get_errno())}")


def may_read(user: str, path: str) -> bool:
    """Whether a user may read a file, and go through every folder above it, by owner, group and mode."""
    users = ground.passwd()
    if user == "root" or user not in users:
        return True
    whole = os.path.realpath(path)
    parts = whole.split("/")
    above = ["/".join(parts[:count]) or "/" for count in range(1, len(parts))]
    return _allowed(user, whole, stat.S_IROTH) and all(_allowed(user, folder, stat.S_IXOTH) for folder in above)


def _allowed(user: str, path: str, bit: int) -> bool:
    uid, gid = ground.passwd()[user][:2]
    groups = {gid} | {number for number, members in ground.groups().values() if user in members}
    owner, group = owners.owner(path)
    shift = 6 if owner == uid else 3 if group in groups else 0
    return bool(os.stat(path).st_mode & bit << shift)
