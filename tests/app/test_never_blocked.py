"""While something hangs, a key is answered: by the order of events, for what hangs is let go only after the key's
effect was seen on the screen."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from meshvm_tui import app_base
from meshvm_tui.app import make_app
from meshvm_tui.events import Stage
from meshvm_tui.plan import Plan
from meshvm_tui.plan_machines import GkeCluster
from meshvm_tui.session_store import SessionStore
from meshvm_tui.wiring import WiredConnections
from tests.app.fakes import FakeConnections, ScriptedEngine
from tests.app.harness import NARROW, World, world


class Hang:
    """A disk that does not answer until it is told to."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.over = threading.Event()

    def fsync(self, handle: int) -> None:
        """os.fsync's place."""
        self.begun.set()
        assert self.over.wait(60)


@pytest.fixture
def disk() -> Iterator[Hang]:
    hang = Hang()
    yield hang
    hang.over.set()


def hangs(disk: Hang, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on."""
    monkeypatch.setattr(os, "fsync", disk.fsync)


async def on_workload(made: World) -> None:
    made.burst(*["ctrl+n"] * 3)
    await made.until(lambda: made.wizard.stage is Stage.WORKLOAD)


async def test_typing_goes_on_while_the_disk_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Hang) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await on_workload(made)
        hangs(disk, monkeypatch)
        await made.press("a")
        await made.until(disk.begun.is_set, "it hangs")
        await made.press(*"bc", "tab", *"ns")
        await made.says("abc", "saving")
        assert not disk.over.is_set()
        disk.over.set()
        await made.says("· saved")
    assert SessionStore(tmp_path / "sessions").read("hello-vm").plan.workload.name == "abc"


async def test_apply_says_that_it_saves_while_the_disk_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Hang
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await on_workload(made)
        await made.press("ctrl+a")
        await made.screen("ReviewScreen")
        await made.says("Enter applies them.")
        hangs(disk, monkeypatch)
        made.app.keeper.change(plan=Plan())  # type: ignore[union-attr]
        await made.press("enter")
        await made.says("Saving the session before anything is changed")
        assert not disk.over.is_set()
        assert type(made.app.screen).__name__ == "ReviewScreen"
        disk.over.set()
        await made.screen("RunScreen")


async def test_leaving_says_that_it_saves_and_once_more_leaves_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Hang
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await on_workload(made)
        hangs(disk, monkeypatch)
        await made.press("z", "ctrl+q")
        await made.says("Saving the session", "once more")
        await made.press("ctrl+q")
        await made.until(lambda: not made.app.is_running, "it has ended")
        assert not disk.over.is_set()
        assert made.app.return_code == 1


async def test_home_is_there_while_the_session_before_is_still_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Hang
) -> None:
    async with world(tmp_path, monkeypatch, start="home") as made:
        await made.press("enter")
        await made.screen("WizardScreen")
        await made.until(lambda: made.wizard.focused)
        hangs(disk, monkeypatch)
        await made.press(*"ctx", "escape")
        await made.screen("HomeScreen")
        await made.press("f1")
        await made.screen("HelpDialog")
        assert not disk.over.is_set()
        disk.over.set()
        await made.press("escape")
        await made.says("hello-vm")
        await made.press("down", "down", "enter")
        await made.screen("WizardScreen")
        assert made.wizard.plan.cluster.context == "ctx"


async def test_review_takes_keys_while_the_look_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine()
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await on_workload(made)
        scripted.gated = True
        await made.press("ctrl+a")
        await made.screen("ReviewScreen")
        await made.press("f1")
        await made.screen("HelpDialog")
        await made.press("escape", "escape")
        await made.until(lambda: made.app.screen is made.wizard, "back in the form")
        assert not scripted.gate.is_set()
        scripted.gate.set()


async def test_run_takes_keys_while_a_step_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine(holds=True)
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        await on_workload(made)
        await made.press("ctrl+a")
        await made.screen("ReviewScreen")
        await made.says("Enter applies them.")
        await made.press("enter")
        await made.screen("RunScreen")
        await made.press("f1")
        await made.screen("HelpDialog")
        await made.press("escape", "escape")
        await made.says("Cancel this run?")
        assert not scripted.hold.is_set()
        scripted.hold.set()


@asynccontextmanager
async def real_wizard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan) -> AsyncIterator[World]:
    """The app with the real engine and the real adapters."""
    monkeypatch.setattr(app_base, "PULSE", 0.02)
    connections = WiredConnections(read_only=True)
    app = make_app(
        connections=connections, store=SessionStore(tmp_path / "sessions"), start="wizard", plan=plan, session_name=""
    )
    try:
        async with app.run_test(size=NARROW) as pilot:
            made = World(app, pilot, ScriptedEngine(), FakeConnections())
            await made.screen("WizardScreen")
            await made.until(lambda: made.wizard.focused)
            yield made
    finally:
        await asyncio.to_thread(connections.close)


async def keys_are_answered(made: World) -> None:
    """Typing into a field, another stage, help: all of it is seen."""
    made.burst(*["ctrl+n"] * 3)
    await made.until(lambda: made.wizard.stage is Stage.WORKLOAD)
    await made.press("ctrl+u", *"while-it-hangs")
    await made.says("while-it-hangs")
    await made.press("f1")
    await made.screen("HelpDialog")
    await made.press("escape")


@pytest.fixture
def silent() -> Iterator[tuple[socket.socket, list[socket.socket], threading.Event]]:
    """A server that takes connections and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []
    asked = threading.Event()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            asked.set()

    threading.Thread(target=accept, daemon=True).start()
    yield listener, taken, asked
    listener.close()
    for connection in taken:
        connection.close()


def kubeconfig(tmp_path: Path, server: str, user: Mapping[str, object]) -> str:
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(value), encoding="utf-8")
    return str(file)


async def test_keys_are_answered_while_the_api_server_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: tuple[socket.socket, list[socket.socket], threading.Event]
) -> None:
    listener, _, asked = silent
    server = f"http://127.0.0.1:{listener.getsockname()[1]}"
    plan = Plan()
    plan.cluster.kubeconfig = kubeconfig(tmp_path, server, {"token": "t"})
    async with real_wizard(tmp_path, monkeypatch, plan) as made:
        await made.until(asked.is_set, "the server is asked and says nothing")
        await keys_are_answered(made)


async def test_keys_are_answered_while_an_exec_plugin_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate, plugin = tmp_path / "begun", tmp_path / "gate", tmp_path / "plugin"
    os.mkfifo(gate)
    plugin.write_text(f"#!/bin/sh\n: >'{begun}'\ncat '{gate}'\n", encoding="utf-8")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    plan = Plan()
    plan.cluster.kubeconfig = kubeconfig(tmp_path, "https://127.0.0.1:1", user)
    try:
        async with real_wizard(tmp_path, monkeypatch, plan) as made:
            await made.until(begun.exists, "the plugin has begun and does not end")
            await keys_are_answered(made)
    finally:
        os.close(os.open(gate, os.O_RDWR))


async def test_keys_are_answered_while_google_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: tuple[socket.socket, list[socket.socket], threading.Event]
) -> None:
    listener, _, asked = silent
    where = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", where)
    monkeypatch.setenv("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", str(tmp_path / "token"))
    (tmp_path / "token").write_text("ya29.made-up", encoding="utf-8")
    plan = Plan()
    plan.cluster.gke = GkeCluster(project="lab-project-1", location="europe-west1", name="prod")
    async with real_wizard(tmp_path, monkeypatch, plan) as made:
        await made.until(asked.is_set, "Google is asked and says nothing")
        await keys_are_answered(made)
