"""Every size shows what can be done; what is seen can be clicked."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.screens.clickable import Clickable
from tests.app.harness import NARROW, WIDE, World, world

TINY = (60, 15)


async def click_place(made: World, selector: str, name: str) -> None:
    line = made.app.screen.query_one(selector, Clickable)
    place = next(place for place in line._places if place.name == name)
    left = line.styles.padding.left
    await made.pilot.click(selector, offset=(left + place.start, line.styles.padding.top + place.line))


@pytest.mark.parametrize(("size", "selector"), [(NARROW, "#narrow-line"), (WIDE, "#rail")])
async def test_a_stage_is_opened_by_a_click(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], selector: str
) -> None:
    async with world(tmp_path, monkeypatch, size=size) as made:
        await click_place(made, selector, "Gateway")
        await made.until(lambda: made.wizard.stage.value == "Gateway", "the stage")


async def test_a_click_on_a_tab_of_the_panel_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=WIDE) as made:
        await click_place(made, "#panel-tabs", "commands")
        await made.until(lambda: made.wizard.query_one("LivePanel").tab == "commands", "the tab")  # type: ignore[attr-defined]


async def test_a_click_on_the_key_line_presses_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await made.says("^N Next")
        await made.pilot.click("KeyLine", offset=(2, 0))
        await made.until(lambda: made.wizard.stage.value == "Mesh", "the next stage")


@pytest.mark.parametrize("key", ["f2", "ctrl+e", "ctrl+l"])
async def test_esc_closes_panel_and_log_before_it_leaves_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await made.press("ctrl+n")
        await made.until(lambda: made.wizard.stage.value == "Mesh")
        await made.press(key)
        await made.until(lambda: made.wizard.has_class("-panel-open") or made.wizard.has_class("-log-open"))
        await made.press("escape")
        await made.until(lambda: not made.wizard.has_class("-panel-open") and not made.wizard.has_class("-log-open"))
        assert made.wizard.stage.value == "Mesh"


async def test_a_tiny_window_says_what_is_hidden_and_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=TINY) as made:
        await made.says("Hidden at 60x15: hints and the stage's sentence.", "F1 Help", "Context")
        for key in ("ctrl+n", "f2", "ctrl+l", "escape", "f1", "escape", "ctrl+a"):
            await made.press(key)
        await made.screen("ReviewScreen")
        await made.press("f1")
        await made.screen("HelpDialog")
        await made.says("esc close")


@pytest.mark.parametrize("size", [(80, 24), (99, 24), (100, 23), (139, 30), (140, 45), (200, 60), (80, 16), (60, 15)])
async def test_every_size_keeps_field_and_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, size=size) as made:
        await made.says("Context", "^N Next", "F1 Help")
        rail, panel = made.wizard.query_one("#rail"), made.wizard.query_one("#panel")
        assert (rail.display, panel.display) == (size[0] >= 100, size[0] >= 140)
        assert ("Hidden at" in made.text()) is (size[0] < 80 or size[1] < 16)


async def test_a_window_that_shrinks_and_grows_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=WIDE) as made:
        await made.pilot.resize_terminal(*TINY)
        await made.says("Hidden at 60x15")
        await made.pilot.resize_terminal(*WIDE)
        await made.until(lambda: "Hidden at" not in made.text(), "everything is there again")
