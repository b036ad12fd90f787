"""What sudo or a key asks for is typed unseen, stays in memory, and is shown and kept nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.events import Stage
from meshvm_tui.ports import SecretKind
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.screens.messages import SecretGiven
from tests.app.fakes import ScriptedEngine
from tests.app.harness import NARROW, world

PASSWORD = "rot13-Xyzzy"


def sudo_asks() -> ActionNeeded:
    return ActionNeeded(
        "MVM-413", "op@vm1:22: sudo: a password is required", evidence={"secret": "sudo", "subject": "op@vm1:22"}
    )


async def test_a_password_is_typed_unseen_and_the_review_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = ScriptedEngine(problems={"guest-reachable": sudo_asks()})
    async with world(tmp_path, monkeypatch, scripted=scripted, size=NARROW) as made:
        while made.wizard.stage is not Stage.MACHINE:
            await made.press("ctrl+n")
        await made.press("ctrl+a")
        await made.screen("ProblemDialog")
        await made.says("a password is required", "type it in")
        await made.press("enter")
        await made.screen("SecretDialog")
        await made.says("Password for sudo as op@vm1:22")
        await made.press(*PASSWORD)
        await made.says("•" * len(PASSWORD))
        assert PASSWORD not in made.text()
        scripted.problems.clear()
        first = made.app.screen_stack[-2]
        await made.press("enter")
        await made.until(lambda: made.app.screen not in (first, made.wizard) and len(made.app.screen_stack) == 3)
        await made.says("4 changes.")
        assert made.app.secrets.ask(SecretKind.SUDO, "op@vm1:22", lambda: False) == PASSWORD
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()]


async def test_leaving_the_question_gives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedEngine(problems={"guest-reachable": sudo_asks()})
    async with world(tmp_path, monkeypatch, scripted=scripted) as made:
        while made.wizard.stage is not Stage.MACHINE:
            await made.press("ctrl+n")
        await made.press("ctrl+a")
        await made.screen("ProblemDialog")
        await made.press("enter")
        await made.screen("SecretDialog")
        await made.press("escape")
        await made.screen("ReviewScreen")
        assert made.app.secrets.ask(SecretKind.SUDO, "op@vm1:22", lambda: False) is None


def test_a_message_never_shows_its_secret() -> None:
    assert PASSWORD not in repr(SecretGiven("sudo", "op@vm1:22", PASSWORD, Stage.MACHINE))
