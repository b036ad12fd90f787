"""What is there is kept observed: a change shows without a key, nothing flickers, and nothing is hammered."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from textual import events as textual_events

from meshvm_tui import look_pace
from meshvm_tui.events import Mode, Stage
from meshvm_tui.look_pace import EACH_ON_GOOGLE, EVERY, NEVER, NOBODY_AFTER, REST, SLEPT, LookPace, asked_of_google
from meshvm_tui.plan import GceInstance, Machine, Plan
from meshvm_tui.problems import PermanentError
from tests.app.fakes import STEPS, ScriptedEngine
from tests.app.harness import WIDE, World, world

SOON = 0.05
GOOGLES = Machine(name="vm-1", gce=GceInstance(project="acme-prod", zone="europe-west1-b"))


async def on_workload(made: World) -> None:
    made.burst(*["ctrl+n"] * 3)
    await made.until(lambda: made.wizard.stage is Stage.WORKLOAD)


async def test_a_change_in_the_world_shows_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, look_again=SOON) as made:
        await on_workload(made)
        await made.says("Namespace", "changes up to here")
        made.engine.done.add("namespace")
        await made.says("✓ Namespace", "as planned")
        made.engine.done.discard("namespace")
        await made.until(lambda: "✓ Namespace" not in made.text(), "the namespace is gone again")


async def test_a_look_that_finds_nothing_new_changes_no_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, look_again=SOON) as made:
        await on_workload(made)
        await made.says("changes up to here")
        seen, looks = made.text(), len(made.engine.requests)
        shown: set[str] = set()

        def looked_on() -> bool:
            shown.add(made.text())
            return len(made.engine.requests) > looks + 5

        await made.until(looked_on, "five more looks")
        assert shown == {seen}


async def test_the_log_says_once_what_every_look_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine(says="the API server warns: v1beta1 is deprecated")
    async with world(tmp_path, monkeypatch, look_again=SOON, scripted=scripted) as made:
        await on_workload(made)
        looks = len(made.engine.requests)
        await made.until(lambda: len(made.engine.requests) > looks + 3, "three more looks")
        await made.press("ctrl+l")
        await made.says("v1beta1 is deprecated")
        upto_workload = [
            step for step in STEPS if step[2] in (Stage.CLUSTER, Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD)
        ]
        assert made.text().count("v1beta1 is deprecated") == len(upto_workload)


async def test_a_run_is_never_delayed_or_followed_by_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, look_again=SOON) as made:
        await on_workload(made)
        await made.press("ctrl+a")
        await made.screen("ReviewScreen")
        await made.says("Enter applies them.")
        await made.press("enter")
        await made.screen("RunScreen")
        await made.says("Done.")
        asked = [request.mode for request in made.engine.requests]
        assert asked[-2:] == [Mode.PLAN, Mode.APPLY]
        assert made.app.runs and not made.app.runs.pace.until(0.0) < NEVER


async def test_a_terminal_that_nobody_looks_at_is_looked_after_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch, look_again=SOON) as made:
        await on_workload(made)
        made.app.post_message(textual_events.AppBlur())
        assert made.app.runs
        pace = made.app.runs.pace
        await made.until(lambda: pace.resting, "it rests")
        made.engine.done.add("namespace")
        made.app.post_message(textual_events.AppFocus())
        await made.says("✓ Namespace", "as planned")


async def test_a_problem_that_passes_is_seen_to_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine(problems={"cluster-reachable": PermanentError("MVM-102", "no route to host")})
    async with world(tmp_path, monkeypatch, look_again=SOON, scripted=scripted) as made:
        await made.says("no route to host")
        scripted.problems.clear()
        await made.until(lambda: "no route to host" not in made.text(), "the problem is gone")


def test_a_look_begins_a_second_after_the_last_one_began() -> None:
    pace = LookPace()
    pace.wanted(100.0, 0.2)
    assert (pace.due(100.1), pace.due(100.2)) == (False, True)
    pace.began(100.2)
    assert not pace.due(110.0), "one look at a time"
    pace.ended(100.5, well=True)
    assert (pace.due(100.2 + EVERY - 0.01), pace.due(100.2 + EVERY)) == (False, True)


def test_a_slow_look_is_followed_by_a_pause_of_a_quarter_of_it() -> None:
    pace = LookPace()
    pace.wanted(0.0, 0.0)
    pace.began(0.0)
    pace.ended(4.0, well=True)
    assert (pace.due(4.9), pace.due(5.0)) == (False, True)


@pytest.mark.parametrize(
    ("machines", "took", "pause"), [(1, 0.4, EVERY - 0.4), (8, 1.0, 8 * EACH_ON_GOOGLE - 1.0), (8, 80.0, REST)]
)
def test_google_is_asked_less_often_for_many_machines(machines: int, took: float, pause: float) -> None:
    pace = LookPace()
    pace.wanted(0.0, 0.0)
    pace.began(0.0)
    pace.ended(took, well=True, google=machines)
    assert pace.until(took) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("machine", "stage", "asked"),
    [
        (GOOGLES, Stage.WORKLOAD, 0),
        (GOOGLES, Stage.MACHINE, 1),
        (GOOGLES, Stage.SERVICES, 1),
        (Machine(name="vm-1", host="10.128.0.7"), Stage.SERVICES, 0),
    ],
)
def test_google_is_asked_for_instances_from_machine_on(machine: Machine, stage: Stage, asked: int) -> None:
    assert asked_of_google(Plan(machines=[machine]), stage) == asked


async def test_the_help_says_how_often_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=WIDE) as made:
        await made.press("f1", "end")
        await made.says("every second, so that a change shows by itself")


async def test_the_wizard_looks_less_often_where_google_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(machines=[GOOGLES])
    async with world(tmp_path, monkeypatch, look_again=SOON, plan=plan) as made:
        monkeypatch.setattr(look_pace, "EACH_ON_GOOGLE", 3000.0)
        monkeypatch.setattr(look_pace, "REST", 3000.0)
        assert made.app.runs
        await made.app.back_to_wizard(Stage.SERVICES)
        pace = made.app.runs.pace
        await made.until(lambda: 100.0 < pace.until(time.monotonic()) < NEVER, "a long pause")


async def test_looks_follow_one_another_and_a_review_asks_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch, look_again=SOON) as made:
        await on_workload(made)
        await made.until(lambda: len(made.engine.requests) > 3, "a few looks")
        assert all(request.known is not None for request in made.engine.requests)
        await made.press("ctrl+a")
        await made.says("Enter applies them.")
        assert made.engine.requests[-1].known is None


def test_looks_that_fail_again_and_again_become_rare_until_the_operator_does_something() -> None:
    pace, now, pauses = LookPace(), 0.0, []
    pace.wanted(now, 0.0)
    for _ in range(6):
        pace.began(now)
        pace.ended(now, well=False)
        pauses.append(pace.until(now))
        now += pauses[-1]
    assert pauses == [2.0, 4.0, 8.0, REST, REST, REST]
    pace.wanted(now, 0.2)
    assert pace.until(now) == pytest.approx(0.2)


def test_where_nobody_is_there_it_rests_and_a_key_wakes_it() -> None:
    pace = LookPace()
    pace.wanted(0.0, 0.0)
    pace.began(NOBODY_AFTER + 1)
    pace.ended(NOBODY_AFTER + 1, well=True)
    assert pace.until(NOBODY_AFTER + 1) == REST
    pace.touched(NOBODY_AFTER + 2)
    assert pace.due(NOBODY_AFTER + 2)


def test_after_the_computer_slept_everything_is_looked_at_at_once() -> None:
    pace = LookPace()
    pace.wanted(0.0, 0.0)
    pace.began(0.0)
    pace.ended(0.1, well=True)
    assert not pace.slept(0.2, 1_000_000.2)
    assert not pace.slept(0.3, 1_000_000.3 + SLEPT / 2), "a clock that is set by a little"
    assert pace.slept(0.4, 1_003_600.0)
    assert pace.due(0.4)
    assert not pace.slept(0.5, 1_003_600.1)


def test_the_end_of_a_look_does_not_put_off_one_that_is_waited_for() -> None:
    pace = LookPace()
    pace.wanted(0.0, 0.0)
    pace.began(0.0)
    pace.wanted(0.3, 0.2)
    pace.ended(0.4, well=True)
    assert pace.due(0.5)
