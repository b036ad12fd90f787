"""Host names to IPs, as this computer sees them, without ever waiting longer than it may."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable

LOOK_UP_SECONDS = 5.0
_POLL_SECONDS = 0.1


def is_ip(value: str) -> bool:
    """Whether a value is an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def look_up(name: str, cancelled: Callable[[], bool]) -> str:
    """The first IPv4 address of a name, else the first IPv6 one; "" where it cannot be resolved in time.

    The system's resolver cannot be interrupted, so it runs in a thread that is left behind where it hangs."""
    answers: queue.Queue[list[str]] = queue.Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError:
            found = []
        answers.put([str(entry[4][0]) for entry in found])

    threading.Thread(target=ask, name=f"look up {name}", daemon=True).start()
    until = time.monotonic() + LOOK_UP_SECONDS
    while time.monotonic() < until and not cancelled():
        try:
            addresses = sorted(set(answers.get(timeout=_POLL_SECONDS)))
        except queue.Empty:
            continue
        return next((address for address in addresses if ":" not in address), next(iter(addresses), ""))
    return ""
