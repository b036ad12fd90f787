"""What happens to the operator while the wizard is open: the terminal is closed, the laptop sleeps, a second terminal
opens the session, the context is gone. Each has an end that is told, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshvm_tui.events import Stage
from tests.journeys.form import field, fill, next_stage, on_stage, shows
from tests.journeys.terminal import POLL_SECONDS, Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = pytest.mark.slow

PRODUCT = (sys.executable, "-m", "meshvm_tui")
SIZE = (80, 24)
NAME = field("workload.name")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("interrupted") / "lab") as world:
        yield world


@pytest.fixture
def environment(lab: LabWorld, tmp_path: Path) -> dict[str, str]:
    """The lab's environment with sessions of the test's own."""
    return lab.environment | {"MESHVM_TUI_STATE_DIR": str(tmp_path / "state")}


def to_workload(terminal: Terminal) -> None:
    """From home to the form of the workload."""
    terminal.wait_for("New onboarding")
    terminal.keys("Enter")
    on_stage(terminal, Stage.CLUSTER)
    for stage in (Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD):
        next_stage(terminal, stage)


def sessions(environment: dict[str, str]) -> list[dict[str, Any]]:
    """The sessions as the command tells them."""
    command = [*PRODUCT, "sessions", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def wait_ended(pid: int) -> None:
    """Waits until there is no such process."""
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii"):
        assert time.monotonic() < end, "it goes on without its terminal"
        time.sleep(POLL_SECONDS)


def test_a_terminal_that_is_closed_ends_it_and_saves(environment: dict[str, str]) -> None:
    with Terminal(PRODUCT, environment, *SIZE) as terminal:
        to_workload(terminal)
        fill(terminal, Stage.WORKLOAD, {"workload.name": "billing"})
        pid = terminal.pid()
    wait_ended(pid)
    (session,) = sessions(environment)
    assert not session["held_by"]
    with Terminal([*PRODUCT, "resume"], environment, *SIZE) as terminal:
        on_stage(terminal, Stage.WORKLOAD)
        shows(terminal, NAME, "billing")


def test_a_second_terminal_is_told_who_has_the_session(environment: dict[str, str]) -> None:
    with Terminal(PRODUCT, environment, *SIZE) as terminal:
        to_workload(terminal)
        with Terminal([*PRODUCT, "resume"], environment, *SIZE) as second:
            second.wait_for(str(terminal.pid()))
        terminal.keys("C-q")
        assert terminal.exit_status() == 0


def test_a_process_that_was_stopped_goes_on_where_it_was(environment: dict[str, str]) -> None:
    with Terminal(PRODUCT, environment, *SIZE) as terminal:
        to_workload(terminal)
        for name in ("typed-asleep", "once-more", "and-again"):
            os.kill(terminal.pid(), signal.SIGSTOP)
            terminal.keys("C-u")
            terminal.type(name)
            os.kill(terminal.pid(), signal.SIGCONT)
            shows(terminal, NAME, name)
        terminal.keys("C-q")
        assert terminal.exit_status(seconds=60) == 0
        assert terminal.state("alternate_on") == "0"


def test_a_context_that_is_gone_is_named_and_seen_to_come_back(
    lab: LabWorld, environment: dict[str, str], tmp_path: Path
) -> None:
    config: dict[str, Any] = yaml.safe_load((lab.state / "kubeconfig").read_text(encoding="utf-8"))
    name = config["contexts"][0]["name"]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
    plan = lab.edit_plan(lambda value: value["cluster"].update(kubeconfig=str(kubeconfig), context=name))
    with Terminal([*PRODUCT, "onboard", "--plan", str(plan)], environment, *SIZE) as terminal:
        terminal.wait_for("Nothing to change up to here", seconds=60)
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    kubeconfig.write_text(yaml.safe_dump({**config, "contexts": [], "current-context": ""}), encoding="utf-8")
    with Terminal([*PRODUCT, "resume"], environment, *SIZE) as terminal:
        terminal.wait_for("MVM-102", name, seconds=60)
        kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
        terminal.wait_for("Nothing to change up to here", seconds=60)
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
