"""How long a run usually takes is known from the runs before it, and told while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshvm_tui.step_times import FILE_NAME, KEPT, StepTimes
from tests.app.harness import World, world


def test_it_is_the_median_of_the_last_runs(tmp_path: Path) -> None:
    times = StepTimes(tmp_path)
    for seconds in (100.0, *[4.0] * KEPT):
        times.keep([("gateway", seconds), ("files", 1.0)])
    again = StepTimes(tmp_path)
    assert again.usual(["gateway"]) == 4.0
    assert again.usual(["gateway", "files"]) == 5.0
    assert again.usual(["gateway", "package"]) is None, "one of them never ran here"
    assert again.usual([]) is None
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"gateway": "soon"}', '{"gateway": []}', '{"gateway": [null]}'])
def test_a_file_that_is_damaged_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    times = StepTimes(tmp_path)
    assert times.usual(["gateway"]) is None
    times.keep([("gateway", 2.0)])
    assert json.loads((tmp_path / FILE_NAME).read_text(encoding="utf-8"))["gateway"] == [2.0]


def test_where_it_cannot_be_written_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    times = StepTimes(tmp_path / "file")
    times.keep([("gateway", 2.0)])
    assert times.usual(["gateway"]) == 2.0


async def applied(made: World) -> None:
    made.burst(*["ctrl+n"] * 3, "ctrl+a")
    await made.screen("ReviewScreen")
    await made.says("Enter applies them.")
    await made.press("enter")
    await made.screen("RunScreen")
    await made.says("Done.")


async def test_the_first_run_says_nothing_of_it_and_the_next_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await applied(made)
        assert "usually" not in made.text()
        await made.until((tmp_path / "sessions" / FILE_NAME).exists, "the times are kept")
    async with world(tmp_path, monkeypatch) as made:
        await applied(made)
        await made.says("elapsed", "usually 0:01")
