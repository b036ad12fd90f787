"""What every tool stands on: the VM's root, who runs it, which faults are on, and how to ask the pretend systemd."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

ROOT = os.environ.get("LAB_ROOT", "")
STATE = os.environ.get("LAB_STATE", "")
ADDRESS = os.environ.get("LAB_ADDRESS", "")


def place(path: str) -> str:
    """Where a path of the VM lies for this process."""
    if not ROOT:
        sys.exit("this program works only inside a lab VM")
    return path if ROOT == "/" else os.path.join(ROOT, path.lstrip("/"))


def user() -> str:
    """Who runs the tool, as the VM sees it."""
    return os.environ.get("LAB_USER", "root")


def is_root() -> bool:
    """Whether the tool runs under sudo."""
    return user() == "root"


def say(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(text + "\n")


def fault(name: str) -> str | None:
    """The value of a fault that is on for this VM, or None."""
    found: dict[str, str] = read_json("faults", {})
    return found.get(name)


def read_json(name: str, default: Any) -> Any:
    """A file of the VM's lab state."""
    try:
        with open(os.path.join(STATE, name), encoding="utf-8") as source:
            return json.load(source)
    except (OSError, ValueError):
        return default


def now() -> float:
    """The VM's clock, in seconds since the epoch."""
    return time.time() + float(read_json("clock", 0.0))


def ask(**request: Any) -> dict[str, Any]:
    """Asks the pretend systemd and waits for its answer."""
    import socket

    folder = os.open(STATE, os.O_PATH | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(f"/proc/self/fd/{folder}/init.sock")
            connection.sendall(json.dumps(request).encode())
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        except OSError as error:
            say(f"Failed to connect to bus: {error.strerror}")
            sys.exit(1)
    reply: dict[str, Any] = json.loads(b"".join(parts) or b"{}")
    return reply


def passwd() -> dict[str, tuple[int, int, str, str, str]]:
    """Users: name -> uid, gid, comment, home, shell."""
    users = {}
    for line in lines_of("/etc/passwd"):
        fields = line.split(":")
        if len(fields) == 7:
            users[fields[0]] = (int(fields[2]), int(fields[3]), fields[4], fields[5], fields[6])
    return users


def groups() -> dict[str, tuple[int, list[str]]]:
    """Groups: name -> gid, members."""
    found = {}
    for line in lines_of("/etc/group"):
        fields = line.split(":")
        if len(fields) == 4:
            found[fields[0]] = (int(fields[2]), [member for member in fields[3].split(",") if member])
    return found


def lines_of(path: str) -> list[str]:
    """The lines of a file of the VM; none where there is no such file."""
    try:
        with open(place(path), encoding="utf-8", errors="replace") as source:
            return source.read().splitlines()
    except OSError:
        return []


def write(path: str, text: str) -> None:
    """Writes a file of the VM, whole or not at all; says so and ends where that is not allowed."""
    target = place(path)
    fresh = f"{target}.lab-new"
    try:
        with open(fresh, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(fresh, target)
    except OSError as error:
        sys.exit(f"cannot write {path}: {error.strerror}")
