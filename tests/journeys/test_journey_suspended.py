"""The app is stopped from a shell (SIGTSTP) and taken up again with `fg`: the shell has a clean terminal meanwhile, and
the app goes on with what was typed. Ctrl+Z itself belongs to no action."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.events import Stage
from tests.journeys.form import field, next_stage, on_stage, shows
from tests.journeys.terminal import POLL_SECONDS, Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = pytest.mark.slow

SHELL = ("env", "PS1=ready> ", "bash", "--noprofile", "--norc", "-i")
SIZE = (80, 24)
NAME = field("workload.name")
MODES = ("alternate_on", "mouse_any_flag", "mouse_sgr_flag")
"""What the app switches on in a terminal, as far as tmux tells it."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("suspended") / "lab") as world:
        yield world


def program_of(shell: int) -> int:
    """The one process that the shell has started."""
    end = time.monotonic() + 60
    while not (children := Path(f"/proc/{shell}/task/{shell}/children").read_text(encoding="ascii").split()):
        assert time.monotonic() < end, "the shell has started nothing"
        time.sleep(POLL_SECONDS)
    return int(children[0])


def wait_modes(terminal: Terminal, *, on: bool, seconds: float = 60) -> None:
    """Waits until the terminal is the app's, or the shell's: then its cursor is seen again."""
    wanted = ["1" if on else "0"] * len(MODES)
    end = time.monotonic() + seconds
    while (found := [terminal.state(mode) for mode in MODES]) != wanted or (
        not on and terminal.state("cursor_flag") != "1"
    ):
        assert time.monotonic() < end, f"{MODES} are {found}, the screen shows:\n{terminal.screen()}"
        time.sleep(POLL_SECONDS)


def test_it_is_stopped_from_a_shell_and_taken_up_again(lab: LabWorld, tmp_path: Path) -> None:
    environment = lab.environment | {"MESHVM_TUI_STATE_DIR": str(tmp_path / "state")}
    with Terminal(SHELL, environment, *SIZE) as terminal:
        terminal.wait_for("ready>", seconds=60)
        terminal.type(shlex.join([sys.executable, "-m", "meshvm_tui"]))
        terminal.keys("Enter")
        terminal.wait_for("New onboarding", seconds=60)
        terminal.keys("Enter")
        on_stage(terminal, Stage.CLUSTER)
        for stage in (Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD):
            next_stage(terminal, stage)
        program = program_of(terminal.pid())
        for round_, name in enumerate(("before", "between", "after")):
            terminal.keys("C-u", "C-z")
            terminal.type(name)
            shows(terminal, NAME, name)
            wait_modes(terminal, on=True)
            os.kill(program, signal.SIGTSTP)
            terminal.wait_for("Stopped", seconds=60)
            wait_modes(terminal, on=False)
            terminal.type(f"echo $((40 + {round_})) is the shell")
            terminal.keys("Enter")
            terminal.wait_for(f"{40 + round_} is the shell", seconds=60)
            terminal.type("fg")
            terminal.keys("Enter")
            wait_modes(terminal, on=True)
            shows(terminal, NAME, name)
        terminal.keys("C-q")
        wait_modes(terminal, on=False)
        terminal.type("echo ended with $?")
        terminal.keys("Enter")
        terminal.wait_for("ended with 0", seconds=60)
