"""The app in terminals that show few colours, none, or ASCII alone: what is sent to them, and that it can be used."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.terminal import Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
FULL_COLOUR = re.compile(r"\x1b\[[0-9;]*[34]8[;:]")
"""Colours of 256 or of 24 bits."""
ANY_COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|[34]8[;:][0-9;:]+)(?:;[0-9]+)*m")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("look") / "lab") as world:
        yield world


def opened(lab: LabWorld, tmp_path: Path, prefix: tuple[str, ...]) -> Terminal:
    own = {"MESHVM_TUI_STATE_DIR": str(tmp_path / "state"), "MESHVM_TUI_CONFIG_DIR": str(tmp_path / "config")}
    command = ("env", *prefix, *PRODUCT, "onboard", "--plan", str(lab.plan), "--session", "look")
    # A shell that stays keeps the terminal's last lines.
    shell = ("sh", "-c", f"{shlex.join(command)}; echo left with $?; read _")
    return Terminal(shell, lab.environment | own, 80, 24)


def walk(terminal: Terminal) -> None:
    """Form, help, palette and log, then out."""
    terminal.wait_for("Kubeconfig", "Context", "saved", seconds=60)
    terminal.keys("F1")
    terminal.wait_for("in the plan", "cluster.context", seconds=60)
    terminal.keys("Escape")
    terminal.wait_gone("in the plan", seconds=60)
    terminal.keys("C-p")
    terminal.wait_for("Search for commands", seconds=60)
    terminal.type("gateway")
    terminal.wait_for("Go to stage: Gateway", seconds=60)
    terminal.keys("Enter")
    terminal.wait_for("Stage 3 of 8", seconds=60)


def leave(terminal: Terminal) -> None:
    terminal.keys("C-q")
    terminal.wait_for("session look is saved; go on with: meshvm-tui resume look", "left with 0", seconds=60)


def test_sixteen_colours(lab: LabWorld, tmp_path: Path) -> None:
    with opened(lab, tmp_path, ("-u", "COLORTERM", "TERM=screen")) as terminal:
        walk(terminal)
        coloured = terminal.coloured()
        assert ANY_COLOUR.search(coloured) and not FULL_COLOUR.search(coloured)
        leave(terminal)


def test_no_colour_at_all(lab: LabWorld, tmp_path: Path) -> None:
    with opened(lab, tmp_path, ("NO_COLOR=1",)) as terminal:
        walk(terminal)
        assert not ANY_COLOUR.search(terminal.coloured())
        leave(terminal)


def test_a_locale_without_utf8_gets_ascii(lab: LabWorld, tmp_path: Path) -> None:
    with opened(lab, tmp_path, ("LC_ALL=C",)) as terminal:
        walk(terminal)
        assert terminal.screen().isascii()
        leave(terminal)


def test_a_theme_is_remembered(lab: LabWorld, tmp_path: Path) -> None:
    with opened(lab, tmp_path, ()) as terminal:
        terminal.wait_for("Kubeconfig", "Context", seconds=60)
        terminal.keys("C-p")
        terminal.wait_for("Search for commands", seconds=60)
        terminal.type("theme: mono")
        terminal.wait_for("Theme: monochrome", seconds=60)
        terminal.keys("Enter")
        terminal.wait_gone("Search for commands", seconds=60)
        terminal.wait_until(lambda _: (tmp_path / "config" / "config.yaml").exists(), "the file is there", seconds=60)
        leave(terminal)
    with opened(lab, tmp_path, ()) as terminal:
        terminal.wait_for("Kubeconfig", "Context", seconds=60)
        assert not ANY_COLOUR.search(terminal.coloured())
        leave(terminal)
