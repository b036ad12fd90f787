"""The stage Files: the five files of each machine, what the VM has of them, and never a byte of a token."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import events as ev
from meshvm_tui.events import FileStanding, FileView, Stage
from meshvm_tui.plan import Machine, Plan
from tests.app.fakes import ScriptedEngine, plan_with_vm
from tests.app.harness import NARROW, WIDE, World, world

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80", "140"])


def views(*, ends_in: float = 3500.0) -> tuple[FileView, ...]:
    """Each standing once."""
    return (
        FileView("root-cert.pem", "/etc/certs/root-cert.pem", FileStanding.SAME, "-----BEGIN\n" + "x" * 1100),
        FileView(
            "istio-token",
            "/var/run/secrets/tokens/istio-token",
            FileStanding.SAME,
            expires=time.time() + ends_in,
        ),
        FileView(
            "cluster.env",
            "/var/lib/istio/envoy/cluster.env",
            FileStanding.DIFFERS,
            "A='new [bold]'\nB='b'\n",
            "--- VM\n+++ wanted\n-A='old'\n+A='new [bold]'\n",
            ("A is 'old', wanted 'new [bold]'",),
        ),
        FileView("mesh.yaml", "/etc/istio/config/mesh", FileStanding.MISSING, "defaultConfig: {}\n"),
        FileView("hosts", "/etc/hosts", FileStanding.UNKNOWN),
    )


class FilesEngine(ScriptedEngine):
    """A world in which the files' step says what it saw of them."""

    seen: tuple[FileView, ...] = ()

    def _finished(self, request: Any, step: str, machine: str, problem: Any) -> ev.StepFinished:
        end = super()._finished(request, step, machine, problem)
        if step == "bootstrap-files" and end.observation:
            end = replace(end, observation=replace(end.observation, files=self.seen))
        return end


def engine() -> FilesEngine:
    scripted = FilesEngine()
    scripted.seen = views()
    return scripted


async def on_files(made: World) -> None:
    made.burst(*["ctrl+n"] * 5)
    await made.until(lambda: made.wizard.stage is Stage.FILES, "Files")


def line_of(made: World, name: str) -> str:
    """What the screen says of a file, between the panel and the rail."""
    return next((line for line in made.text().splitlines() if f" {name} " in line), "")


@SIZES
async def test_each_file_says_what_the_vm_has_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, scripted=engine(), size=size) as made:
        await on_files(made)
        await made.says("58 min left", "F4 Files")
        for name, words in (
            ("root-cert.pem", "same           1.1 kB"),
            ("istio-token", "same           hidden"),
            ("cluster.env", "differs          21 B"),
            ("mesh.yaml", "not on the VM    18 B"),
            ("hosts", "not known yet"),
        ):
            assert words in line_of(made, name), made.text()


@SIZES
async def test_a_file_is_opened_at_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, scripted=engine(), size=size) as made:
        await on_files(made)
        await made.says("58 min left")
        await made.press("f4", "down", "down", "enter")
        await made.screen("FileDialog")
        await made.says("cluster.env of vm-1", "! A is 'old', wanted 'new [bold]'", "-A='old'", "+A='new [bold]'")
        assert "B='b'" not in made.text()
        await made.press("ctrl+e")
        await made.says("B='b'")
        await made.press("escape")
        await made.screen("WizardScreen")
        assert made.wizard.focused is made.wizard.pane.row_list
        await made.press("escape")
        await made.until(lambda: made.wizard.focused in [row.editor for row in made.wizard.pane.rows()], "the form")
        assert made.wizard.stage is Stage.FILES


async def test_a_token_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=engine()) as made:
        await on_files(made)
        await made.says("58 min left")
        made.burst("f4", "down", "enter")
        await made.screen("FileDialog")
        await made.says("istio-token of vm-1", "58 min left", "never shown")


async def test_an_ended_token_says_since_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = engine()
    scripted.seen = views(ends_in=-130)
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await on_files(made)
        await made.says("the token ended 2 min ago")


async def test_the_files_of_several_machines_stand_under_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = [*plan_with_vm().machines, Machine(name="vm-2", host="10.128.0.8")]
    async with world(tmp_path, monkeypatch, scripted=engine(), plan=Plan(machines=machines), size=WIDE) as made:
        await on_files(made)
        await made.says("on vm-1", "on vm-2", "58 min left")
        await made.press("f4", "end", "enter")
        await made.screen("FileDialog")
        await made.says("hosts of vm-2", "Not known yet")
