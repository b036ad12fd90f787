"""Quitting loses nothing and says what goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.events import Stage, StepState
from meshvm_tui.screens.board import Board, StepLine
from meshvm_tui.screens.quitting import quit_words
from tests.app.harness import world


def line(title: str, state: StepState) -> StepLine:
    return StepLine(title, "", Stage.MESH, title, state)


def test_in_a_run_it_says_what_is_cancelled_and_what_stays() -> None:
    lines = [line("Gateway", StepState.SUCCEEDED), line("Files", StepState.RUNNING), line("Proxy", StepState.PENDING)]
    words = quit_words(Board({item.key: item for item in lines}))
    assert words.splitlines()[:3] == ["Cancelled: Files.", "Not begun: 1 step.", "Done and stays done: 1 step."]


async def test_without_a_run_it_leaves_at_once_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        name = made.wizard.session
        await made.app.action_quit()
        await made.until(lambda: made.app._exit, "it leaves")
        assert [str(words) for words in made.app._exit_renderables] == [
            f"session {name} is saved; go on with: meshvm-tui resume {name}"
        ]
        assert made.app.return_code == 0


async def test_from_home_it_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, start="home") as made:
        await made.app.action_quit()
        await made.until(lambda: made.app._exit, "it leaves")
        assert not made.app._exit_renderables
