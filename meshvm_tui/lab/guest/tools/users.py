"""useradd, groupadd, userdel, id, whoami and getent: the VM's users, in its own /etc/passwd and /etc/group."""

from __future__ import annotations

import ipaddress

from meshvm_tui.lab.guest.tools import ground

SYSTEM_IDS = range(999, 99, -1)
ORDINARY_IDS = range(1000, 60000)
NOT_FOUND = 2


def free(taken: set[int], system: bool) -> int:
    """The next number for a user or a group."""
    return next(number for number in (SYSTEM_IDS if system else ORDINARY_IDS) if number not in taken)


def add_group(name: str, system: bool) -> int:
    """groupadd's work: the new group's gid."""
    known = ground.groups()
    gid = free({number for number, _ in known.values()} | {user[0] for user in ground.passwd().values()}, system)
    ground.write("/etc/group", "\n".join([*ground.lines_of("/etc/group"), f"{name}:x:{gid}:"]) + "\n")
    return gid


def add_user(name: str, gid: int, home: str, *, shell: str, system: bool, comment: str = "") -> None:
    """useradd's work."""
    taken = {user[0] for user in ground.passwd().values()}
    uid = gid if gid not in taken else free(taken, system)
    line = f"{name}:x:{uid}:{gid}:{comment}:{home}:{shell}"
    ground.write("/etc/passwd", "\n".join([*ground.lines_of("/etc/passwd"), line]) + "\n")


def resolve(name: str) -> list[tuple[str, str]]:
    """The addresses of a name with the name that answers: /etc/hosts first, then the sidecar's DNS."""
    wanted = name.rstrip(".").lower()
    for line in ground.lines_of("/etc/hosts"):
        address, *names = line.split("#", 1)[0].split() or [""]
        if wanted in (known.lower() for known in names):
            return [(address, " ".join(names))]
    if wanted == "localhost":
        return [("127.0.0.1", "localhost")]
    try:
        return [(str(ipaddress.ip_address(wanted)), wanted)]
    except ValueError:
        pass
    answer = mesh_names().get(wanted)
    return [(answer, wanted)] if answer else []


def mesh_names() -> dict[str, str]:
    """What the sidecar's DNS answers while it runs: name -> address."""
    import json

    try:
        with open(ground.place("/run/meshvm-agent/names.json"), encoding="utf-8") as source:
            names: dict[str, str] = json.load(source).get("names", {})
    except (OSError, ValueError):
        return {}
    return names
