"""The disk fills up while the wizard is open: it says so, nothing begins, and once there is room it goes on."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.events import Stage
from tests.journeys.form import field, next_stage, on_stage, shows
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
NAME = field("workload.name")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("full") / "lab") as world:
        yield world


def fill(folder: Path) -> None:
    """Takes every free byte."""
    with (folder / "fill").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_a_disk_that_fills_up_is_said_and_nothing_is_lost(lab: LabWorld, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    product = shlex.join([*PRODUCT, "onboard", "--plan", str(lab.plan)])
    command = f"mount -t tmpfs -o size=256k none {state} && exec {product}"
    environment = lab.environment | {"MESHVM_TUI_STATE_DIR": str(state)}
    with Terminal(["unshare", "-rm", "sh", "-c", command], environment, 80, 24) as terminal:
        on_stage(terminal, Stage.CLUSTER, seconds=60)
        for stage in (Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD):
            next_stage(terminal, stage)
        disk = Path(f"/proc/{terminal.pid()}/root{state}")
        fill(disk)
        terminal.keys("C-u")
        terminal.type("billing")
        shows(terminal, NAME, "billing")
        terminal.wait_for("not saved", seconds=60)
        terminal.keys("C-a")
        terminal.wait_for("Enter applies them.", seconds=60)
        terminal.keys("Enter")
        terminal.wait_until(
            lambda screen: "MVM-717" in screen and "Nospaceleftondevice" in "".join(screen.split()),
            "it is said, wherever it is wrapped",
            seconds=60,
        )
        assert "elapsed" not in terminal.screen(), "no run began"

        os.truncate(disk / "fill", 0)
        terminal.keys("Escape")
        terminal.wait_gone("MVM-717")
        terminal.wait_for("not saved, so nothing was begun")
        terminal.keys("Escape")
        on_stage(terminal, Stage.WORKLOAD, seconds=60)
        # By itself, with no key.
        terminal.wait_for("· saved", seconds=60)
        session = json.loads((disk / "sessions/hello-vm/session.json").read_text("utf-8"))
        assert session["plan"]["workload"]["name"] == "billing"
        terminal.keys("C-q")
        assert terminal.exit_status(seconds=60) == 0
