"""Text of servers and operators is shown as it came: it is never markup, and no length or script breaks a screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from meshvm_tui import events as ev
from meshvm_tui.events import Change
from meshvm_tui.problems import PermanentError
from tests.app.fakes import ScriptedEngine
from tests.app.harness import NARROW, WIDE, World, world

TEXTS = {
    "markup": "[bold red]not[/] markup [link=x]at all[/link] [",
    "long": "x" * 253,
    "cjk": "漢字の名前" * 30,
    "rtl": "اسم الخادم שם השרת " * 8,
    "controls": "a\x1b[31mred\x07\r\nb\tc\x9b2J",
    "combining": "e\u0301\u0327" * 90,
}
MARKED = ("[bold red]", "xxxx", "漢字", "اسم", "a [31mred", "e")


class ForeignEngine(ScriptedEngine):
    """A world whose every word is somebody else's."""

    said = ""

    def _finished(self, request: Any, step: str, machine: str, problem: Any) -> ev.StepFinished:
        end = super()._finished(request, step, machine, problem)
        there = end.observation and replace(
            end.observation, message=self.said, details=((self.said, self.said),), warnings=(self.said,)
        )
        changes = tuple(
            Change(c.action, self.said, f"+ {self.said}\n", (self.said,), c.fingerprint) for c in end.changes
        )
        return replace(end, message=self.said, observation=there, changes=changes)


def check(made: World, size: tuple[int, int]) -> None:
    """Every line is as wide as the screen, and no escape of a foreign text is on it."""
    lines = made.text().split("\n")
    assert len(lines) == size[1]
    assert {cell_len(line) for line in lines} == {size[0]}, made.text()
    assert "\x1b" not in made.text()
    assert "\x9b" not in made.text()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80", "140"])
@pytest.mark.parametrize(("name", "mark"), list(zip(TEXTS, MARKED, strict=True)))
async def test_foreign_words_are_shown_as_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, mark: str, size: tuple[int, int]
) -> None:
    scripted = ForeignEngine()
    scripted.said = TEXTS[name]
    async with world(tmp_path, monkeypatch, scripted=scripted, size=size) as made:
        made.burst(*["ctrl+n"] * 3)
        await made.says("changes up to here", mark)
        check(made, size)
        await made.press("ctrl+a")
        await made.screen("ReviewScreen")
        await made.says("Enter applies them.", mark)
        check(made, size)
        scripted.problems["workload-group"] = PermanentError(
            "MVM-109", TEXTS[name], title=TEXTS[name], next_action=TEXTS[name], evidence={"said": TEXTS[name]}
        )
        await made.press("enter")
        await made.screen("ProblemDialog")
        await made.press("ctrl+e")
        await made.says("MVM-109", mark)
        check(made, size)
        await made.press("escape")
        await made.screen("RunScreen")
        check(made, size)


@pytest.mark.parametrize("name", sorted(TEXTS))
async def test_foreign_words_in_a_field_stay_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = "".join(char for char in TEXTS[name] if char.isprintable())
    async with world(tmp_path, monkeypatch) as made:
        await made.press(*text)
        await made.until(lambda: made.wizard.plan.cluster.context == text.strip(), "typed")
        check(made, NARROW)
        await made.press("f2")
        check(made, NARROW)
