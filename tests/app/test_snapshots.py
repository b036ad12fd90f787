"""Every screen and every dialog at both sizes looks as it did; how to renew them is said in CONTRIBUTING.md."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from meshvm_tui import events as ev
from meshvm_tui import screens
from meshvm_tui.events import Stage
from meshvm_tui.plan import Plan
from meshvm_tui.problems import Problem
from meshvm_tui.start_facts import Fact, Found, StartFact
from tests.app.fakes import FakeConnections, FakeReader, entry, plan_with_vm
from tests.app.google import GoogleConnections
from tests.app.harness import NARROW, WIDE, World, world
from tests.app.snapshots import FOLDER, HERE, NOW, RENEWING, Album, fixed_world
from tests.app.test_app_secrets import sudo_asks
from tests.app.test_files_stage import views
from tests.app.test_finish import Evident
from tests.app.test_google_forms import focus
from tests.app.test_home_first_start import Needs
from tests.app.test_home_sessions import FAILED, GKE, KEPT, make
from tests.app.test_mend_in_place import REFUSED

BASES = {"AppScreen", "WizardFrame", "WizardLists"}
"""Screens that are never shown themselves."""
SIZES = {"80x24": NARROW, "140x45": WIDE}
EACH = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)


class Mesh(Evident):
    """A world in which every step has something to tell."""

    def _finished(self, request: Any, step: str, machine: str, problem: Problem | None) -> ev.StepFinished:
        end = super()._finished(request, step, machine, problem)
        if step == "bootstrap-files" and end.observation:
            return replace(end, observation=replace(end.observation, files=views()))
        return end


@asynccontextmanager
async def taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], **more: Any
) -> AsyncIterator[tuple[World, Album]]:
    """A world whose screens are the same in every run."""
    fixed_world(monkeypatch)
    album = Album(size)
    async with world(tmp_path, monkeypatch, size=size, **more) as made:
        yield made, album
    album.close()


async def to(made: World, stage: Stage) -> None:
    """Next, until this stage is seen and looked at."""
    ahead = list(Stage).index(stage) - list(Stage).index(made.wizard.stage)
    made.burst(*["ctrl+n"] * ahead)
    await made.until(lambda: made.wizard.stage is stage, stage.value)
    await made.pilot.pause()


async def dialog(made: World, album: Album, key: str, name: str, kind: str, *says: str) -> None:
    """Opens a dialog, takes it, and leaves it."""
    before = type(made.app.screen).__name__
    await made.press(key)
    await made.screen(kind)
    await made.says(*says)
    await album.take(made, name)
    await made.press("escape")
    await made.screen(before)


@EACH
async def test_first_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    needs = Needs(
        StartFact(Fact.CLUSTER, Found.THERE, "context acme"),
        StartFact(Fact.ISTIOCTL, Found.MISSING, "no istioctl in PATH"),
    )
    needs.let.set()
    async with taken(tmp_path, monkeypatch, size, start="home", needs=needs, lab_command=("true",)) as (made, album):
        await made.says("context acme", "no istioctl")
        await album.take(made, "home-first-start")


@EACH
async def test_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    plan = plan_with_vm().model_copy(update={"cluster": Plan.model_validate({"cluster": GKE}).cluster})
    make(tmp_path, "draft", Plan())
    make(tmp_path, "shop", plan, FAILED, kept=KEPT)
    for name, ago in (("draft", 7200), ("shop", 120)):
        os.utime(tmp_path / "sessions" / name / "session.json", (NOW - ago, NOW - ago))
    async with taken(tmp_path, monkeypatch, size, start="home", lab_command=("true",)) as (made, album):
        await made.says("shop", "draft", "2 min ago")
        await made.press("home", "down", "down", "down")
        await made.says("R Rename")
        await album.take(made, "home-sessions")
        await dialog(made, album, "r", "text-dialog", "TextDialog", "Rename")
        await dialog(made, album, "x", "delete-dialog", "DeleteDialog", "What stays behind")


@EACH
async def test_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    async with taken(tmp_path, monkeypatch, size, scripted=Mesh(), connections=GoogleConnections()) as (made, album):
        for number, stage in enumerate(Stage, 1):
            await to(made, stage)
            await made.says("up to here")
            await album.take(made, f"wizard-{number}-{stage.value.lower()}")
            if stage is Stage.CLUSTER:
                await dialog(made, album, "f1", "help-dialog", "HelpDialog", "Keys")
                await focus(made, "cluster.gke")
                await dialog(made, album, "f3", "pick-dialog", "PickDialog", "3 of 3")
            if stage is Stage.FILES:
                await made.press("f4", "down", "down")
                await dialog(made, album, "enter", "file-dialog", "FileDialog", "A is 'old'")


@EACH
async def test_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    scripted = Mesh(holds=True)
    async with taken(tmp_path, monkeypatch, size, scripted=scripted) as (made, album):
        await to(made, Stage.SERVICES)
        await made.press("ctrl+a")
        await made.screen("ReviewScreen")
        await made.says("Enter applies them.")
        await album.take(made, "review")
        await dialog(made, album, "s", "save-dialog", "SaveDialog", HERE)
        await made.press("enter")
        await made.screen("RunScreen")
        await made.says("waiting [bold]here[/]")
        await album.take(made, "run")
        await dialog(made, album, "escape", "confirm-dialog", "ConfirmDialog", "let it run")
        scripted.hold.set()
        await made.says("Both answered")
        await album.take(made, "run-ended")
        await made.press("enter")
        await made.screen("FinishScreen")
        await made.says("not proven", "P Save plan")
        await album.take(made, "finish")
        await made.press("escape")
        await made.screen("WizardScreen")
        await made.says("F7 Finish")
        await album.take(made, "wizard-8-done")
        await made.press("f7")
        await made.screen("FinishScreen")
        await made.press("w")
        await made.screen("WatchScreen")
        await made.says("live")
        await album.take(made, "watch")


@EACH
async def test_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    scripted = Mesh(problems={"guest-reachable": REFUSED})
    async with taken(tmp_path, monkeypatch, size, scripted=scripted) as (made, album):
        await to(made, Stage.MACHINE)
        await made.press("ctrl+a")
        await made.screen("ProblemDialog")
        await made.says("leave it for now")
        await album.take(made, "problem-dialog")
        await made.press("enter")
        await made.screen("MendDialog")
        await made.says("SSH port")
        await album.take(made, "mend-dialog")
        await made.press("escape")
        await made.screen("ReviewScreen")
        await album.take(made, "review-failed")
        scripted.problems["guest-reachable"] = sudo_asks()
        await made.press("escape")
        await made.screen("WizardScreen")
        await made.press("ctrl+a")
        await made.screen("ProblemDialog")
        await made.says("MVM-413")
        await made.press("enter")
        await made.screen("SecretDialog")
        await made.says("leave it for now")
        await album.take(made, "secret-dialog")


@EACH
async def test_monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    left = entry("hello-vm-10.128.0.9", **{"istio.io/disconnectedAt": "2026-11-22T20:11:55Z"})
    connections = FakeConnections(FakeReader([entry("hello-vm-10.128.0.7"), left]))
    async with taken(tmp_path, monkeypatch, size, start="monitor", connections=connections) as (made, album):
        await made.says("2 WorkloadEntries", "left")
        await album.take(made, "monitor")


def shown() -> set[str]:
    """The names of all screens and dialogs of the package."""
    names = set()
    for module in pkgutil.iter_modules(screens.__path__, f"{screens.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Screen) and value.__module__ == module.name:
                names.add(value.__name__)
    return names - BASES


@pytest.mark.skipif(RENEWING, reason="snapshots are being written")
@EACH
def test_every_screen_and_dialog_has_a_snapshot(size: tuple[int, int]) -> None:
    ends = f"{size[0]}x{size[1]}"
    titles = {path.read_text(encoding="utf-8").split(maxsplit=1)[0] for path in FOLDER.glob(f"*-{ends}.txt")}
    assert shown() - titles == set(), "take each of them in a test above, then: python -m tools.snapshots"
