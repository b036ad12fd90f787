"""Going on without a step that only proves something."""

from __future__ import annotations

from meshvm_tui.events import Mode, Stage, StepFinished, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.problems import PermanentError
from meshvm_tui.session import Session
from meshvm_tui.session_standing import standing_of
from meshvm_tui.steps import steps_for
from meshvm_tui.steps.step import Scope
from tests.engine.worlds import Switch, World, plan_with


def unhealthy(_scope: Scope) -> None:
    """The health check of the only machine fails."""
    raise PermanentError("MVM-616", "no answer")


def done(step: str, machine: str) -> StepFinished:
    """A step that was done."""
    return StepFinished("", "s", step, machine, StepState.SUCCEEDED, False, "AsPlanned", "as planned", 0.0)


def walk(world: World, *machines: str):  # type: ignore[no-untyped-def]
    """A check that fails on every machine, and what comes after it."""
    check = Switch(world, "check", stage=Stage.INSTALL, may_skip=True, on_apply=unhealthy)
    return tuple((step, machine) for machine in machines for step in (check, Switch(world, "after")))


def test_what_failed_and_may_be_skipped_says_so_and_stops_its_chain() -> None:
    world = World()
    finished = world.run(walk(world, "vm-1"), plan_with("vm-1"))
    assert finished.exit_code == ExitCode.FAILED
    assert world.finished()["check", "vm-1"].may_skip
    assert world.states()["after", "vm-1"] == "pending"


def test_skipped_is_neither_done_nor_failed_and_the_rest_is_done() -> None:
    world = World()
    finished = world.run(walk(world, "vm-1"), plan_with("vm-1"), skips=frozenset({("check", "")}))
    assert world.states() == {("check", "vm-1"): "left-out", ("after", "vm-1"): "succeeded"}
    assert finished.exit_code == ExitCode.NOT_PROVEN
    assert "Not proven: check on vm-1 (skipped)." in finished.message
    assert ("skipped", {"step": "check", "machine": "vm-1"}) in world.journal
    assert not [item for item in world.done if item[1] == "check"]


def test_one_machine_of_several_is_gone_on_without() -> None:
    world = World()
    skips = frozenset({("check", "vm-1")})
    finished = world.run(walk(world, "vm-1", "vm-2"), plan_with("vm-1", "vm-2"), skips=skips)
    assert world.states()["check", "vm-1"] == "left-out"
    assert world.states()["check", "vm-2"] == "failed"
    assert finished.exit_code == ExitCode.SOME_MACHINES_FAILED


def test_a_step_that_others_build_on_is_never_skipped() -> None:
    world = World()
    step = Switch(world, "needed")
    finished = world.run(((step, ""),), plan_with(), skips=frozenset({("needed", "")}))
    assert world.states()["needed", ""] == "succeeded"
    assert finished.exit_code == ExitCode.DONE


def test_looking_at_what_is_there_leaves_nothing_out() -> None:
    world = World()
    world.run(walk(world, "vm-1"), plan_with("vm-1"), Mode.OBSERVE, skips=frozenset({("check", "")}))
    assert world.states()["check", "vm-1"] == "pending"


def test_no_step_of_the_product_needs_one_that_may_be_skipped() -> None:
    plan = Plan(machines=[Machine(name="vm-1", host="10.0.0.1")])
    steps = [step for step, _ in steps_for(plan)]
    skippable = {step.id for step in steps if step.may_skip}
    assert skippable <= {"entry-healthy", "probe-vm-to-cluster", "probe-cluster-to-vm"}
    assert not [step.id for step in steps if skippable.intersection(step.needs)]


def test_the_session_says_that_it_is_not_proven_and_asks_again() -> None:
    world = World()
    plan = Plan(machines=[Machine(name="vm-1", host="10.0.0.1")])
    probe = Switch(world, "probe-vm-to-cluster", stage=Stage.SERVICES, probe=True, may_skip=True)
    world.run(((probe, "vm-1"),), plan, skips=frozenset({(probe.id, "")}))
    session = Session("s", plan)
    for step, machine in steps_for(plan):
        if step.id != probe.id:
            session = session.with_event(done(step.id, machine))
    for event in world.events:
        session = session.with_event(event)
    record = session.record(probe.id, "vm-1")
    assert record is not None and record.state == "left-out"
    standing = standing_of(session, 0.0)
    assert (standing.stage, standing.words) == (
        "Services",
        "Services on vm-1: VM reaches the cluster was skipped: not proven",
    )
