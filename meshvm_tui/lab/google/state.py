"""The lab's Google world: what exists, who may come in, and what the firewall lets through. It lasts on disk."""

from __future__ import annotations

from pathlib import Path

from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.google.world import JSON

AuthorizedKey = tuple[str, str, float | None]
"""(user, "type base64", when it ends in seconds since the epoch or None)."""


class Cloud:
    """The world in `state`/google, and the log in `state`/google-requests.jsonl. Threads may share it."""

    def __init__(self, state: Path, clock: Clock, faults: Faults, seed: int = 0) -> None:
        raise NotImplementedError

    def instance(self, name: str) -> JSON | None:
        """A copy of the instance of that name, in whatever zone."""
        raise NotImplementedError

    def add_running(self, name: str, addresses: tuple[str, str], zone: str = "us-central1-a") -> None:
        """An instance that runs already, with its internal and external address: a VM that the lab made by itself.

        Where it is known already only its addresses are set."""
        raise NotImplementedError

    def keys_for(self, name: str) -> tuple[AuthorizedKey, ...]:
        """The keys that open an instance now: of its metadata and the project's, or of OS Login where that is on.

        Expired ones are left out; google-no-agent leaves out those of metadata."""
        raise NotImplementedError

    def allows(self, source: str, name: str, port: int, *, ssh_port: int = 2222) -> bool:
        """Whether the firewall lets TCP from an address to a port of an instance. Rules for port 22 count for
        `ssh_port`, where the lab's VMs have their SSH server. No rule means no, an unknown instance too."""
        raise NotImplementedError

    def token_email(self, token: str) -> str | None:
        """Whose access token this is; None where it is not of this lab, or has expired."""
        raise NotImplementedError

    def log(self, *, api: str, method: str, path: str, query: dict[str, str], body: JSON | None, status: int) -> None:
        """One line in google-requests.jsonl; for parts of Google that are not behind `GoogleApi` (api "iap")."""
        raise NotImplementedError
