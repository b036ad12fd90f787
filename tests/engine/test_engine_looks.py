"""A look: every value is asked for once, however many steps want it, and what needs no turn is asked for ahead."""

from __future__ import annotations

import threading

from meshvm_tui.engine_run import NOT_REACHED, Walk
from meshvm_tui.events import Mode, Observation, Stage, StepLogged
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.problems import PermanentError, TransientError
from meshvm_tui.steps.step import Scope
from tests.engine.worlds import Switch, World, plan_with, shared


class Guest:
    """A VM that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def facts(self, scope: Scope) -> Observation | None:
        """All of it; None leaves the judgement to the step."""

        def ask() -> int:
            self.asked += 1
            return self.asked

        scope.recall("guest", ask)
        return None


def walk(world: World, guest: Guest) -> Walk:
    """A machine's steps before and after the shared samples, all of which want the VM's facts."""
    before = Switch(world, "install", on_observe=guest.facts)
    after = Switch(world, "sample", stage=Stage.SERVICES, on_observe=guest.facts)
    return (
        *shared(Switch(world, "cluster")),
        (before, "vm-1"),
        *shared(Switch(world, "hello", stage=Stage.SERVICES)),
        (after, "vm-1"),
    )


def test_a_look_asks_a_vm_once() -> None:
    world, guest = World(), Guest()
    world.run(walk(world, guest), plan_with("vm-1"), Mode.PLAN)
    assert guest.asked == 1


def test_a_run_asks_it_again_after_what_may_have_changed_it() -> None:
    world, guest = World(), Guest()
    world.true = {("install", "vm-1"), ("sample", "vm-1")}
    world.run(walk(world, guest), plan_with("vm-1"), Mode.APPLY)
    assert guest.asked == 2


def test_what_needs_no_turn_is_asked_for_side_by_side() -> None:
    world, together = World(), threading.Barrier(3)

    def meet(_scope: Scope) -> None:
        together.wait(30)

    steps: Walk = (
        *shared(
            Switch(world, "cluster"), Switch(world, "mesh", on_observe=meet), Switch(world, "gateway", on_observe=meet)
        ),
        (Switch(world, "reach", on_observe=meet), "vm-1"),
    )
    finished = world.run(steps, plan_with("vm-1"), Mode.PLAN)
    assert finished.exit_code == ExitCode.CHANGES_PENDING
    assert not together.broken


def test_it_is_told_in_turn_with_what_each_step_said() -> None:
    world, last_was_asked = World(), threading.Event()

    def slow(scope: Scope) -> None:
        assert last_was_asked.wait(30)
        scope.say("cluster", "slow")

    def quick(scope: Scope) -> None:
        scope.say("cluster", "quick")
        last_was_asked.set()

    steps = shared(
        Switch(world, "first"), Switch(world, "slow", on_observe=slow), Switch(world, "quick", on_observe=quick)
    )
    world.run(steps, plan_with("vm-1"), Mode.PLAN)
    told = [(type(event).__name__, getattr(event, "step", "")) for event in world.events]
    assert told == [
        ("RunStarted", ""),
        *(("StepStarted", "first"), ("StepFinished", "first")),
        *(("StepStarted", "slow"), ("StepLogged", "slow"), ("StepFinished", "slow")),
        *(("StepStarted", "quick"), ("StepLogged", "quick"), ("StepFinished", "quick")),
        ("RunFinished", ""),
    ]


def test_nothing_else_is_asked_while_the_first_step_fails() -> None:
    world = World()

    def fail(_scope: Scope) -> None:
        raise PermanentError("MVM-103", "no route to host")

    steps: Walk = (
        *shared(Switch(world, "cluster", on_observe=fail), Switch(world, "mesh")),
        (Switch(world, "reach"), "vm-1"),
    )
    world.run(steps, plan_with("vm-1"), Mode.PLAN)
    assert world.done == [("observe", "cluster", "")]


def test_what_was_seen_ahead_is_dropped_where_an_earlier_step_fails() -> None:
    world, asked = World(), threading.Event()

    def fail(_scope: Scope) -> None:
        assert asked.wait(30)
        raise PermanentError("MVM-212", "no address")

    def look(_scope: Scope) -> None:
        asked.set()

    steps: Walk = (
        *shared(Switch(world, "cluster"), Switch(world, "gateway", on_observe=fail)),
        (Switch(world, "reach", on_observe=look), "vm-1"),
    )
    world.run(steps, plan_with("vm-1"), Mode.PLAN)
    assert world.states() == {("cluster", ""): "pending", ("gateway", ""): "failed", ("reach", "vm-1"): "pending"}
    assert world.finished()["reach", "vm-1"].reason == NOT_REACHED


def test_a_step_that_fails_ahead_is_asked_again_in_its_turn() -> None:
    world, asked_ahead, answers = World(), threading.Event(), []

    def wait(_scope: Scope) -> None:
        assert asked_ahead.wait(30)

    def cut_once(scope: Scope) -> None:
        answers.append("asked")
        asked_ahead.set()
        if len(answers) == 1:
            scope.say("cluster", "never told")
            raise TransientError("MVM-103", "cut")

    steps = shared(
        Switch(world, "cluster"), Switch(world, "mesh", on_observe=wait), Switch(world, "group", on_observe=cut_once)
    )
    world.run(steps, plan_with("vm-1"), Mode.PLAN)
    assert (world.states()["group", ""], len(answers), world.time.pauses) == ("pending", 2, [])
    assert not [event for event in world.events if isinstance(event, StepLogged)]
