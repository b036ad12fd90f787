"""A health check that never passes is waited for: the run is cancelled in the middle of it, made again, and goes on
without it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.events import Stage
from tests.journeys.form import next_stage, on_stage
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
CHECK = "Entry healthy"


def unheard(plan: dict[str, Any]) -> None:
    """A probe of a port at which nobody listens."""
    plan["workload"]["probe"] = {"httpGet": {"port": 9999}, "periodSeconds": 1}


def run(terminal: Terminal) -> None:
    """Reviews and applies, until the health check is waited for."""
    terminal.keys("C-a")
    terminal.wait_for("Enter applies them.", seconds=120)
    terminal.keys("Enter")
    terminal.wait_for(f"↻ {CHECK}", "S Skip", seconds=180)


@pytest.mark.parametrize(("size", "theme"), [((80, 24), "dark"), ((140, 45), "ansi")])
def test_what_is_waited_for_is_cancelled_and_then_skipped(tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    preferred = tmp_path / "lab/config"
    preferred.mkdir(parents=True)
    (preferred / "config.yaml").write_text(f"theme: {theme}\n", encoding="utf-8")
    with lab_world(tmp_path / "lab") as lab:
        command = [*PRODUCT, "onboard", "--plan", str(lab.edit_plan(unheard))]
        with Terminal(command, lab.environment, *size) as terminal:
            on_stage(terminal, Stage.CLUSTER)
            for stage in list(Stage)[1:]:
                next_stage(terminal, stage)
            run(terminal)
            terminal.keys("Escape")
            terminal.wait_for("Cancel this run?")
            terminal.keys("Escape")
            terminal.wait_gone("Cancel this run?")
            terminal.keys("Escape")
            terminal.wait_for("Cancel this run?")
            terminal.keys("Enter")
            terminal.wait_for("Cancelled. What was done stays", seconds=60)
            terminal.keys("Escape")
            on_stage(terminal, Stage.SERVICES)
            run(terminal)
            terminal.keys("s")
            # To the mesh the VM is not healthy, so nobody reaches it: that proof fails by itself, and is skipped, too.
            terminal.wait_for("MVM-614", "S skip it", seconds=180)
            terminal.keys("s")
            terminal.wait_for("1 of 2 answered, 2 skipped: not proven", seconds=120)
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
