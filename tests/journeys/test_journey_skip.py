"""A request that does not answer as the plan wants it is skipped; nobody is told that it is proven."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.events import Stage
from tests.journeys.form import next_stage, on_stage
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")


def test_a_request_is_skipped_and_finish_and_the_session_say_so(tmp_path: Path) -> None:
    with lab_world(tmp_path / "lab") as lab:

        def another_answer(plan: dict[str, Any]) -> None:
            plan["probes"] = {"requests": [{"from": "vm", "url": "http://hello-world.default", "expect": 418}]}

        plan = lab.edit_plan(another_answer)
        with Terminal([*PRODUCT, "onboard", "--plan", str(plan)], lab.environment, 80, 24) as terminal:
            on_stage(terminal, Stage.CLUSTER)
            for stage in list(Stage)[1:]:
                next_stage(terminal, stage)
            terminal.keys("C-a")
            terminal.wait_for("Enter applies them.", seconds=120)
            terminal.keys("Enter")
            terminal.wait_for("S skip it", seconds=180)
            terminal.keys("s")
            terminal.wait_for("0 of 1 answered, 1 skipped: not proven", seconds=120)
            terminal.keys("Enter")
            terminal.wait_for("not proven: skipped")
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
        with Terminal([*PRODUCT, "sessions"], lab.environment, 140, 45) as terminal:
            terminal.wait_for("was skipped: not proven")
