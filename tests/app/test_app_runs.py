"""Review, Run, their problems, and going on: from the first stage to both answers, by keys alone."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path

import pytest

from meshvm_tui import app_session, engine
from meshvm_tui.events import Mode, Stage
from meshvm_tui.problems import ActionNeeded, PermanentError
from meshvm_tui.screens.run import RunScreen
from meshvm_tui.session_store import OpenSession, SessionStore
from tests.app.fakes import FINGERPRINT, STEPS, FakeConnections, ScriptedEngine, plan_with_vm, unknown_host_key
from tests.app.harness import NARROW, WIDE, World, world


async def review(made: World) -> None:
    """Opens the review of the stage that is seen, and waits until it is whole."""
    await made.press("ctrl+a")
    await made.screen("ReviewScreen")


async def apply(made: World) -> RunScreen:
    """Applies up to here and waits for the end."""
    await review(made)
    await made.says("Enter")
    await made.press("enter")
    screen = await made.screen("RunScreen")
    assert isinstance(screen, RunScreen)
    await made.until(lambda: screen.ended, "the run ends")
    return screen


async def skip_to(made: World, stage: Stage) -> None:
    """Next, until this stage is seen."""
    made.burst(*["ctrl+n"] * list(Stage).index(stage))
    await made.until(lambda: made.wizard.stage is stage)
    await made.pilot.pause()


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_stage_by_stage_to_both_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, size=size) as made:
        for stage in (Stage.CLUSTER, Stage.MESH):
            await made.until(lambda: made.wizard.stage is stage)  # noqa: B023 (it is awaited here)
            await apply(made)
            await made.says("✓ Done.", "Enter goes on to")
            await made.press("enter")
            await made.screen("WizardScreen")
        made.burst(*["ctrl+n"] * 5)
        await made.until(lambda: made.wizard.stage is Stage.SERVICES)
        await apply(made)
        await made.says("Both answered", "VM → cluster", "cluster → VM", "200 in 3.1 ms", "in the log of Pod")
        assert made.engine.requests[-1].upto is Stage.SERVICES


async def test_the_review_shows_every_change_with_its_commands_and_only_then_approves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await skip_to(made, Stage.WORKLOAD)
        await review(made)
        await made.says("4 changes. Enter applies them.", "Thing/control-plane", "kubectl apply -f control-plane.yaml")
        await made.press("down", "down")
        await made.says("kubectl apply -f namespace.yaml", "+ kind: Thing")
        assert not [request for request in made.engine.requests if request.mode is Mode.APPLY]
        await made.press("enter")
        await made.until(lambda: made.engine.requests[-1].mode is Mode.APPLY)
        assert made.engine.requests[-1].approved == {
            (step, ""): (f"print-{step}",)
            for step in ("control-plane", "eastwest-gateway", "namespace", "workload-group")
        }


async def test_enter_before_everything_is_listed_approves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        made.engine.gated = True
        made.burst("ctrl+a", "enter", "enter")
        await made.screen("ReviewScreen")
        await made.says("Looking at what is there")
        assert made.app.screen.check_action("apply", ()) is None
        made.engine.gate.set()
        await made.says("Nothing to change")
        assert not [request for request in made.engine.requests if request.mode is Mode.APPLY]


async def test_leaving_a_review_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await skip_to(made, Stage.MESH)
        await review(made)
        await made.press("escape")
        await made.screen("WizardScreen")
        assert made.wizard.stage is Stage.MESH
        assert {request.mode for request in made.engine.requests} == {Mode.PLAN}


async def test_a_failure_is_a_dialog_and_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine()
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await skip_to(made, Stage.WORKLOAD)
        await review(made)
        await made.says("4 changes")
        scripted.problems["namespace"] = PermanentError("MVM-107", "namespaces is forbidden: [user] may not create")
        await made.press("enter")
        await made.screen("ProblemDialog")
        await made.says("MVM-107", "A permission is missing", "namespaces is forbidden: [user]", "What is done")
        await made.says("Control plane, East-west gateway; nothing was undone")
        await made.press("escape")
        await made.screen("RunScreen")
        await made.says("✗ Namespace")
        scripted.problems.clear()
        await made.press("r")
        await made.until(lambda: made.engine.requests[-1].mode is Mode.APPLY and "workload-group" in scripted.done)
        await made.says("Enter goes on to Machine")
        await made.press("enter")
        await made.until(lambda: made.wizard.stage is Stage.MACHINE)


async def test_what_moved_since_the_review_is_reviewed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine()
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await skip_to(made, Stage.MESH)
        await review(made)
        await made.says("1 change.")
        scripted.problems["control-plane"] = ActionNeeded("MVM-111", "Deployment/istiod: not as it was")
        await made.press("enter")
        await made.screen("ProblemDialog")
        await made.says("review again")
        scripted.problems.clear()
        await made.press("enter")
        await made.screen("ReviewScreen")
        await made.says("1 change.")


async def test_an_unknown_host_key_is_asked_for_and_pinned_in_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = ScriptedEngine(problems={"guest-reachable": unknown_host_key()})
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await skip_to(made, Stage.MACHINE)
        await made.press("ctrl+a")
        await made.screen("ProblemDialog")
        await made.says("SHA256:abcdef", "accept this key")
        scripted.problems.clear()
        await made.press("enter")
        await made.screen("ReviewScreen")
        await made.says("4 changes.")
        assert scripted.requests[-1].plan.machines[0].ssh.known_host == FINGERPRINT
        assert made.wizard.plan.machines[0].ssh.known_host == FINGERPRINT


async def test_a_run_can_be_watched_and_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine(holds=True)
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await skip_to(made, Stage.MESH)
        await review(made)
        await made.says("1 change.")
        await made.press("enter")
        await made.screen("RunScreen")
        await made.says("↻ Cluster reachable", "waiting [bold]here[/]")
        await made.press("enter", "r")
        assert isinstance(made.app.screen, RunScreen) and not made.app.screen.ended
        await made.press("escape")
        await made.screen("ConfirmDialog")
        await made.press("enter")
        run = await made.screen("RunScreen")
        assert isinstance(run, RunScreen)
        await made.until(lambda: run.ended)
        await made.says("ended: cancelled", "R tries again")
        await made.press("escape")
        await made.screen("WizardScreen")
        assert made.wizard.stage is Stage.MESH


async def test_a_session_goes_on_at_the_stage_that_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine()
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await skip_to(made, Stage.WORKLOAD)
        await apply(made)
        await made.press("enter")
        await made.until(lambda: made.wizard.stage is Stage.MACHINE)
    saved = SessionStore(tmp_path / "sessions").read("hello-vm")
    assert saved.record("workload-group") is not None
    scripted.done.discard("eastwest-gateway")
    async with world(tmp_path, monkeypatch, scripted=scripted, session_name="hello-vm") as made:
        await made.until(lambda: made.wizard.stage is Stage.GATEWAY, "the gateway needs the operator")
        assert scripted.requests[-1].mode is Mode.PLAN


async def test_who_has_begun_to_type_is_not_moved_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SessionStore(tmp_path / "sessions")
    opened = store.create("old", plan_with_vm())
    from dataclasses import replace

    from meshvm_tui.session import StepRecord

    records = (StepRecord("cluster-reachable", "", state="succeeded"),)
    opened.save(replace(opened.session, records=records, last_screen="Install"))
    opened.close()
    scripted = ScriptedEngine(gated=True)
    async with world(tmp_path, monkeypatch, session_name="old", scripted=scripted) as made:
        assert made.wizard.stage is Stage.INSTALL
        await made.press("1")
        scripted.gate.set()
        await made.until(lambda: any(request.upto is Stage.SERVICES for request in made.engine.requests))
        await made.until(lambda: not made.wizard.board.running and made.wizard.board.lines)
        assert made.wizard.stage is Stage.INSTALL


async def test_a_held_session_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SessionStore(tmp_path / "sessions")
    held = store.create("taken", plan_with_vm())
    async with world(tmp_path, monkeypatch, start="home") as made:
        await made.says("taken", "open in another terminal (pid")
        made.app.open_session("taken")
        await made.screen("ProblemDialog")
        await made.says("MVM-711", "held by process")
        await made.press("escape")
        await made.screen("HomeScreen")
    held.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_saves_and_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await made.press(*"ctx")
        signal.raise_signal(number)
        await made.until(lambda: made.app.return_code is not None)
        assert made.app.return_code == 128 + number
        assert SessionStore(tmp_path / "sessions").read("hello-vm").plan.cluster.context == "ctx"


async def test_what_cannot_be_saved_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_session, "TRY_AGAIN_AFTER", 0.1)
    async with world(tmp_path, monkeypatch) as made:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(OpenSession, "save", full)
            await made.press(*"ctx")
            await made.says("not saved: OSError: [Errno 28] No space")
            await made.press("ctrl+a")
            await made.screen("ReviewScreen")
            await made.says("Enter goes through it once more.")
            await made.press("enter")
            await made.screen("ProblemDialog")
            await made.says("MVM-717", "No space left on device")
            assert all(request.mode is not Mode.APPLY for request in made.engine.requests), "no run begins"
            await made.press("escape", "escape")
            await made.screen("WizardScreen")
        assert made.wizard.plan.cluster.context == "ctx"
        await made.says("· saved")
        assert SessionStore(tmp_path / "sessions").read("hello-vm").plan.cluster.context == "ctx"


async def test_a_disk_that_fills_up_in_a_run_ends_it_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:

        def full(*_: object) -> None:
            raise PermanentError("MVM-717", "log.jsonl: No space left on device")

        await skip_to(made, Stage.MESH)
        await review(made)
        await made.says("1 change")
        with monkeypatch.context() as broken:
            broken.setattr(OpenSession, "append_log", full)
            await made.press("enter")
            await made.screen("ProblemDialog")
            await made.says("MVM-717", "log.jsonl: No space left on device")
        await made.press("escape")
        await made.screen("RunScreen")
        await made.says("R tries again")
        await made.press("r")
        await made.says("✓ Done.")


async def test_quitting_in_a_run_asks_then_cancels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine(holds=True)
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await review(made)
        await made.says("Nothing to change")
        await made.press("enter")
        await made.screen("RunScreen")
        await made.says("↻ Cluster reachable")
        await made.press("ctrl+q")
        await made.screen("ConfirmDialog")
        assert not scripted.hold.is_set() and made.app.return_code is None
        await made.press("enter")
        await made.until(lambda: made.app.return_code == 0)
        assert made.app.runs is not None and not made.app.runs.applying


async def test_the_engine_that_breaks_is_a_problem_and_the_app_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:

        def broken(*_: object) -> None:
            raise ValueError("nobody thought of this")

        monkeypatch.setattr(engine, "run", broken)
        await made.press("ctrl+a")
        await made.screen("ProblemDialog")
        await made.says("MVM-901", "nobody thought of this")
        await made.press("escape", "escape")
        await made.screen("WizardScreen")


async def test_the_screen_answers_while_the_world_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        hang = threading.Event()

        def hanging(*_: object) -> None:
            hang.wait(5)

        monkeypatch.setattr(engine, "run", hanging)
        await skip_to(made, Stage.WORKLOAD)
        made.app.runs.look(Stage.WORKLOAD) if made.app.runs else None
        await asyncio.sleep(0.15)
        await made.press(*"still")
        await made.until(lambda: made.wizard.plan.workload.name == "still", "the name is typed", 2.0)
        hang.set()


async def test_all_is_done_and_the_steps_are_those_of_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = ScriptedEngine(done={step for step, *_ in STEPS})
    connections = FakeConnections()
    async with world(tmp_path, monkeypatch, scripted=scripted, connections=connections) as made:
        await skip_to(made, Stage.INSTALL)
        await made.says("Nothing to change up to here")
        await apply(made)
        await made.press("f6")
        await made.screen("WatchScreen")
        await made.says("0 WorkloadEntries", "✓ live")
        assert sorted(connections.reader.calls) == [
            "watch workloadentries vm-namespace",
            "watch workloadgroups vm-namespace",
        ]
        await made.press("escape")
        await made.screen("RunScreen")
        await made.press("enter")
        await made.until(lambda: made.wizard.stage is Stage.SERVICES)
        assert connections.mutating == []


async def test_a_key_for_a_dialog_that_is_just_coming_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        made.app.show_problem(PermanentError("MVM-525", "no room", evidence={"disk": "100 % full"}).record())
        made.burst("ctrl+e")
        await made.says("MVM-525", "100 % full")


async def probe_fails(made: World, scripted: ScriptedEngine) -> None:
    """All is reviewed, and one of the two answers does not come."""
    made.burst(*["ctrl+n"] * (len(Stage) - 1))
    await made.until(lambda: made.wizard.stage is Stage.SERVICES)
    await review(made)
    await made.says("Enter")
    scripted.problems["probe-cluster-to-vm"] = PermanentError("MVM-616", "no answer from 10.128.0.7")
    await made.press("enter")
    await made.screen("ProblemDialog")


@pytest.mark.parametrize("dialog", [True, False], ids=["in the problem", "in the run"])
async def test_a_proof_that_failed_is_skipped_and_not_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialog: bool
) -> None:
    scripted = ScriptedEngine()
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await probe_fails(made, scripted)
        await made.says("MVM-616", "S skip it")
        if not dialog:
            await made.press("escape")
            await made.screen("RunScreen")
            await made.says("S Skip")
        await made.press("s")
        await made.until(lambda: made.engine.requests[-1].skips == {("probe-cluster-to-vm", "vm-1")})
        await made.says("1 of 2 answered, 1 skipped: not proven", "skipped: not proven")
        await made.press("enter")
        await made.screen("FinishScreen")
        await made.says("not proven: skipped; Services, Ctrl+A and Enter ask again")


async def test_a_proof_that_is_still_waited_for_is_skipped_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = ScriptedEngine(holds=True, holds_at="probe-vm-to-cluster")
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        made.burst(*["ctrl+n"] * (len(Stage) - 1))
        await made.until(lambda: made.wizard.stage is Stage.SERVICES)
        await review(made)
        await made.says("Enter")
        await made.press("enter")
        run = await made.screen("RunScreen")
        await made.says("S Skip")
        await made.press("s")
        await made.says("1 of 2 answered, 1 skipped: not proven")
        assert run.check_action("skip", ()) is False, "the other one was proven"
        assert len([request for request in made.engine.requests if request.mode is Mode.APPLY]) == 1
        await made.press("enter")
        await made.screen("FinishScreen")
        await made.says("not proven: skipped")


async def test_while_what_others_build_on_is_at_work_no_skip_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = ScriptedEngine(holds=True, holds_at="namespace")
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await skip_to(made, Stage.WORKLOAD)
        await review(made)
        await made.says("4 changes")
        await made.press("enter")
        run = await made.screen("RunScreen")
        await made.says("waiting")
        assert run.check_action("skip", ()) is False
        await made.press("s")
        scripted.hold.set()
        await made.says("Done.")
        assert not made.engine.requests[-1].skips


async def test_what_others_build_on_is_not_offered_to_be_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = ScriptedEngine()
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await skip_to(made, Stage.WORKLOAD)
        await review(made)
        await made.says("4 changes")
        scripted.problems["namespace"] = PermanentError("MVM-107", "forbidden")
        await made.press("enter")
        dialog = await made.screen("ProblemDialog")
        assert dialog.check_action("skip", ()) is False
        await made.press("s", "escape")
        run = await made.screen("RunScreen")
        assert run.check_action("skip", ()) is False
        assert not made.engine.requests[-1].skips


async def test_esc_says_what_it_does_before_and_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine(holds=True)
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await made.says("^A Review")
        await review(made)
        await made.says("Enter")
        await made.press("enter")
        await made.screen("RunScreen")
        await made.says("esc Cancel")
        await made.press("escape")
        await made.screen("ConfirmDialog")
        await made.press("escape")
        scripted.hold.set()
        await made.says("✓ Done.", "esc Back")
        await made.press("escape")
        await made.screen("WizardScreen")
