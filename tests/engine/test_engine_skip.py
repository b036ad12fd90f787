"""Going on without a step that only proves something."""

from __future__ import annotations

import threading

from meshvm_tui.engine_skip import SkipWishes
from meshvm_tui.events import Mode, RunFinished, Stage, StepFinished, StepStarted, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.problems import PermanentError, TransientError
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


def run_and_skip(world: World, at_work: threading.Event, *steps: Switch) -> RunFinished:
    """A run on one machine; the wish comes while the step is at work, as from the operator's own thread."""
    wishes = SkipWishes()

    def wish() -> None:
        assert at_work.wait(60)
        wishes.add("check", "vm-1")

    wisher = threading.Thread(target=wish)
    wisher.start()
    finished = world.run(tuple((step, "vm-1") for step in steps), plan_with("vm-1"), wishes=wishes)
    wisher.join()
    return finished


def test_a_step_that_is_waited_for_is_skipped_and_its_own_work_has_ended() -> None:
    world = World()
    at_work, left = threading.Event(), threading.Event()

    def waits(scope: Scope) -> None:
        at_work.set()
        try:
            scope.wait(60)
        finally:
            left.set()

    check = Switch(world, "check", stage=Stage.INSTALL, may_skip=True, on_apply=waits)
    finished = run_and_skip(world, at_work, check, Switch(world, "after"))
    assert left.is_set(), "nothing of it goes on"
    assert world.states() == {("check", "vm-1"): "left-out", ("after", "vm-1"): "succeeded"}
    assert finished.exit_code == ExitCode.NOT_PROVEN
    assert ("skipped", {"step": "check", "machine": "vm-1"}) in world.journal
    assert not world.cancel.is_set()


def test_a_step_that_is_tried_again_is_skipped_in_its_pause() -> None:
    world, wishes = World(), SkipWishes()

    def fails(_scope: Scope) -> None:
        if len([item for item in world.done if item[:2] == ("apply", "check")]) == 2:
            wishes.add("check", "vm-1")
        raise TransientError("MVM-323", "no probe has succeeded")

    check = Switch(world, "check", stage=Stage.INSTALL, may_skip=True, on_apply=fails)
    steps = ((check, "vm-1"), (Switch(world, "after"), "vm-1"))
    finished = world.run(steps, plan_with("vm-1"), wishes=wishes)
    assert world.states() == {("check", "vm-1"): "left-out", ("after", "vm-1"): "succeeded"}
    assert finished.exit_code == ExitCode.NOT_PROVEN
    assert len(world.time.pauses) == 2


def test_a_wish_does_not_end_what_others_build_on() -> None:
    world = World()
    at_work = threading.Event()

    def works(scope: Scope) -> None:
        at_work.set()
        scope.wait(0.2)

    step = Switch(world, "check", stage=Stage.INSTALL, on_apply=works)
    assert run_and_skip(world, at_work, step).exit_code == ExitCode.DONE
    assert world.states() == {("check", "vm-1"): "succeeded"}
    started = next(event for event in world.events if isinstance(event, StepStarted))
    assert not started.may_skip


def test_a_cancel_ends_a_step_that_could_be_skipped_and_leaves_it_unfinished() -> None:
    world = World()

    def cancelled(scope: Scope) -> None:
        world.cancel.set()
        scope.wait(60)

    check = Switch(world, "check", stage=Stage.INSTALL, may_skip=True, on_apply=cancelled)
    finished = world.run(((check, "vm-1"),), plan_with("vm-1"))
    assert world.states() == {("check", "vm-1"): "cancelled"}
    assert finished.exit_code == ExitCode.CANCELLED


def test_only_a_run_that_applies_says_that_a_step_at_work_may_be_skipped() -> None:
    for mode, may in ((Mode.APPLY, True), (Mode.PLAN, False)):
        world = World()
        world.run(walk(world, "vm-1"), plan_with("vm-1"), mode)
        started = [event for event in world.events if isinstance(event, StepStarted)]
        assert [event.may_skip for event in started if event.step == "check"] == [may]


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
