"""Order, skipping, modes, approval and exit codes of the engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meshvm_tui.cluster_identity import ClusterIdentity, met_identity
from meshvm_tui.events import Mode, RunStarted, Stage, Standing, StepPlanned, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.problems import ActionNeeded, PermanentError
from meshvm_tui.steps.step import NotYetKnown, Scope, unknown
from tests.engine.worlds import Switch, World, plan_with, shared


def raising(problem: Exception):  # type: ignore[no-untyped-def]
    """A callback that raises."""

    def callback(_scope: Scope) -> None:
        raise problem

    return callback


def test_it_observes_applies_what_is_missing_and_observes_again() -> None:
    world = World(true={("first", "")})
    finished = world.run(shared(Switch(world, "first"), Switch(world, "second")), plan_with())
    assert world.done == [
        ("observe", "first", ""),
        ("observe", "second", ""),
        ("apply", "second", ""),
        ("observe", "second", ""),
    ]
    assert world.states() == {("first", ""): "skipped", ("second", ""): "succeeded"}
    assert (finished.exit_code, finished.changed) == (ExitCode.DONE, True)


def test_the_second_run_changes_nothing() -> None:
    world = World()
    steps = shared(Switch(world, "first"), Switch(world, "second"))
    world.run(steps, plan_with())
    world.done.clear()
    finished = world.run(steps, plan_with())
    assert [what for what, _, _ in world.done] == ["observe", "observe"]
    assert (finished.exit_code, finished.changed) == (ExitCode.DONE, False)


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.PLAN])
def test_looking_opens_readers_only_and_applies_nothing(mode: Mode) -> None:
    world = World()
    plan = plan_with("vm-1")
    world.run((*shared(Switch(world, "one")), (Switch(world, "two"), "vm-1")), plan, mode)
    assert set(world.opened) == {"cluster_reader", "guest_reader"}
    assert not [item for item in world.done if item[0] == "apply"]
    assert not world.journal


def test_a_plan_lists_changes_and_says_that_there_are_some() -> None:
    world = World()
    finished = world.run(shared(Switch(world)), plan_with(), Mode.PLAN)
    event = world.finished()["switch", ""]
    assert finished.exit_code == ExitCode.CHANGES_PENDING
    assert event.state is StepState.PENDING
    assert event.changes[0].commands == ("turn switch on",)


def test_a_plan_of_a_done_world_is_done() -> None:
    world = World(true={("switch", "")})
    assert world.run(shared(Switch(world)), plan_with(), Mode.PLAN).exit_code == ExitCode.DONE


def test_an_unknown_step_lists_what_is_expected_without_a_fingerprint() -> None:
    world = World()
    step = Switch(world, on_observe=lambda _scope: unknown("namespace", "no namespace yet"))
    finished = world.run(shared(step), plan_with(), Mode.PLAN)
    event = world.finished()["switch", ""]
    assert finished.exit_code == ExitCode.CHANGES_PENDING
    assert event.observation and event.observation.standing is Standing.UNKNOWN
    assert [change.fingerprint for change in event.changes] == [""]


def test_probes_alone_are_listed_and_make_no_pending_change() -> None:
    world = World()
    finished = world.run(shared(Switch(world, probe=True, stage=Stage.SERVICES)), plan_with(), Mode.PLAN)
    event = world.finished()["switch", ""]
    assert finished.exit_code == ExitCode.DONE
    assert event.reason == "WillBeProbed"
    assert not world.done


def test_a_probe_runs_at_every_apply_and_changes_nothing() -> None:
    world = World()
    steps = shared(Switch(world, probe=True, stage=Stage.SERVICES))
    for _ in range(2):
        world.done.clear()
        finished = world.run(steps, plan_with())
        assert world.done == [("apply", "switch", "")]
        assert (finished.exit_code, finished.changed) == (ExitCode.DONE, False)


def test_changes_are_told_before_they_are_made() -> None:
    world = World()
    order: list[str] = []
    step = Switch(world, on_apply=lambda _scope: order.extend(type(event).__name__ for event in world.events))
    world.run(shared(step), plan_with())
    assert "StepPlanned" in order


def test_upto_stops_before_the_first_later_stage() -> None:
    world = World()
    steps = shared(
        Switch(world, "a", stage=Stage.CLUSTER),
        Switch(world, "b", stage=Stage.SERVICES),
        Switch(world, "c", stage=Stage.INSTALL),
    )
    world.run(steps, plan_with(), upto=Stage.INSTALL)
    assert set(world.states()) == {("a", "")}
    started = next(event for event in world.events if isinstance(event, RunStarted))
    assert [item[0] for item in started.steps] == ["a"]


def test_upto_stops_each_machine_by_itself() -> None:
    world = World()
    here, later = Switch(world, "a", stage=Stage.MACHINE), Switch(world, "b", stage=Stage.INSTALL)
    behind = Switch(world, "c", stage=Stage.MACHINE)
    steps = tuple((step, machine) for machine in ("vm-1", "vm-2") for step in (here, later, behind))
    world.run(steps, plan_with("vm-1", "vm-2"), upto=Stage.MACHINE)
    assert set(world.states()) == {("a", "vm-1"), ("a", "vm-2")}


def test_only_the_named_steps_run() -> None:
    world = World()
    world.run(shared(Switch(world, "a"), Switch(world, "b")), plan_with(), only_steps=frozenset({"b"}))
    assert set(world.states()) == {("b", "")}


@pytest.mark.parametrize(
    ("problem", "code", "reason"),
    [
        (PermanentError("MVM-109", "said no"), ExitCode.FAILED, "Failed"),
        (ActionNeeded("MVM-107", "do this"), ExitCode.ACTION_NEEDED, "ActionNeeded"),
    ],
)
def test_a_failure_ends_its_chain(problem: Exception, code: ExitCode, reason: str) -> None:
    world = World()
    steps = shared(Switch(world, "bad", on_apply=raising(problem)), Switch(world, "later"))
    finished = world.run(steps, plan_with())
    assert finished.exit_code == code
    assert world.finished()["bad", ""].reason == reason
    assert world.finished()["later", ""].reason == "NotReached"
    assert ("observe", "later", "") not in world.done


def test_among_the_samples_only_what_needs_the_failed_step_is_left_out() -> None:
    world = World()
    bad = raising(PermanentError("MVM-601", "no image"))
    steps = shared(
        Switch(world, "hello", stage=Stage.SERVICES, on_apply=bad),
        Switch(world, "needing", stage=Stage.SERVICES, needs=("hello",)),
        Switch(world, "other", stage=Stage.SERVICES),
    )
    world.run(steps, plan_with())
    assert world.states() == {("hello", ""): "failed", ("needing", ""): "pending", ("other", ""): "succeeded"}


def test_the_unforeseen_is_a_problem_without_a_traceback_and_without_its_secret() -> None:
    world = World()
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    finished = world.run(shared(Switch(world, on_apply=raising(ZeroDivisionError(f"by {token}")))), plan_with())
    event = world.finished()["switch", ""]
    assert finished.exit_code == ExitCode.FAILED
    assert event.problem and event.problem.code == "MVM-901"
    assert event.problem.cause == "ZeroDivisionError: by <token removed>"
    kinds = [kind for kind, _ in world.journal]
    assert kinds == ["intent", "result", "traceback"]
    trace = world.journal[-1][1]["text"]
    assert "Traceback" in trace and token not in trace


def test_intent_stands_in_the_journal_before_apply_and_result_after() -> None:
    world = World()
    seen: list[int] = []
    world.run(shared(Switch(world, on_apply=lambda _scope: seen.append(len(world.journal)))), plan_with())
    assert seen == [1]
    (_, intent), (_, result) = world.journal
    assert intent["changes"] == [["create", "switch"]]
    assert result["request"] == intent["request"]
    assert result["changed"] is True


def test_a_change_that_never_shows_is_a_failure() -> None:
    world = World()
    step = Switch(world, on_observe=lambda _scope: unknown("", "still not there"))
    world.run(shared(step), plan_with())
    event = world.finished()["switch", ""]
    assert event.problem and event.problem.code == "MVM-902"
    assert event.changed


def test_what_moved_since_it_was_shown_is_refused() -> None:
    world = World()
    finished = world.run(shared(Switch(world)), plan_with(), approved={("switch", ""): ("older-print",)})
    event = world.finished()["switch", ""]
    assert finished.exit_code == ExitCode.ACTION_NEEDED
    assert event.problem and event.problem.code == "MVM-111"
    assert not [item for item in world.done if item[0] == "apply"]


@pytest.mark.parametrize("shown", [("print-switch",), ("",)])
def test_what_was_shown_is_applied(shown: tuple[str, ...]) -> None:
    world = World()
    assert world.run(shared(Switch(world)), plan_with(), approved={("switch", ""): shown}).exit_code == ExitCode.DONE


def test_what_was_not_shown_at_all_is_refused() -> None:
    world = World()
    assert world.run(shared(Switch(world)), plan_with(), approved={}).exit_code == ExitCode.ACTION_NEEDED


def test_kept_values_carry_step_and_machine() -> None:
    world = World()
    step = Switch(world, on_apply=lambda scope: scope.keep("uid", "7"))
    world.run(((step, "vm-1"),), plan_with("vm-1"))
    assert world.kept == {"switch/vm-1/uid": "7"}


def test_files_get_a_folder_only_when_applying(tmp_path: Path) -> None:
    world = World()
    seen: list[Path | None] = []
    step = Switch(world, on_observe=lambda scope: seen.append(scope.files_dir))
    for mode in (Mode.PLAN, Mode.APPLY):
        world.run(((step, "vm-1"),), plan_with("vm-1"), mode, files_root=tmp_path)
    assert seen == [None, tmp_path / "vm-1", tmp_path / "vm-1"]


def test_another_cluster_than_before_is_refused_with_words() -> None:
    world = World(true={("cluster-reachable", "")})
    steps = shared(Switch(world, "cluster-reachable", stage=Stage.CLUSTER), Switch(world, "later"))
    world.run(steps, plan_with())
    assert world.kept["session//cluster-uid"] == "uid-1"
    world.uid = "uid-2"
    finished = world.run(steps, plan_with())
    event = world.finished()["cluster-reachable", ""]
    assert finished.exit_code == ExitCode.ACTION_NEEDED
    assert event.problem and event.problem.code == "MVM-714"
    assert "uid-2" in event.problem.cause and "uid-1" in event.problem.cause
    assert world.states()["later", ""] == "pending", "nothing is done in it"
    assert world.kept["session//cluster-uid"] == "uid-1"


def test_what_is_different_about_the_other_cluster_is_said() -> None:
    world = World(true={("cluster-reachable", "")}, made="2026-11-01T08:00:00Z")
    steps = shared(Switch(world, "cluster-reachable", stage=Stage.CLUSTER))
    world.run(steps, plan_with())
    world.uid, world.made = "uid-2", "2026-11-23T17:00:00Z"
    for mode in (Mode.OBSERVE, Mode.PLAN, Mode.APPLY):
        world.run(steps, plan_with(), mode)
        problem = world.finished()["cluster-reachable", ""].problem
        assert problem and "was made 2026-11-23T17:00:00Z, not 2026-11-01T08:00:00Z" in problem.cause
        assert met_identity(problem) == ClusterIdentity("uid-2", "pretend", "https://pretend", world.made)


def test_a_kubeconfig_that_leads_elsewhere_in_the_middle_of_a_run_is_noticed() -> None:
    world = World(true={("cluster-reachable", "")})

    def moved(_scope: Scope) -> None:
        world.uid = "uid-2"

    steps = shared(
        Switch(world, "cluster-reachable", stage=Stage.CLUSTER),
        Switch(world, "one", on_apply=moved),
        Switch(world, "two"),
    )
    world.run(steps, plan_with())
    assert world.states() == {("cluster-reachable", ""): "skipped", ("one", ""): "succeeded", ("two", ""): "failed"}
    problem = world.finished()["two", ""].problem
    assert problem and problem.code == "MVM-714"


def test_no_event_carries_a_secret() -> None:
    world = World()
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    world.run(shared(Switch(world, on_apply=lambda scope: scope.say("guest", f"{token} {key}"))), plan_with())
    told = "\n".join(str(event.record()) for event in world.events)
    assert token not in told and "MIIE" not in told
    assert "<token removed> <private key removed>" in told


def test_planned_changes_are_told_once_and_a_satisfied_step_tells_none() -> None:
    world = World(true={("done", "")})
    world.run(shared(Switch(world, "done"), Switch(world, "open")), plan_with())
    assert [event.step for event in world.events if isinstance(event, StepPlanned)] == ["open"]


def test_importing_the_engine_loads_no_terminal_and_no_client_library() -> None:
    heavy = ("textual", "kubernetes", "google", "paramiko", "pydantic", "aiohttp", "yaml", "click")
    code = f"import sys, meshvm_tui.engine; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("yet_to_be_made", "shown"), [(True, [""]), (False, [])])
def test_what_can_only_be_known_later_is_unknown_and_not_failed(yet_to_be_made: bool, shown: list[str]) -> None:
    """The inside of a machine that is yet to be made is approved with it; that of one that exists is not."""
    world = World()
    step = Switch(world, on_observe=raising(NotYetKnown("machine", "not yet", yet_to_be_made=yet_to_be_made)))
    finished = world.run(shared(step), plan_with(), Mode.PLAN)
    event = world.finished()["switch", ""]
    assert event.state is StepState.PENDING
    assert event.observation and (event.observation.standing, event.observation.waits_for) == (
        Standing.UNKNOWN,
        "machine",
    )
    assert [change.fingerprint for change in event.changes] == shown
    assert finished.exit_code == ExitCode.CHANGES_PENDING


def test_what_was_never_shown_is_shown_before_it_is_done() -> None:
    world = World()
    finished = world.run(shared(Switch(world)), plan_with(), approved={("switch", ""): ()})
    event = world.finished()["switch", ""]
    assert finished.exit_code == ExitCode.ACTION_NEEDED
    assert event.problem and event.problem.title == "What this changes can be shown now"
    assert not [item for item in world.done if item[0] == "apply"]


def test_what_was_approved_with_its_machine_is_done() -> None:
    world = World()
    finished = world.run(shared(Switch(world)), plan_with(), approved={("switch", ""): ("",)})
    assert finished.exit_code == ExitCode.DONE
