"""A look: every value is asked for once, however many steps want it, and nothing is changed."""

from __future__ import annotations

from meshvm_tui.engine_run import Walk
from meshvm_tui.events import Mode, Observation, Stage
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
