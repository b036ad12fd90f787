"""A lab VM seen by nobody of the product: a plain SSH client with the lab's key, as its operator would log in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko


class Guest:
    """A login on a VM."""

    def __init__(self, client: paramiko.SSHClient) -> None:
        self._client = client

    def run(self, command: str) -> str:
        """What a command writes to stdout; it has to end well."""
        _, out, err = self._client.exec_command(command, timeout=60)
        said, words = out.read().decode(), err.read().decode()
        code = out.channel.recv_exit_status()
        assert code == 0, f"{command}: {code} {said}{words}"
        return said


@contextmanager
def logged_in(state: Path, machine: Mapping[str, Any]) -> Iterator[Guest]:
    """Logs in to a machine of the lab's plan; its host key is the one that the lab wrote down."""
    login = machine["ssh"]
    client = paramiko.SSHClient()
    client.load_host_keys(str(state / "ssh" / "known_hosts"))
    client.connect(
        machine["host"], login["port"], login["user"], key_filename=login["key"], allow_agent=False, look_for_keys=False
    )
    try:
        yield Guest(client)
    finally:
        client.close()
