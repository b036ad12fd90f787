"""Who owns a file on the VM. The namespace has one uid only, so the owner is kept beside the file.

An extended attribute holds it, so that it moves with the file; where the file system has none, a table by inode.
"""

from __future__ import annotations

import json
import os

from meshvm_tui.lab.guest.tools import ground

# What the agent writes while it runs; it runs as istio-proxy.
AGENT = "istio-proxy"
AGENT_WRITES = ("/etc/certs/key.pem", "/etc/certs/cert-chain.pem", "/run/meshvm-agent", "/var/lib/istio/proxy/")
ATTRIBUTE = "user.meshvm-lab.owner"


def owner(path: str, follow: bool = True) -> tuple[int, int]:
    """The uid and gid of a file as the VM sees them. FileNotFoundError where there is none."""
    status = os.stat(path, follow_symlinks=follow)
    try:
        text = os.getxattr(path, ATTRIBUTE, follow_symlinks=follow).decode()
    except OSError:
        text = _table().get(f"{status.st_dev}:{status.st_ino}", "")
    if text:
        uid, _, gid = text.partition(":")
        return int(uid), int(gid)
    return _by_place(path)


def set_owner(path: str, uid: int, gid: int, follow: bool = True) -> None:
    """Notes the owner of a file."""
    status = os.stat(path, follow_symlinks=follow)
    try:
        os.setxattr(path, ATTRIBUTE, f"{uid}:{gid}".encode(), follow_symlinks=follow)
    except OSError:
        table = _table()
        table[f"{status.st_dev}:{status.st_ino}"] = f"{uid}:{gid}"
        file = os.path.join(ground.STATE, "owners")
        with open(f"{file}.{os.getpid()}", "w", encoding="utf-8") as out:
            json.dump(table, out)
        os.replace(out.name, file)


def name_of(number: int, names: dict[int, str]) -> str:
    """A number's name, or UNKNOWN as stat prints it."""
    return names.get(number, "UNKNOWN")


def parse(spec: str) -> tuple[int | None, int | None]:
    """`user`, `user:group`, `user.group`, `user:`, `:group` as numbers. KeyError names what is not known."""
    separator = ":" if ":" in spec else "." if "." in spec and spec not in ground.passwd() else ""
    name, found, group = spec.partition(separator) if separator else (spec, "", "")
    uid = gid = None
    users = ground.passwd()
    if name:
        if name not in users and not name.isdigit():
            raise KeyError(name)
        uid = users[name][0] if name in users else int(name)
        if found and not group and name in users:
            gid = users[name][1]
    if group:
        known = ground.groups()
        if group not in known and not group.isdigit():
            raise KeyError(group)
        gid = known[group][0] if group in known else int(group)
    return uid, gid


def _table() -> dict[str, str]:
    table: dict[str, str] = ground.read_json("owners", {})
    return table


def _by_place(path: str) -> tuple[int, int]:
    """What the agent wrote is its own, a home is its user's; everything else, unless it was given away, is root's."""
    home = ground.place("/home/")
    whole = os.path.abspath(path)
    if whole.startswith(tuple(ground.place(place) for place in AGENT_WRITES)) and AGENT in (known := ground.passwd()):
        return known[AGENT][0], known[AGENT][1]
    if whole.startswith(home):
        name = whole[len(home) :].split("/", 1)[0]
        if name in (users := ground.passwd()):
            return users[name][0], users[name][1]
    return 0, 0
