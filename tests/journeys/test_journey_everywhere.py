"""Every screen in every size, back and forth without losing a field, pasted text, and several machines at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshvm_tui.events import Stage
from tests.journeys.form import field, fill, next_stage, on_stage, shows, values_of
from tests.journeys.looks import coloured
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
SIZES = [(80, 24), (140, 45)]
OTHER_SIZES = [(100, 30), (60, 15), (80, 24), (200, 60), (140, 16), (140, 45)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("everywhere") / "lab") as world:
        yield world


@pytest.fixture
def environment(lab: LabWorld, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The lab's environment with sessions of the test's own, in the colours of its size."""
    size = request.node.callspec.params["size"] if hasattr(request.node, "callspec") else SIZES[0]
    return coloured(lab.environment | {"MESHVM_TUI_STATE_DIR": str(tmp_path / "state")}, tmp_path, size)


def open_plan(environment: dict[str, str], lab: LabWorld, size: tuple[int, int]) -> Terminal:
    return Terminal([*PRODUCT, "onboard", "--plan", str(lab.plan)], environment, *size)


def resized(terminal: Terminal, says: str) -> None:
    """Gives the screen every size; it says in each of them what it says."""
    for columns, rows in OTHER_SIZES:
        terminal.resize(columns, rows)
        terminal.wait_until(partial(contains, says), f"{says} at {columns}x{rows}", seconds=60)


def contains(words: str, shown: str) -> bool:
    """Whether the screen says it."""
    return words in shown


def test_every_screen_takes_every_size(lab: LabWorld, environment: dict[str, str]) -> None:
    with Terminal(PRODUCT, environment, 140, 45) as terminal:
        terminal.wait_for("New onboarding")
        resized(terminal, "New onboarding")
        terminal.keys("C-p")
        terminal.wait_for("Quit")
        resized(terminal, "Quit")
        terminal.keys("Escape")
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    with open_plan(environment, lab, (140, 45)) as terminal:
        on_stage(terminal, Stage.CLUSTER)
        for stage in list(Stage):
            if stage is not Stage.CLUSTER:
                terminal.keys("C-n")
            resized(terminal, stage.value)
        for key, says in (("F1", "esc close"), ("F2", "commands"), ("C-l", "")):
            terminal.keys(key)
            resized(terminal, says)
            terminal.keys("Escape")
        terminal.keys("C-a")
        terminal.wait_for("Enter applies them.", seconds=60)
        resized(terminal, "Enter applies them.")
        terminal.keys("Escape")
        on_stage(terminal, Stage.SERVICES)
        terminal.keys("F6")
        terminal.wait_for("vm-namespace")
        resized(terminal, "vm-namespace")
        terminal.keys("Escape")
        on_stage(terminal, Stage.SERVICES)
        terminal.keys("C-q")
        assert terminal.exit_status() == 0


@pytest.mark.parametrize("size", SIZES)
def test_back_and_forth_no_field_is_lost(lab: LabWorld, environment: dict[str, str], size: tuple[int, int]) -> None:
    values = values_of(yaml.safe_load(lab.plan.read_text(encoding="utf-8")))
    with Terminal(PRODUCT, environment, *size) as terminal:
        terminal.wait_for("New onboarding")
        terminal.keys("Enter")
        on_stage(terminal, Stage.CLUSTER)
        for stage in list(Stage)[1:]:
            next_stage(terminal, stage)
            if stage in values:
                fill(terminal, stage, values[stage])
        for stage in reversed(list(Stage)[:-1]):
            terminal.keys("Escape")
            on_stage(terminal, stage)
        for stage in list(Stage)[1:]:
            next_stage(terminal, stage)
            for path, value in values.get(stage, {}).items():
                shows(terminal, field(path), value)
        terminal.keys("C-q")
        assert terminal.exit_status() == 0


@pytest.mark.parametrize("size", SIZES)
def test_quit_and_resume_in_every_stage(lab: LabWorld, environment: dict[str, str], size: tuple[int, int]) -> None:
    with Terminal(PRODUCT, environment, *size) as terminal:
        terminal.wait_for("New onboarding")
        terminal.keys("Enter")
        on_stage(terminal, Stage.CLUSTER)
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    for before, stage in zip(Stage, list(Stage)[1:], strict=False):
        with Terminal([*PRODUCT, "resume"], environment, *size) as terminal:
            on_stage(terminal, before)
            if before is Stage.MACHINE:
                fill(terminal, before, {"machines.{machine}.host": "10.1.2.3"})
            next_stage(terminal, stage)
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
    with Terminal([*PRODUCT, "resume"], environment, *size) as terminal:
        on_stage(terminal, Stage.SERVICES)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_pasted_stands_in_its_field_on_one_line(
    lab: LabWorld, environment: dict[str, str], size: tuple[int, int]
) -> None:
    with open_plan(environment, lab, size) as terminal:
        on_stage(terminal, Stage.CLUSTER)
        for stage in (Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD):
            next_stage(terminal, stage)
        terminal.keys("C-u")
        terminal.paste("pasted-name\nsecond line [bold]")
        shows(terminal, field("workload.name"), "pasted-name")
        screen = terminal.screen()
        assert "second line" not in screen, screen
        terminal.keys("C-q")
        assert terminal.exit_status() == 0


@pytest.mark.parametrize("size", SIZES)
def test_several_machines_are_led_in_side_by_side(tmp_path: Path, size: tuple[int, int]) -> None:
    with lab_world(tmp_path / "lab", "--vms", "3") as lab:
        plan: dict[str, Any] = yaml.safe_load(lab.plan.read_text(encoding="utf-8"))
        names = [machine["name"] for machine in plan["machines"]]
        assert len(names) > 1
        with open_plan(coloured(lab.environment, tmp_path, size), lab, size) as terminal:
            on_stage(terminal, Stage.CLUSTER)
            for stage in list(Stage)[1:]:
                next_stage(terminal, stage)
            terminal.keys("C-a")
            terminal.wait_for("Enter applies them.", seconds=90)
            terminal.keys("Enter")
            terminal.wait_for(f"All {2 * len(names)} answered", seconds=240)
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
        entries = lab.api("GET", "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadentries")["items"]
        assert len(entries) == len(names)
