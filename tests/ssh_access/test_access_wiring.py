"""How an access is opened and ended with the other connections of a run."""

from __future__ import annotations

import threading
import time

import pytest

from meshvm_tui.adapters import instance_ways
from meshvm_tui.adapters.instance_access import GceAccess
from meshvm_tui.adapters.instance_waits import Patience
from meshvm_tui.app_leaving import GRACE
from meshvm_tui.plan import Plan
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.wiring import WiredConnections
from tests.ssh_access.bench import Bench

PLAN = Plan.model_validate({"machines": [{"name": f"vm-{number}", "gce": {}} for number in range(4)]})


def test_where_nothing_may_be_changed_nothing_can_be_granted() -> None:
    connections = WiredConnections(read_only=True)
    with pytest.raises(ActionNeeded) as refused:
        connections.access(PLAN, PLAN.machines[0])
    assert refused.value.code == "MVM-722"
    looking = connections.access_reader(PLAN, PLAN.machines[0])
    assert callable(looking.look)
    for name in ("grant", "public_line", "revoke"):
        assert not hasattr(looking, name)
    connections.close()


def test_a_machine_has_one_access_for_its_steps_and_its_guest() -> None:
    connections = WiredConnections()
    first, second = PLAN.machines[:2]
    assert connections.access(PLAN, first) is connections.access(PLAN, first)
    assert connections.access(PLAN, first) is not connections.access(PLAN, second)
    connections.close()


def test_all_keys_are_taken_away_at_once_while_google_can_still_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits until all have begun, and finds the login open."""
    together = threading.Barrier(len(PLAN.machines), timeout=5)
    revoked: list[bool] = []

    class Access:
        def __init__(self, rest: object) -> None:
            self._rest = rest

        def revoke(self) -> None:
            together.wait()
            revoked.append(self._rest._connections.closed)  # type: ignore[attr-defined]

    monkeypatch.setattr(instance_ways, "open_access", lambda _machine, _compute, **given: Access(given["rest"]))
    connections = WiredConnections()
    for machine in PLAN.machines:
        connections.access(PLAN, machine)
    connections.close()
    assert revoked == [False] * len(PLAN.machines)


def test_closing_takes_no_longer_than_the_app_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Patience().revoke <= GRACE
    released = threading.Event()
    hung = [bench.another(revoke=0.2) for _ in PLAN.machines]
    for access in hung:
        bench.grant(access)

    def hangs() -> None:
        released.wait(5)

    bench.compute.on_wait = hangs
    left = iter(hung)

    def open_access(*_given: object, **_named: object) -> GceAccess:
        return next(left)

    monkeypatch.setattr(instance_ways, "open_access", open_access)
    connections = WiredConnections()
    for machine in PLAN.machines:
        connections.access(PLAN, machine)
    began = time.monotonic()
    connections.close()
    assert time.monotonic() - began < 0.7
    released.set()
    for thread in threading.enumerate():
        if thread.name == "meshvm-revoke":
            thread.join(5)
