"""A login that has expired in the middle of things: one key logs in and goes on; foreign words are never run."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.problems import ActionNeeded, PermanentError
from meshvm_tui.screens.logins import login_command
from tests.app.fakes import ScriptedEngine
from tests.app.harness import World, world

EXPIRED = ActionNeeded("MVM-802", "application_default_credentials.json: invalid_grant")
LOGIN = ["gcloud", "auth", "application-default", "login"]


@pytest.mark.parametrize(
    ("problem", "command"),
    [
        (EXPIRED, "gcloud auth application-default login"),
        (
            ActionNeeded("MVM-105", "plugin: please run:\n\n  $ gcloud auth login\n"),
            "gcloud auth login",
        ),
        (ActionNeeded("MVM-105", "run: aws sso login --profile dev; rm -rf /"), "aws sso login --profile dev"),
        (ActionNeeded("MVM-105", "aws sso login --profile $(reboot)"), "aws sso login"),
        (ActionNeeded("MVM-105", "run: evil login"), ""),
        (PermanentError("MVM-417", "gcloud auth login"), ""),
    ],
)
def test_only_known_logins_are_offered(problem: Any, command: str) -> None:
    assert " ".join(login_command(problem.record())) == command


async def expired_run(made: World) -> None:
    made.burst(*["ctrl+n"] * 3, "ctrl+a")
    await made.screen("ReviewScreen")
    await made.says("Enter applies them.")
    made.engine.problems["workload-group"] = EXPIRED
    await made.press("enter")
    await made.screen("ProblemDialog")
    await made.says("MVM-802", "gcloud auth application-default login", "log in", "try again")


async def test_the_login_has_the_terminal_and_the_run_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []
    async with world(tmp_path, monkeypatch, scripted=ScriptedEngine()) as made:
        await expired_run(made)
        suspended: list[bool] = []

        @contextlib.contextmanager
        def suspend() -> Iterator[None]:
            suspended.append(True)
            yield
            suspended.append(False)

        def logged_in(command: Any, **more: Any) -> Any:
            assert suspended == [True], "the app has stepped aside"
            ran.append(list(command))
            made.engine.problems.clear()
            return subprocess.CompletedProcess(command, 0)

        monkeypatch.setattr(made.app, "suspend", suspend)
        monkeypatch.setattr("meshvm_tui.app_logins.shutil.which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr("meshvm_tui.app_logins.subprocess.run", logged_in)
        await made.press("enter")
        await made.screen("RunScreen")
        await made.says("Done.")
        assert ran == [LOGIN]
        assert suspended == [True, False]


async def test_where_the_terminal_cannot_be_handed_over_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch, scripted=ScriptedEngine()) as made:
        await expired_run(made)
        monkeypatch.setattr("meshvm_tui.app_logins.shutil.which", lambda name: f"/usr/bin/{name}")
        await made.press("enter")
        await made.says("MVM-723", "cannot be handed over", "gcloud auth application-default login")


async def test_a_login_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, scripted=ScriptedEngine()) as made:
        await expired_run(made)
        monkeypatch.setattr("meshvm_tui.app_logins.shutil.which", lambda name: None)
        await made.press("enter")
        await made.says("MVM-723", "gcloud is not on PATH")
        await made.press("escape")
        await made.press("r")
        await made.screen("ProblemDialog")
