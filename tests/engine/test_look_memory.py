"""What hardly ever moves is kept between looks for half a minute; what stands in the way is asked for each time."""

from __future__ import annotations

from meshvm_tui.look_memory import LASTS, LookMemory
from meshvm_tui.plan import Machine, Plan
from tests.engine.worlds import plan_with


class World:
    """A world that counts how often it is asked, and a clock."""

    def __init__(self) -> None:
        self.now, self.asked, self.answer = 100.0, 0, "there"
        self.memory = LookMemory(lambda: self.now)

    def ask(self) -> str:
        """What is there."""
        self.asked += 1
        return self.answer

    def look(self, plan: Plan) -> str:
        """One look at it."""
        return self.memory.of(plan).recall("network", self.ask, bool)


def test_it_is_asked_for_again_after_half_a_minute() -> None:
    world, plan = World(), plan_with("vm-1")
    assert [world.look(plan), world.look(plan), world.asked] == ["there", "there", 1]
    world.now += LASTS - 0.1
    world.answer = "changed"
    assert (world.look(plan), world.asked) == ("there", 1)
    world.now += 0.1
    assert (world.look(plan), world.asked) == ("changed", 2)


def test_what_is_not_there_is_asked_for_each_time() -> None:
    world, plan = World(), plan_with("vm-1")
    world.answer = ""
    world.look(plan)
    world.answer = "there"
    assert (world.look(plan), world.asked) == ("there", 2)


def test_another_plan_begins_with_nothing() -> None:
    world = World()
    world.look(plan_with("vm-1"))
    world.look(plan_with("vm-1"))
    assert world.asked == 1
    world.look(Plan(machines=[Machine(name="vm-1", host="10.0.0.2")]))
    assert world.asked == 2


def test_after_a_run_everything_is_asked_for_again() -> None:
    world, plan = World(), plan_with("vm-1")
    world.look(plan)
    world.memory.forget()
    world.look(plan)
    assert world.asked == 2
