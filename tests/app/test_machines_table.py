"""Several machines: a table above the form, of which the one with the cursor is in the form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import events as ev
from meshvm_tui.events import Stage
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.problems import PermanentError
from tests.app.fakes import ScriptedEngine
from tests.app.harness import NARROW, WIDE, World, world

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80", "140"])
HOSTS = {"vm-1": "10.128.0.7", "vm-2": "10.128.0.8", "vm-3": "10.128.0.9"}


class ManyMachines(ScriptedEngine):
    """A world that says of vm-1 what runs on it, and that vm-2 shows an unknown host key."""

    def _finished(self, request: Any, step: str, machine: str, problem: Any) -> ev.StepFinished:
        end = super()._finished(request, step, machine, problem)
        if step == "guest-reachable" and end.observation:
            details = (("system", "Debian GNU/Linux 12 (bookworm)"),)
            end = replace(end, observation=replace(end.observation, details=details))
        return end


def three() -> Plan:
    return Plan(machines=[Machine(name=name, host=host) for name, host in HOSTS.items()])


async def on_machine(made: World) -> None:
    made.burst(*["ctrl+n"] * 4)
    await made.until(lambda: made.wizard.stage is Stage.MACHINE, "Machine")
    await made.pilot.pause()


def host(made: World) -> str:
    return next(row.text for row in made.wizard.pane.rows() if row.field.path.endswith(".host"))


@SIZES
async def test_each_machine_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    async with world(tmp_path, monkeypatch, scripted=ManyMachines(), plan=three(), size=size) as made:
        await on_machine(made)
        await made.says("vm-1 10.128.0.7 Debian 12 works", "vm-2 10.128.0.8", "vm-3 10.128.0.9", "+ one more VM")
        await made.says("needs next", "F4 VMs")
        assert host(made) == "10.128.0.7"


@SIZES
async def test_the_cursor_chooses_the_one_in_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, plan=three(), size=size) as made:
        await on_machine(made)
        await made.press("f4", "down", "down")
        await made.until(lambda: host(made) == "10.128.0.9", "the third one")
        await made.press("enter", "tab", "tab", "end", *"9")
        await made.until(lambda: made.wizard.plan.machines[2].host == "10.128.0.99", "typed")
        assert made.wizard.plan.machines[0].host == "10.128.0.7"
        await made.says("10.128.0.99")


async def test_a_machine_is_added_and_left_out_by_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, plan=three()) as made:
        await on_machine(made)
        await made.press("f4", "a")
        await made.until(lambda: len(made.wizard.plan.machines) == 4, "added")
        await made.until(lambda: host(made) == "", "it is in the form")
        await made.says("its host")
        await made.press("x")
        await made.screen("ConfirmDialog")
        await made.says("Leave my-mesh-vm out of the plan", "Nothing on it changes")
        await made.press("escape")
        await made.screen("WizardScreen")
        assert len(made.wizard.plan.machines) == 4
        made.burst("x", "enter")
        await made.until(lambda: list(HOSTS) == [machine.name for machine in made.wizard.plan.machines], "left out")


async def test_one_machine_alone_needs_no_table_until_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await on_machine(made)
        assert "one more VM" not in made.text()
        await made.press("f4")
        await made.says("+ one more VM")
        await made.press("down", "enter", "tab", "tab", *"10.1.1.1")
        await made.until(lambda: [vm.host for vm in made.wizard.plan.machines] == ["10.128.0.7", "10.1.1.1"], "two")
        await made.press("shift+tab", "shift+tab", "shift+tab")
        assert made.wizard.focused is made.wizard.pane.row_list


async def test_what_a_machine_needs_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ManyMachines()
    scripted.problems["guest-reachable"] = PermanentError("MVM-404", "vm-1 shows ssh-ed25519 SHA256:x")
    async with world(tmp_path, monkeypatch, scripted=scripted, plan=three()) as made:
        await on_machine(made)
        await made.says("vm-1 10.128.0.7 failed")
