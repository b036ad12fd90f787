"""A server in this process, and a guest behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.adapters.ssh_target import SshTarget
from tests.fakes.ssh_server import Behaviour, SshServer, write_key


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def server(behaviour: Behaviour) -> Iterator[SshServer]:
    served = SshServer(behaviour)
    yield served
    served.close()


@pytest.fixture
def target(server: SshServer, tmp_path: Path) -> SshTarget:
    return SshTarget(
        host="127.0.0.1",
        port=server.port,
        user="root",
        key=str(write_key(tmp_path / "key")),
        known_host=server.host_key.fingerprint,
        own_known_hosts=tmp_path / "known_hosts",
        operator_known_hosts=(tmp_path / "none",),
    )


@pytest.fixture
def guest(target: SshTarget) -> Iterator[SshGuest]:
    opened = SshGuest(target)
    yield opened
    opened.close()
