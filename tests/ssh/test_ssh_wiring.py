"""How the machines of one plan get their connections."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.wiring import WiredConnections

MACHINES = tuple(Machine.model_validate({"name": f"vm{number}", "host": f"10.0.0.{number}"}) for number in range(3))


def test_no_machine_waits_until_another_ones_configuration_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three read theirs at the same time, or none of them gets past the barrier."""
    together = threading.Barrier(len(MACHINES), timeout=10)

    def for_machine(machine: Machine, **_options: object) -> str:
        together.wait()
        return machine.name

    monkeypatch.setattr(SshGuest, "for_machine", for_machine)
    connections = WiredConnections()
    with ThreadPoolExecutor(len(MACHINES)) as pool:
        guests = list(pool.map(lambda machine: str(connections.guest(Plan(), machine)), MACHINES))
    assert guests == [machine.name for machine in MACHINES]
    assert str(connections.guest(Plan(), MACHINES[0])) == "vm0"
    connections.close()
