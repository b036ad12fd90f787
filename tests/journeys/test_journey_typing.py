"""What is typed is never lost: quitting, signals, keys that come all at once, values that are not valid."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.events import Stage
from tests.journeys.form import field, fill, next_stage, on_stage, shows
from tests.journeys.looks import coloured
from tests.journeys.terminal import POLL_SECONDS, Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = pytest.mark.slow

PRODUCT = (sys.executable, "-m", "meshvm_tui")
SIZE = (80, 24)
NAME, PORTS = field("workload.name"), field("workload.ports")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("typing") / "lab") as world:
        yield world


@pytest.fixture
def environment(lab: LabWorld, tmp_path: Path) -> dict[str, str]:
    """The lab's environment with sessions of the test's own."""
    return lab.environment | {"MESHVM_TUI_STATE_DIR": str(tmp_path / "state")}


def saved(environment: dict[str, str]) -> dict[str, Any]:
    """The plan of the only session on disk."""
    (file,) = (Path(environment["MESHVM_TUI_STATE_DIR"]) / "sessions").glob("*/session.json")
    plan: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["plan"]
    return plan


def to_workload(terminal: Terminal) -> None:
    """From home to the form of the workload, with real keys."""
    terminal.wait_for("New onboarding")
    terminal.keys("Enter")
    on_stage(terminal, Stage.CLUSTER)
    for stage in (Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD):
        next_stage(terminal, stage)


def test_quit_saves_and_resume_opens_with_what_was_typed(environment: dict[str, str]) -> None:
    with Terminal(PRODUCT, environment, *SIZE) as terminal:
        to_workload(terminal)
        fill(terminal, Stage.WORKLOAD, {"workload.name": "billing", "workload.ports": "http=8080, admin=9090"})
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    assert saved(environment)["workload"]["ports"] == {"http": 8080, "admin": 9090}
    with Terminal([*PRODUCT, "resume"], environment, *SIZE) as terminal:
        on_stage(terminal, Stage.WORKLOAD)
        shows(terminal, NAME, "billing")
        shows(terminal, PORTS, "http=8080, admin")
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    with Terminal(PRODUCT, environment, *SIZE) as terminal:
        terminal.wait_for("New onboarding", "billing")


def test_a_key_right_before_quitting_is_saved(environment: dict[str, str]) -> None:
    with Terminal(PRODUCT, environment, *SIZE) as terminal:
        to_workload(terminal)
        terminal.type("ledger\x11")
        assert terminal.exit_status() == 0
    assert saved(environment)["workload"]["name"] == "ledger"


@pytest.mark.parametrize("size", [SIZE, (140, 45)])
def test_keys_of_one_write_land_in_two_fields(
    environment: dict[str, str], tmp_path: Path, size: tuple[int, int]
) -> None:
    with Terminal(PRODUCT, coloured(environment, tmp_path, size), *size) as terminal:
        to_workload(terminal)
        terminal.type("x\ty")
        for label, letter in (("Name", "x"), ("Namespace", "y")):
            line = re.compile(rf"(?:^|│) +{label} +{letter}( |│|$)", re.MULTILINE)
            terminal.wait_until(line.search, f"{label} {letter}")
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    assert (saved(environment)["workload"]["name"], saved(environment)["workload"]["namespace"]) == ("x", "y")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_saves_and_leaves_a_clean_terminal(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals, status: int
) -> None:
    file = tmp_path / "pid"
    program = f"echo $$ >{shlex.quote(str(file))}; exec {shlex.join(PRODUCT)}"
    after = f"sh -c {shlex.quote(program)}; echo ended with $?; stty -a; exec cat"
    with Terminal(["sh", "-c", after], environment, *SIZE) as terminal:
        to_workload(terminal)
        fill(terminal, Stage.WORKLOAD, {"workload.name": "billing"})
        assert terminal.state("alternate_on") == "1"
        os.kill(int(file.read_text(encoding="ascii")), number)
        screen = terminal.wait_for(f"ended with {status}", " echo ", " icanon ")
        assert "Traceback" not in screen
        flags = ("alternate_on", "mouse_any_flag", "cursor_flag")
        assert [terminal.state(flag) for flag in flags] == ["0", "0", "1"]
        terminal.type("the shell takes keys")
        terminal.keys("Enter")
        terminal.wait_until(lambda shown: shown.count("the shell takes keys") == 2, "keys are echoed")
    assert saved(environment)["workload"]["name"] == "billing"
    with Terminal([*PRODUCT, "resume"], environment, *SIZE) as terminal:
        on_stage(terminal, Stage.WORKLOAD)
        shows(terminal, NAME, "billing")


def test_a_bad_value_is_explained_and_nothing_is_lost(lab: LabWorld, environment: dict[str, str]) -> None:
    with Terminal(PRODUCT, environment, *SIZE) as terminal:
        to_workload(terminal)
        fill(terminal, Stage.WORKLOAD, {"workload.name": "billing", "workload.ports": "http=99999"})
        terminal.wait_for("Ports: ", "65535", "Next waits for  a valid Ports")
        for refused in ("C-n", "C-a"):
            terminal.keys(refused, "Home", "End")
            shows(terminal, PORTS, "http=99999")
            terminal.wait_for("Next waits for  a valid Ports")
            on_stage(terminal, Stage.WORKLOAD)
        shows(terminal, NAME, "billing")
        # The plan keeps the last value that was valid on the way there.
        wait_saved(environment, "billing", {"http": 9999})
        terminal.keys("C-u")
        terminal.type("http=8080")
        terminal.wait_gone("Next waits for")
        next_stage(terminal, Stage.MACHINE)
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    assert saved(environment)["workload"]["ports"] == {"http": 8080}
    writes = [request for request in lab.requests() if request["method"] in ("PUT", "PATCH", "DELETE")]
    assert not [request for request in writes if "meshvm-tui" in request["userAgent"]]


def wait_saved(environment: dict[str, str], name: str, ports: dict[str, int]) -> None:
    """Waits until the session on disk has this name and these ports."""
    end = time.monotonic() + 10
    while (found := saved(environment)["workload"])["name"] != name or found["ports"] != ports:
        assert time.monotonic() < end, found
        time.sleep(POLL_SECONDS)
