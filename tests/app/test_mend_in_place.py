"""A problem that a field of the plan causes is mended on the problem's own screen, and the run goes on from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.events import Mode
from meshvm_tui.plan import Plan
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.plan_fields import Kind
from meshvm_tui.plan_machines import GceCreate, GceInstance, GkeCluster, Machine
from meshvm_tui.problem_catalog import CATALOG
from meshvm_tui.problems import PermanentError
from meshvm_tui.screens.mending import FIELDS, field_to_mend
from meshvm_tui.session_store import SessionStore
from tests.app.fakes import ScriptedEngine
from tests.app.harness import World, world

REFUSED = PermanentError("MVM-402", "10.128.0.7:22: connection refused")


async def failed_run(made: World) -> None:
    """The wizard's first machine refuses SSH."""
    made.burst(*["ctrl+n"] * 4, "ctrl+a")
    await made.screen("ReviewScreen")
    await made.says("Enter applies them.")
    made.engine.problems["guest-reachable"] = REFUSED
    await made.press("enter")
    await made.screen("ProblemDialog")
    await made.says("MVM-402", "mend SSH port", "try again")


async def test_the_field_is_mended_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=ScriptedEngine()) as made:
        await failed_run(made)
        await made.press("enter")
        await made.screen("MendDialog")
        await made.says("SSH port", "connection refused")
        await made.press("end", "ctrl+u", *"70000", "enter")
        await made.says("SSH port: '70000' is not valid; valid: 65535 or less")
        made.engine.problems.clear()
        await made.press("ctrl+u", *"2222", "enter")
        await made.screen("ReviewScreen")
        await made.says("Enter goes through it once more.")
        await made.press("enter")
        await made.screen("RunScreen")
        await made.says("Done.")
        assert [request.plan.machines[0].ssh.port for request in made.engine.requests[-2:]] == [2222, 2222]
        assert made.engine.requests[-1].mode is Mode.APPLY
        assert made.wizard.plan.machines[0].ssh.port == 2222
        store = SessionStore(tmp_path / "sessions")
        await made.until(lambda: store.read("hello-vm").plan.machines[0].ssh.port == 2222, "saved")


async def test_it_can_be_tried_again_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=ScriptedEngine()) as made:
        await failed_run(made)
        made.engine.problems.clear()
        await made.press("r")
        await made.screen("RunScreen")
        await made.says("Done.")
        assert made.engine.requests[-1].plan.machines[0].ssh.port == 22


async def test_a_field_that_is_left_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=ScriptedEngine()) as made:
        await failed_run(made)
        await made.press("enter")
        await made.screen("MendDialog")
        await made.press("ctrl+u", *"99", "escape")
        await made.screen("RunScreen")
        assert made.wizard.plan.machines[0].ssh.port == 22


def whole() -> Plan:
    """A plan in which every field is there."""
    plan = Plan(machines=[Machine(name="vm-1", gce=GceInstance(create=GceCreate()))])
    plan.cluster.gke = GkeCluster(location="europe-west1", name="prod")
    return plan


@pytest.mark.parametrize("code", sorted(FIELDS))
def test_each_code_leads_to_a_field_that_can_be_edited(code: str) -> None:
    assert code in CATALOG
    problem = PermanentError(code, "cause").record()
    found = [item for plan in (whole(), by_ssh(), by_jump()) if (item := field_to_mend(problem, plan, "vm-1"))]
    assert found, f"{code}: {FIELDS[code]} is in no form"
    for field, path in found:
        assert "{machine}" not in path
        assert field.label.strip()


def by_ssh() -> Plan:
    return Plan(machines=[Machine(name="vm-1", host="10.0.0.1")])


def by_jump() -> Plan:
    plan = PlanDraft(by_ssh())
    return plan.edit("machines.0.ssh.via", Kind.TEXT, "jump").plan


def test_of_several_machines_the_failed_one_is_mended() -> None:
    plan = Plan(machines=[Machine(name="a", host="10.0.0.1"), Machine(name="b", host="10.0.0.2")])
    found = field_to_mend(REFUSED.record(), plan, "b")
    assert found
    assert found[1] == "machines.1.ssh.port"


def test_what_no_field_causes_is_not_mended_here() -> None:
    assert field_to_mend(PermanentError("MVM-525", "disk full").record(), by_ssh(), "vm-1") is None
