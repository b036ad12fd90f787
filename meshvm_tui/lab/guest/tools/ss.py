"""ss -l: what listens at the VM's address, and which of the VM's processes it is."""

from __future__ import annotations

import os
import re
import socket

from meshvm_tui.lab.guest.tools import ground

LISTENING = "0A"


def main(arguments: list[str]) -> int:
    """ss -ltn[p] [-H] [sport = :PORT]"""
    letters = "".join(word[1:] for word in arguments if word.startswith("-") and not word.startswith("--"))
    wanted = re.search(r"sport\s*={1,2}\s*:(\d+)", " ".join(arguments))
    if "H" not in letters:
        print("State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process")
    processes = _processes() if "p" in letters else {}
    for address, port, inode in _listeners():
        if wanted and port != int(wanted[1]):
            continue
        # Other labs and the operator's own servers share the loopback; they are not this VM's.
        if address not in (ground.ADDRESS, "0.0.0.0", "::") or (address != ground.ADDRESS and inode not in processes):
            continue
        holders = ",".join(f'("{name}",pid={pid},fd={fd})' for name, pid, fd in processes.get(inode, []))
        shown = f"[{address}]" if ":" in address else address
        print(f"LISTEN 0 128 {shown}:{port} 0.0.0.0:*" + (f" users:({holders})" if holders else ""))
    return 0


def _listeners() -> list[tuple[str, int, str]]:
    found = []
    for file, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        try:
            with open(file, encoding="ascii") as source:
                rows = [line.split() for line in source.read().splitlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == LISTENING:
                packed, _, port = row[1].partition(":")
                # Each group of 32 bits is in the computer's own byte order.
                words = [bytes.fromhex(packed[at : at + 8])[::-1] for at in range(0, len(packed), 8)]
                address = socket.inet_ntop(family, b"".join(words)).removeprefix("::ffff:")
                found.append((address, int(port, 16), row[9]))
    return found


def _processes() -> dict[str, list[tuple[str, int, int]]]:
    found: dict[str, list[tuple[str, int, int]]] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                link = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                if link.startswith("socket:["):
                    with open(f"/proc/{pid}/comm", encoding="utf-8") as source:
                        name = source.read().strip()
                    found.setdefault(link[8:-1], []).append((name, _inner(pid), int(descriptor)))
        except OSError:
            continue
    return found


def _inner(pid: str) -> int:
    with open(f"/proc/{pid}/status", encoding="utf-8") as source:
        inner = re.search(r"^NSpid:.*\s(\d+)$", source.read(), re.MULTILINE)
    return int(inner[1]) if inner else int(pid)
