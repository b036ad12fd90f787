"""The end of an installation: istiod registers the VM and finds it healthy."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.problems import PermanentError, TransientError
from meshvm_tui.steps.install import SidecarRunning
from meshvm_tui.steps.registration import EntryHealthy, EntryRegistered
from tests.steps.vm_world import ENTRY, IDENTITY, World, a_plan, ca


def test_an_entry_that_does_not_appear(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.guest.on_start = lambda: setattr(world.guest, "certificate", ca().issue(IDENTITY))
    world.run(upto=SidecarRunning)
    world.guest.log = "\tinfo\txdsproxy\tconnected to upstream XDS server: istiod.istio-system.svc:15012"
    scope = world.scope()
    monkeypatch.setattr(type(scope), "remaining", lambda self: 60.0 if self.told.waits < 30 else 0.0)
    with pytest.raises(PermanentError) as caught:
        EntryRegistered().apply(world.ports, scope)
    assert caught.value.code == "MVM-320"
    assert ENTRY in scope.told.progressed[0]


def test_a_definite_cause_ends_the_wait_early(world: World) -> None:
    world.guest.on_start = lambda: setattr(world.guest, "certificate", ca().issue(IDENTITY))
    world.run(upto=SidecarRunning)
    world.guest.log = (
        "\twarn\txdsproxy\tcode = FailedPrecondition desc = cannot find WorkloadGroup vm-namespace/hello-vm"
    )
    scope = world.scope()
    with pytest.raises(PermanentError) as caught:
        EntryRegistered().apply(world.ports, scope)
    assert caught.value.code == "MVM-306"
    assert scope.told.waits < 20


def test_an_entry_of_a_vm_that_left_is_not_connected(onboarded: World) -> None:
    onboarded.put_entry()
    seen, _ = onboarded.look(upto=EntryRegistered)["entry-registered"]
    assert (seen.standing, seen.reason) == (Standing.DIFFERENT, "NotConnected")


def test_a_connection_from_before_the_restart_is_no_proof(onboarded: World) -> None:
    onboarded.guest.on_start = lambda: None
    onboarded.guest.files["cluster.env"] += "X='1'\n"
    scope = onboarded.scope()
    onboarded.run(scope, upto=SidecarRunning)
    assert EntryRegistered().observe(onboarded.reading, scope).standing is Standing.DIFFERENT
    scope.on_wait = onboarded.agent_starts
    assert EntryRegistered().apply(onboarded.ports, scope).changed


PROBED = {"probe": {"httpGet": {"port": 8080}}}


@pytest.mark.parametrize(
    ("health", "standing", "reason"),
    [
        ("True", Standing.SATISFIED, "Healthy"),
        ("False", Standing.DIFFERENT, "Unhealthy"),
        ("", Standing.MISSING, "Unproven"),
    ],
)
def test_health_is_what_istiod_wrote(tmp_path: Path, health: str, standing: Standing, reason: str) -> None:
    world = World(a_plan(workload=PROBED, services={"httpServer": None}), tmp_path / "f", health=health)
    world.run(upto=EntryRegistered)
    if not health:
        entry = world.cluster.objects["workloadentries", "vm-namespace", ENTRY]
        entry["metadata"]["annotations"]["proxy.istio.io/health-checks-enabled"] = "true"
    seen = EntryHealthy().observe(world.reading, world.scope())
    assert (seen.standing, seen.reason) == (standing, reason)


@pytest.mark.parametrize("waits", [5, 0])
def test_an_unhealthy_workload_is_told_in_the_probes_words(
    waits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by the last attempt of a run, which has no time left to wait."""
    world = World(a_plan(workload=PROBED, services={"httpServer": None}), tmp_path / "f", health="False")
    world.run(upto=EntryRegistered)
    scope = world.scope()
    monkeypatch.setattr(type(scope), "remaining", lambda self: 60.0 if self.told.waits < waits else 0.0)
    with pytest.raises(TransientError) as caught:
        EntryHealthy().apply(world.ports, scope)
    assert (caught.value.code, caught.value.cause) == ("MVM-323", "refused")
