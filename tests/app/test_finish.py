"""Finish: what is true with its evidence, what is not proven, and the files that are saved from there."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import events as ev
from meshvm_tui.events import Observation, Stage, Standing, StepState
from meshvm_tui.plan import Machine, Plan, Probes, TrafficProbe
from meshvm_tui.plan_file import load_plan
from meshvm_tui.problems import Problem
from meshvm_tui.screens.board import Board, StepLine
from meshvm_tui.screens.finish_lines import Proof, facts, verdict
from meshvm_tui.screens.glyphs import Mark
from tests.app.fakes import ScriptedEngine, plan_with_vm
from tests.app.harness import NARROW, WIDE, World, world

NOW = 1_800_000_000.0
DETAILS = {
    "bootstrap-files": (
        ("identity", "spiffe://cluster.local/ns/vm-namespace/sa/vm-sa"),
        ("certificate until", "2036-11-23T21:00:00Z"),
    ),
    "entry-registered": (
        ("entry", "vm-namespace/hello-vm-10.128.0.7"),
        ("address", "10.128.0.7"),
        ("connected", "2026-11-23T21:00:00Z"),
        ("istiod", "istiod-1"),
    ),
}


class Evident(ScriptedEngine):
    """Observations carry the details of a real mesh."""

    def _finished(self, request: Any, step: str, machine: str, problem: Problem | None) -> ev.StepFinished:
        end = super()._finished(request, step, machine, problem)
        if step in DETAILS and step in self.done and end.observation:
            seen = Observation(Standing.SATISFIED, "AsPlanned", "the VM has these files", DETAILS[step])
            return replace(end, observation=seen)
        return end


async def finish(made: World) -> None:
    """A whole run, and on to its end."""
    made.burst(*["ctrl+n"] * 7)
    await made.until(lambda: made.wizard.stage is Stage.SERVICES)
    await made.pilot.pause()
    await made.press("ctrl+a")
    await made.screen("ReviewScreen")
    await made.says("Enter applies them.")
    await made.press("enter")
    await made.screen("RunScreen")
    await made.says("Both answered")
    await made.press("enter")
    await made.screen("FinishScreen")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_end_says_what_is_true_and_by_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, size=size, scripted=Evident()) as made:
        await finish(made)
        await made.says("vm-1 proves itself as spiffe://cluster.local/ns/vm-namespace/sa/vm-sa")
        await made.says("SSH to vm-1 works while the sidecar runs", "vm-1 reaches the cluster")
        await made.says("id 7f3a in the log of Pod hello-world-1", "certificate until 2036-11-23T21:00:00Z")
        await made.press("c")
        await made.until(lambda: "[yes] vm-1 reaches the cluster" in made.app.clipboard)
        await made.press("end")
        await made.says("From here", "docs/troubleshooting.md")
        await made.press("escape")
        await made.screen("WizardScreen")
        assert made.wizard.stage is Stage.SERVICES


async def test_plan_and_commands_are_saved_for_the_operator_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with world(tmp_path, monkeypatch, scripted=Evident()) as made:
        await finish(made)
        for key, name, mode in (("p", "hello-vm-plan.yaml", 0o600), ("s", "meshvm-onboard.sh", 0o700)):
            await made.press(key)
            await made.screen("SaveDialog")
            await made.press("enter")
            await made.screen("FinishScreen")
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
        assert load_plan(tmp_path / "hello-vm-plan.yaml") == plan_with_vm()
        assert "kubectl apply -f sidecar-running.yaml" in (tmp_path / "meshvm-onboard.sh").read_text()


async def test_home_from_the_end_saves_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=Evident()) as made:
        await finish(made)
        await made.press("h")
        await made.screen("HomeScreen")
        await made.says("hello-vm")


def board(**lines: Observation) -> Board:
    """What was looked at."""
    made = {}
    for name, seen in lines.items():
        step = name.replace("_", "-")
        machine = "" if step in ("vm-service", "hello-world") else "vm-1"
        made[step, machine] = StepLine(
            step, machine, Stage.INSTALL, step, StepState.SKIPPED, observation=seen, known=True
        )
    return Board(made)


def test_what_is_not_proven_says_so() -> None:
    found = facts(plan_with_vm(), Board(), (), {}, NOW)
    assert {fact.mark for fact in found} <= {Mark.WAITING, Mark.ATTENTION}
    said = {fact.sentence: " ".join(fact.evidence) for fact in found}
    assert said["vm-1 reaches the cluster"].startswith("not proven: no request was made yet")
    assert "not proven" in verdict(found, looking=False)[0]


def test_a_probe_that_the_plan_leaves_out_is_not_claimed() -> None:
    asked = TrafficProbe.model_validate({"from": "vm", "url": "http://echo.payments"})
    plan = Plan(machines=[Machine(name="vm-1", host="10.0.0.7")], probes=Probes(requests=[asked]))
    proofs = [Proof("probe-vm-to-cluster", "vm-1", True, "200", (("vm-1 to echo", "200 in 3 ms; seen in its log"),))]
    said = {fact.sentence: fact for fact in facts(plan, Board(), proofs, {}, NOW)}
    assert said["vm-1 reaches the cluster"].mark is Mark.DONE
    assert said["vm-1 reaches the cluster"].evidence == ("vm-1 to echo: 200 in 3 ms; seen in its log",)
    assert said["Pods reach vm-1"].evidence == ("not proven: the plan makes no request this way",)


def test_entry_certificate_and_token_are_told_with_their_times() -> None:
    seen = {
        step.replace("-", "_"): Observation(Standing.SATISFIED, "AsPlanned", "", details)
        for step, details in DETAILS.items()
    }
    clocks = {"vm-1/token": "2027-01-15T09:00:00Z"}
    said = {fact.sentence: fact for fact in facts(plan_with_vm(), board(**seen), (), clocks, NOW)}
    entry = said["vm-1 is registered as WorkloadEntry vm-namespace/hello-vm-10.128.0.7"]
    assert "address 10.128.0.7; connected since" in entry.evidence[0]
    assert "(52 d ago), held by istiod-1" in entry.evidence[0]
    token = said["The token of vm-1 ends at 2027-01-15T09:00:00Z"]
    assert token.evidence == ("in 1 h; it was needed for the first certificate only",)


def test_a_certificate_that_has_ended_is_no_success() -> None:
    ended = (("identity", "spiffe://x"), ("certificate until", "2020-01-01T00:00:00Z"))
    seen = Observation(Standing.SATISFIED, "AsPlanned", "", ended)
    found = facts(plan_with_vm(), board(bootstrap_files=seen), (), {}, NOW)
    assert any(fact.mark is Mark.FAILED for fact in found)
    assert verdict(found, looking=True)[0].startswith("✗ 1 of")


async def test_the_last_stage_has_a_key_for_it_once_all_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=Evident()) as made:
        made.burst(*["ctrl+n"] * 7)
        await made.until(lambda: made.wizard.stage is Stage.SERVICES)
        await made.says("^N Next")
        await made.press("f7")
        assert type(made.app.screen).__name__ == "WizardScreen"
    async with world(tmp_path, monkeypatch, scripted=Evident(), plan=plan_with_vm()) as made:
        await finish(made)
        await made.press("escape")
        await made.screen("WizardScreen")
        await made.says("F7 Finish")
        await made.press("f7")
        await made.screen("FinishScreen")
