"""Transient problems, deadlines and cancelling; no test here waits for real time longer than a poll."""

from __future__ import annotations

import threading
import time

from meshvm_tui.events import Mode, StepProgressed, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.problems import Cancelled, TransientError
from meshvm_tui.steps.step import Scope
from tests.engine.worlds import Switch, World, plan_with, shared


class Failing:
    """Raises a transient problem the first times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, _scope: Scope) -> None:
        if self.left:
            self.left -= 1
            raise TransientError("MVM-103", "connection refused")


def cancelling(world: World, when: threading.Event) -> threading.Thread:
    """Cancels the run as soon as the event is set."""

    def cancel() -> None:
        when.wait(10)
        world.cancel.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    return thread


def test_a_transient_problem_is_tried_again_with_growing_pauses() -> None:
    world = World()
    finished = world.run(shared(Switch(world, on_apply=Failing(4))), plan_with())
    assert finished.exit_code == ExitCode.DONE
    assert world.time.pauses == [0.5, 1.0, 2.0, 4.0]
    assert [what for what, _, _ in world.done].count("apply") == 5


def test_each_try_begins_with_looking() -> None:
    world = World()
    world.run(shared(Switch(world, on_apply=Failing(1))), plan_with())
    assert [what for what, _, _ in world.done] == ["observe", "apply", "observe", "apply", "observe"]


def test_a_transient_problem_in_observing_is_tried_again_too() -> None:
    world = World(true={("switch", "")})
    world.run(shared(Switch(world, on_observe=Failing(2))), plan_with())
    assert world.states() == {("switch", ""): "skipped"}


def test_what_a_cut_off_try_had_done_is_found_done_and_counts_as_changed() -> None:
    world = World()

    def cut_after_the_work(_scope: Scope) -> None:
        world.true.add(("switch", ""))
        raise TransientError("MVM-103", "reset")

    world.run(shared(Switch(world, on_apply=cut_after_the_work)), plan_with())
    event = world.finished()["switch", ""]
    assert (event.state, event.changed) == (StepState.SUCCEEDED, True)


def test_a_run_may_be_told_how_long_its_steps_wait_at_most() -> None:
    world = World()
    world.run(shared(Switch(world, on_apply=Failing(1000), deadline=600.0)), plan_with(), longest=2.0)
    assert sum(world.time.pauses) < 2.0
    assert world.states() == {("switch", ""): "failed"}


def test_the_deadline_ends_the_tries_with_the_last_problem() -> None:
    world = World()
    world.run(shared(Switch(world, on_apply=Failing(1000), deadline=30.0)), plan_with())
    event = world.finished()["switch", ""]
    assert event.reason == "TimedOut"
    assert event.problem and event.problem.cause == "connection refused"
    assert sum(world.time.pauses) <= 30.0


def test_looking_gives_up_sooner_than_applying() -> None:
    world = World()
    world.run(shared(Switch(world, on_observe=Failing(1000), deadline=600.0)), plan_with(), Mode.OBSERVE)
    assert sum(world.time.pauses) <= 15.0


def test_a_retry_after_our_own_partial_work_is_not_refused_as_stale() -> None:
    world = World()
    finished = world.run(
        shared(Switch(world, on_apply=Failing(2))), plan_with(), approved={("switch", ""): ("print-switch",)}
    )
    assert finished.exit_code == ExitCode.DONE


def test_cancel_starts_nothing_new() -> None:
    world = World()
    steps = shared(Switch(world, "first", on_apply=lambda _scope: world.cancel.set()), Switch(world, "second"))
    finished = world.run(steps, plan_with())
    assert world.states() == {("first", ""): "cancelled", ("second", ""): "pending"}
    assert world.finished()["first", ""].changed
    assert finished.exit_code == ExitCode.CANCELLED


def test_cancel_ends_a_steps_own_wait() -> None:
    world = World()
    waiting = threading.Event()

    def wait_long(scope: Scope) -> None:
        waiting.set()
        scope.wait(600)

    thread = cancelling(world, waiting)
    began = time.monotonic()
    finished = world.run(shared(Switch(world, on_apply=wait_long)), plan_with())
    thread.join()
    assert time.monotonic() - began < 1.5
    assert finished.exit_code == ExitCode.CANCELLED
    assert world.states() == {("switch", ""): "cancelled"}


def test_cancel_does_not_wait_for_a_read_that_hangs() -> None:
    world = World()
    hanging, release = threading.Event(), threading.Event()

    def hang(_scope: Scope) -> None:
        hanging.set()
        release.wait(10)

    thread = cancelling(world, hanging)
    began = time.monotonic()
    finished = world.run(shared(Switch(world, on_observe=hang)), plan_with(), Mode.OBSERVE)
    thread.join()
    told = len(world.events)
    release.set()
    assert time.monotonic() - began < 1.5
    assert finished.exit_code == ExitCode.CANCELLED
    assert len(world.events) == told


def test_what_cannot_be_cut_is_shown_as_finishing() -> None:
    world = World()

    def uncuttable(_scope: Scope) -> None:
        world.cancel.set()
        end = time.monotonic() + 10
        while not any(isinstance(e, StepProgressed) and "finishing" in e.message for e in list(world.events)):
            assert time.monotonic() < end

    world.run(shared(Switch(world, on_apply=uncuttable)), plan_with())
    assert world.journal[-1][1]["state"] == "done"
    assert world.finished()["switch", ""].changed


def test_cancelled_raised_by_a_step_is_no_failure() -> None:
    world = World()

    def give_up(_scope: Scope) -> None:
        world.cancel.set()
        raise Cancelled

    assert world.run(shared(Switch(world, on_apply=give_up)), plan_with()).exit_code == ExitCode.CANCELLED
