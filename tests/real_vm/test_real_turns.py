"""How often the product waits for the far side: connections and turns, counted by a proxy on the way to a real VM.

The link has a round trip of 40 ms, so that what crosses on the way crosses as on a distant one; nothing here is timed.
A turn is an answer of the VM's side to something that the operator's side has said (benchmarks/delaying_proxy.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.delaying_proxy import Count
from benchmarks.slow_link import SlowLink, slow_link
from meshvm_tui.adapters.ssh_transport import KEEPALIVE_SECONDS
from tests.real_vm.rig import RealVm
from tests.real_vm.world import World, changed, described, finished, told

pytestmark = pytest.mark.real_vm

RTT = 0.04
MOST_TURNS = 10
VM_STEPS = ("bootstrap-files", "sidecar-package", "guest-files", "sidecar-running")
NO_SAMPLES = {"helloWorld": None, "vmService": None, "httpServer": None}


@pytest.fixture
def link(vm: RealVm) -> Iterator[SlowLink]:
    """The slow way to the machine."""
    with slow_link(RTT, [f"{vm.address}:{vm.ssh_port}"]) as made:
        yield made


def plan(vm: RealVm, link: SlowLink) -> dict[str, Any]:
    """The sidecar alone: samples and probes are traffic of their own."""
    machine = described(vm)
    machine |= {"host": "127.0.0.1", "ssh": {**machine["ssh"], "port": link.ports[0]}}
    return {"machines": [machine], "services": NO_SAMPLES}


def waited(count: Count, until: float) -> int:
    """The turns of a connection but for its keepalives, which nobody waits for and only a slow computer sees."""
    return count.turns - int((until - count.opened) // KEEPALIVE_SECONDS)


def test_one_connection_and_at_most_ten_turns_from_observation_to_start(
    world: World, vm: RealVm, link: SlowLink
) -> None:
    """The first run needs a second connection only to prove that there can be one; the second run needs none."""
    done = world.apply(**plan(vm, link))
    assert done.returncode == 0, told(done)
    assert set(VM_STEPS) <= set(changed(done))
    to_start, proof = link.counts()[0]
    assert waited(to_start, proof.opened) <= MOST_TURNS

    unit = vm.show("istio", "InvocationID")
    again = world.apply(**plan(vm, link))
    assert again.returncode == 0, told(again)
    assert changed(again) == []
    assert all(finished(again)[step]["state"] == "skipped" for step in VM_STEPS)
    (look,) = link.counts()[0][2:]
    assert waited(look, time.time()) <= MOST_TURNS
    assert vm.show("istio", "InvocationID") == unit
    assert vm.show("istio", "NRestarts") == "0"
