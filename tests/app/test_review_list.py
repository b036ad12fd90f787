"""Review: forty changes on a small screen, the clipboard, the server's word, and the file that it saves."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import events as ev
from meshvm_tui import server_trial
from meshvm_tui.events import Change, Mode, Stage
from meshvm_tui.problems import Cancelled, Problem
from meshvm_tui.screens.review import ReviewScreen
from meshvm_tui.screens.save_dialog import SaveDialog
from meshvm_tui.server_trial import ServerSaid, Word
from tests.app.fakes import ScriptedEngine
from tests.app.harness import NARROW, WIDE, World, world


class ManyChanges(ScriptedEngine):
    """Each of the gateway's and the workload's steps makes twenty things."""

    def _finished(self, request: Any, step: str, machine: str, problem: Problem | None) -> ev.StepFinished:
        end = super()._finished(request, step, machine, problem)
        if step not in ("eastwest-gateway", "workload-group") or not end.changes:
            return end
        return replace(end, changes=tuple(_change(f"{step}-{n}", n) for n in range(20)))


def _change(name: str, n: int) -> Change:
    return Change("create", f"ConfigMap istio-system/{name}", f"+ n: {n}\n", (f"kubectl apply -f {name}.yaml",))


async def review(made: World, stage: Stage = Stage.WORKLOAD) -> ReviewScreen:
    """The whole review of a stage."""
    made.burst(*["ctrl+n"] * list(Stage).index(stage))
    await made.until(lambda: made.wizard.stage is stage)
    await made.pilot.pause()
    await made.press("ctrl+a")
    screen = await made.screen("ReviewScreen")
    assert isinstance(screen, ReviewScreen)
    await made.says("Enter applies them.")
    return screen


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_forty_changes_stand_by_stage_and_the_last_one_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, size=size, scripted=ManyChanges()) as made:
        await review(made)
        await made.says("42 changes. Enter applies them.", "Mesh 1", "Gateway 20", "Thing/control-plane")
        await made.press("end")
        await made.says(
            "ConfigMap istio-system/workload-group-19", "kubectl apply -f workload-group-19.yaml", "+ n: 19"
        )


async def test_commands_are_copied_one_and_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=ManyChanges()) as made:
        await review(made)
        await made.press("down", "c")
        await made.until(lambda: made.app.clipboard == "kubectl apply -f eastwest-gateway-0.yaml")
        await made.press("C")
        await made.until(lambda: made.app.clipboard.count("kubectl apply") == 42)
        assert made.app.clipboard.startswith("# Mesh: Control plane\nkubectl apply -f control-plane.yaml\n\n# Gateway")


async def test_the_script_is_saved_where_the_operator_says_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "meshvm-onboard.sh"
    there.write_text("mine\n")
    async with world(tmp_path, monkeypatch) as made:
        await review(made)
        await made.press("s")
        await made.screen("SaveDialog")
        await made.says("Save the commands as a script", "It holds no secret")
        await made.press("enter")
        await made.says("already.", "⏎ replace it")
        await made.press("escape")
        await made.says("⏎ save")
        assert there.read_text() == "mine\n"
        await made.press("enter")
        await made.says("⏎ replace it")
        await made.press("enter")
        await made.screen("ReviewScreen")
        assert "kubectl apply -f namespace.yaml" in there.read_text()
        assert stat.S_IMODE(there.stat().st_mode) == 0o700
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".meshvm")] == []
        assert {request.mode for request in made.engine.requests} == {Mode.PLAN}


async def test_a_folder_that_is_not_there_is_named_and_the_dialog_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await review(made)
        await made.press("s")
        dialog = await made.screen("SaveDialog")
        assert isinstance(dialog, SaveDialog)
        made.burst("home", *["ctrl+k"])
        made.burst(*"/nowhere/at-all/x.sh".replace("", " ").split())
        await made.press("enter")
        await made.says("It is not saved.", "/nowhere/at-all/x.sh: No such file or directory.")
        await made.press("escape")
        await made.screen("ReviewScreen")


async def test_the_servers_word_stands_at_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*given: Any) -> None:
        _, _, upto, _, _, tell = given
        assert upto is Stage.WORKLOAD
        tell(ServerSaid("control-plane", "Thing/control-plane", Word.TAKEN))
        tell(ServerSaid("eastwest-gateway", "Thing/eastwest-gateway", Word.REFUSED, "MVM-110", "helm owns [b]it[/]"))
        tell(ServerSaid("workload-group", "Thing/workload-group", Word.LATER, words="not served yet"))

    monkeypatch.setattr(server_trial, "try_on_server", asked)
    async with world(tmp_path, monkeypatch) as made:
        await review(made)
        await made.press("d")
        await made.says("Dry run, nothing changed: 1 taken, 1 later, 1 refused: MVM-110 Thing")
        await made.says("✗ MVM-110", "The server would take it")
        await made.press("down")
        await made.says("The server refuses it. MVM-110 helm owns [b]it[/]")
        assert {request.mode for request in made.engine.requests} == {Mode.PLAN}


async def test_a_server_that_hangs_keeps_nobody_from_leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def hangs(*given: Any) -> None:
        ended.append(given[4].wait(20))
        raise Cancelled

    monkeypatch.setattr(server_trial, "try_on_server", hangs)
    async with world(tmp_path, monkeypatch) as made:
        await review(made)
        await made.press("d")
        await made.says("Asking the server, nothing is changed")
        await made.press("down")
        await made.says("kubectl apply -f eastwest-gateway.yaml")
        await made.press("escape")
        await made.screen("WizardScreen")
        await made.until(lambda: ended == [True])
