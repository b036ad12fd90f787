"""A session that was begun on plain lines goes on in the terminal app, and the other way round."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.events import Stage
from tests.app.harness import world
from tests.plain.world import PlainWorld


async def test_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = PlainWorld(tmp_path)
    plain.lead("skip to Workload", "from-plain", "", "", "apply", "yes", "quit")
    async with world(tmp_path, monkeypatch, session_name="hello-vm", scripted=plain.engine) as made:
        await made.until(lambda: made.wizard.stage is Stage.FILES, "the first stage that is not done")
        await made.press("escape", "escape")
        await made.until(lambda: made.wizard.stage is Stage.WORKLOAD, "two stages before")
        await made.says("from-plain")
        await made.press("end", "x")
        await made.until(lambda: plain.session.plan.workload.name == "from-plainx", "the edit is saved")
        await made.press("ctrl+q")
    said = plain.lead("skip to Workload", "quit")
    assert "Name [from-plainx]: " in said
