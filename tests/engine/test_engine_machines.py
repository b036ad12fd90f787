"""Several machines side by side: a failed one stops no other, and the exit code says which."""

from __future__ import annotations

import threading

import pytest

from meshvm_tui.engine_run import Walk
from meshvm_tui.events import Stage
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.problems import ActionNeeded, PermanentError
from meshvm_tui.steps.step import Scope
from tests.engine.worlds import Switch, World, plan_with, shared

NAMES = ("vm-1", "vm-2", "vm-3")


def walk(world: World, *, bad: tuple[str, ...] = (), problem: Exception | None = None) -> Walk:
    """One shared step, two per machine, one shared sample, one sample per machine."""

    def fail(scope: Scope) -> None:
        assert scope.machine
        if scope.machine.name in bad:
            raise problem or PermanentError("MVM-603", "cut")

    reach, install = Switch(world, "reach", stage=Stage.MACHINE, on_apply=fail), Switch(world, "install")
    sample = Switch(world, "sample", stage=Stage.SERVICES)
    return (
        *shared(Switch(world, "group")),
        *((step, name) for name in NAMES for step in (reach, install)),
        *shared(Switch(world, "hello", stage=Stage.SERVICES)),
        *((sample, name) for name in NAMES),
    )


def test_a_failed_machine_stops_no_other() -> None:
    world = World()
    finished = world.run(walk(world, bad=("vm-2",)), plan_with(*NAMES))
    states = world.states()
    assert finished.exit_code == ExitCode.SOME_MACHINES_FAILED
    assert "vm-2" in finished.message
    assert states["sample", "vm-1"] == states["sample", "vm-3"] == states["hello", ""] == "succeeded"
    assert (states["reach", "vm-2"], states["install", "vm-2"], states["sample", "vm-2"]) == (
        "failed",
        "pending",
        "pending",
    )


def test_the_next_run_does_only_the_failed_one() -> None:
    world = World()
    world.run(walk(world, bad=("vm-2",)), plan_with(*NAMES))
    world.done.clear()
    finished = world.run(walk(world), plan_with(*NAMES))
    assert finished.exit_code == ExitCode.DONE
    assert {machine for what, _, machine in world.done if what == "apply"} == {"vm-2"}


def test_shared_samples_are_left_out_where_no_machine_is_left() -> None:
    world = World()
    finished = world.run(walk(world, bad=NAMES), plan_with(*NAMES))
    assert finished.exit_code == ExitCode.FAILED
    assert world.states()["hello", ""] == "pending"


def test_all_machines_waiting_for_the_operator_is_action_needed() -> None:
    world = World()
    steps = walk(world, bad=NAMES, problem=ActionNeeded("MVM-107", "log in"))
    assert world.run(steps, plan_with(*NAMES)).exit_code == ExitCode.ACTION_NEEDED


def test_a_failed_shared_step_reaches_no_machine() -> None:
    world = World()

    def fail(_scope: Scope) -> None:
        raise PermanentError("MVM-109", "no")

    steps = ((Switch(world, "group", on_apply=fail), ""), (Switch(world, "reach"), "vm-1"))
    assert world.run(steps, plan_with("vm-1")).exit_code == ExitCode.FAILED
    assert world.states()["reach", "vm-1"] == "pending"


def test_machines_run_at_the_same_time() -> None:
    world = World()
    together = threading.Barrier(3, timeout=10)

    def meet(_scope: Scope) -> None:
        together.wait()

    step = Switch(world, "meet", on_apply=meet)
    finished = world.run(tuple((step, name) for name in NAMES), plan_with(*NAMES))
    assert finished.exit_code == ExitCode.DONE


def test_the_memo_of_a_machine_is_its_own() -> None:
    world = World()
    seen: dict[str, str] = {}

    def remember(scope: Scope) -> None:
        assert scope.machine
        seen[scope.machine.name] = scope.recall("who", lambda: scope.machine.name if scope.machine else "")

    world.run(tuple((Switch(world, "s", on_apply=remember), name) for name in NAMES), plan_with(*NAMES))
    assert seen == {name: name for name in NAMES}


@pytest.mark.parametrize("bad", [(), ("vm-1",)])
def test_a_needed_step_of_another_machine_does_not_matter(bad: tuple[str, ...]) -> None:
    world = World()

    def fail(scope: Scope) -> None:
        if scope.machine and scope.machine.name in bad:
            raise PermanentError("MVM-603", "no")

    first = Switch(world, "first", stage=Stage.SERVICES, on_apply=fail)
    second = Switch(world, "second", stage=Stage.SERVICES, needs=("first",))
    world.run(tuple((step, name) for name in NAMES for step in (first, second)), plan_with(*NAMES))
    assert world.states()["second", "vm-2"] == "succeeded"
    assert world.states()["second", "vm-1"] == ("pending" if bad else "succeeded")


def test_a_machine_that_hangs_holds_up_no_other() -> None:
    world = World()
    answered = threading.Event()

    def hang(scope: Scope) -> None:
        if scope.machine and scope.machine.name == "vm-1":
            assert answered.wait(10)

    def answer(scope: Scope) -> None:
        if scope.machine and scope.machine.name == "vm-2":
            answered.set()

    reach, probe = Switch(world, "reach", on_apply=hang), Switch(world, "probe", on_apply=answer)
    hello = Switch(world, "hello", stage=Stage.SERVICES)
    names = ("vm-1", "vm-2")
    steps = (*((reach, name) for name in names), (hello, ""), *((probe, name) for name in names))
    assert world.run(steps, plan_with(*names)).exit_code == ExitCode.DONE
    assert world.done.count(("apply", "hello", "")) == 1
