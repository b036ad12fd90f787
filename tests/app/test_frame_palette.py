"""The palette holds what can be done now, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.app_palette import commands, save_picture
from meshvm_tui.plan import Plan
from tests.app.harness import World, world


def names(made: World) -> list[str]:
    return [command.title for command in commands(made.app, made.app.screen)]


async def test_on_home_it_offers_what_home_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, start="home") as made:
        found = names(made)
        assert {"New", "Monitor", "Help", "Quit", "Save a screenshot", "Theme: light", "Theme: ansi"} <= set(found)
        assert "Theme: dark" not in found and not [name for name in found if name.startswith("Go to stage")]
        assert not {"Copy selected text", "Maximize", "Keys", "Theme", "Screenshot"} & set(found)


async def test_a_stage_that_waits_for_an_earlier_one_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch, plan=Plan()) as made:
        found = names(made)
        assert "Go to stage: Mesh" in found
        assert "Go to stage: Services" not in found
        assert "Machine: remove" not in found and "Machine: add" in found


async def test_a_stage_is_opened_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await made.press("ctrl+p")
        await made.screen("CommandPalette")
        await made.press(*"stagegatew")
        await made.says("Go to stage: Gateway")
        await made.press("enter")
        await made.until(lambda: made.wizard.stage.value == "Gateway", "the stage")


async def test_a_theme_is_picked_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, start="home") as made:
        await made.press("ctrl+p")
        await made.screen("CommandPalette")
        await made.press(*"theme", "space", *"lig")
        await made.says("Theme: light")
        await made.press("enter")
        await made.until(lambda: made.app.theme == "light", "the theme")


async def test_a_screenshot_goes_into_the_state_folder_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHVM_TUI_STATE_DIR", str(tmp_path / "state"))
    async with world(tmp_path, monkeypatch, start="home") as made:
        made.app.action_picture()
        await made.until(lambda: list((tmp_path / "state" / "screenshots").glob("*.svg")), "the picture")
        await made.until(lambda: any("Saved" in note.message for note in made.app._notifications), "the note")


def test_a_second_picture_of_the_same_second_has_a_name_of_its_own(tmp_path: Path) -> None:
    first, second = (save_picture(tmp_path, "one.svg", "<text x='1'>") for _ in range(2))
    assert (first.name, second.name) == ("one.svg", "one-2.svg")
    assert 'xml:space="preserve"' in first.read_text()
