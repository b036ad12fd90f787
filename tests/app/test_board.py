"""What the engine told, folded: lines, stages, changes and approvals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshvm_tui import events as ev
from meshvm_tui.events import Change, Mode, Observation, Stage, Standing, StepState
from meshvm_tui.screens.board import Board
from meshvm_tui.screens.glyphs import Mark
from tests.app.fakes import TIME, unknown_host_key

STEPS = (
    ("cluster-reachable", "", "Cluster", "Cluster reachable"),
    ("control-plane", "", "Mesh", "Control plane"),
    ("guest-reachable", "a", "Machine", "VM reachable"),
    ("guest-reachable", "b", "Machine", "VM reachable"),
)


def started(mode: Mode = Mode.PLAN, count: int = 4) -> ev.RunStarted:
    return ev.RunStarted(TIME, "s", mode, STEPS[:count])


def finished(step: str, machine: str = "", state: StepState = StepState.SKIPPED) -> ev.StepFinished:
    found = Observation(Standing.SATISFIED, "AsPlanned", "as planned")
    return ev.StepFinished(TIME, "s", step, machine, state, False, "AsPlanned", "as planned", 1.5, found)


def missing(step: str, machine: str = "") -> ev.StepFinished:
    change = Change("create", f"Thing/{step}", fingerprint=f"print-{step}")
    return replace(
        finished(step, machine, StepState.PENDING),
        observation=Observation(Standing.MISSING, "NotFound", "none"),
        changes=(change,),
    )


def board(*told: ev.Event) -> Board:
    made = Board()
    for event in told:
        made.take(event, 100.0)
    return made


def test_a_stage_is_done_when_each_of_its_steps_is() -> None:
    made = board(started(), finished("cluster-reachable"), missing("control-plane"), finished("guest-reachable", "a"))
    assert made.stage_mark(Stage.CLUSTER) is Mark.DONE
    assert made.stage_mark(Stage.MESH) is Mark.WAITING
    assert made.stage_mark(Stage.MACHINE) is Mark.WAITING
    assert made.needy_stage() is Stage.MESH
    made.take(replace(finished("guest-reachable", "b", StepState.FAILED), problem=unknown_host_key().record()), 1.0)
    assert made.stage_mark(Stage.MACHINE) is Mark.ATTENTION
    assert [line.machine for line in made.problems()] == ["b"]


def test_only_what_is_not_done_counts_and_probes_never_do() -> None:
    made = board(started(), finished("cluster-reachable"), missing("control-plane"), missing("guest-reachable", "a"))
    probe = replace(missing("guest-reachable", "b"), changes=(Change("probe", "x", fingerprint="p"),))
    made.take(probe, 1.0)
    assert made.changes_upto(Stage.CLUSTER) == 0
    assert made.changes_upto(Stage.MESH) == 1
    assert made.changes_upto(Stage.MACHINE) == 2
    made.take(replace(missing("control-plane"), state=StepState.SUCCEEDED), 1.0)
    assert made.changes_upto(Stage.MACHINE) == 1


def test_approvals_are_the_fingerprints_that_were_shown() -> None:
    made = board(started(), finished("cluster-reachable"), missing("control-plane"), missing("guest-reachable", "a"))
    assert made.approvals() == {
        ("control-plane", ""): ("print-control-plane",),
        ("guest-reachable", "a"): ("print-guest-reachable",),
    }


def test_a_shorter_run_keeps_what_is_known_of_later_stages_and_drops_what_is_no_more() -> None:
    made = board(started(), *(finished(step, machine) for step, machine, _, _ in STEPS))
    made.take(started(count=2), 2.0)
    assert made.stage_mark(Stage.MACHINE) is Mark.DONE
    made.take(ev.RunStarted(TIME, "s", Mode.PLAN, (*STEPS[:2], STEPS[3])), 3.0)
    assert [line.machine for line in made.of_stage(Stage.MACHINE)] == ["b"]


def test_a_step_that_was_not_reached_is_not_known() -> None:
    made = board(started(), replace(finished("control-plane", state=StepState.PENDING), reason="NotReached"))
    assert not made.lines["control-plane", ""].known


@pytest.mark.parametrize(("done", "total", "words"), [(None, None, "waiting"), (2, 5, "waiting  2 of 5")])
def test_progress_is_words_until_the_step_ends(done: int | None, total: int | None, words: str) -> None:
    made = board(
        started(),
        ev.StepStarted(TIME, "s", "control-plane", "", "Control plane"),
        ev.StepProgressed(TIME, "s", "control-plane", "", "waiting", done, total),
    )
    line = made.lines["control-plane", ""]
    assert (line.mark, line.message, line.started) == (Mark.WORKING, words, 100.0)
    made.take(ev.RunFinished(TIME, "s", Mode.APPLY, 4, False, "cancelled"), 101.0)
    assert made.lines["control-plane", ""].mark is Mark.WAITING
    assert made.finished is not None and not made.running
