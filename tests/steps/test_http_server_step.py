"""http-server: a unit of ours is no proof that it is our server which answers."""

from __future__ import annotations

import base64

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.ports import Ports
from meshvm_tui.steps.services import HttpServerStep
from tests.fakes.cluster import FakeCluster
from tests.fakes.guest import FakeGuest
from tests.fakes.scope import NoIstioctl, a_scope

UNIT = "ExecStart=/usr/bin/env python3 -m http.server 80 --bind 10.0.0.7 --directory /var/lib/meshvm-http\n"


@pytest.mark.parametrize(
    ("held", "standing", "words"),
    [
        ('10.0.0.7:80 users:(("python3",pid=5,fd=3))', Standing.SATISFIED, "serves port 80"),
        ('*:80 users:(("nginx",pid=9,fd=3))', Standing.DIFFERENT, "*:80 by nginx (pid 9)"),
        ('127.0.0.1:80 users:(("nginx",pid=9,fd=3))', Standing.SATISFIED, "serves port 80"),
    ],
)
def test_who_listens_is_asked(held: str, standing: Standing, words: str) -> None:
    vm = Machine.model_validate({"name": "vm1", "host": "10.0.0.7", "address": "10.0.0.7"})
    guest = FakeGuest()
    shown = "LoadState=loaded\nActiveState=active\nMainPID=5"
    guest.topics = {
        "http": {"unit": base64.b64encode(UNIT.encode()).decode(), "show": shown},
        "network": {"addresses": "10.0.0.7", "listeners": held},
    }
    ports = Ports(FakeCluster(), NoIstioctl(), guest)
    seen = HttpServerStep().observe(ports.reading(), a_scope(Plan(machines=[vm]), vm))
    assert (seen.standing, words in seen.message) == (standing, True)
