"""Home with real keys: a first start, a new session and back, another name, a second one, deletion; the lab."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from meshvm_tui.session_store import SessionStore
from tests.journeys.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
LONG = 60.0


def nothing_yet(home: Path) -> dict[str, str]:
    """The environment of somebody who has no cluster, no login and no key."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(home / "none"),
        "CLOUDSDK_CONFIG": str(home / "gcloud"),
        "SSH_AUTH_SOCK": "",
        "MESHVM_TUI_STATE_DIR": str(home / "state"),
    }


def are_left(store: SessionStore, count: int) -> Callable[[str], bool]:
    """Whether that many sessions are left."""
    return lambda _: len(store.list()) == count


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 45)])
def test_first_start_new_rename_duplicate_delete(tmp_path: Path, columns: int, rows: int) -> None:
    store = SessionStore(tmp_path / "state" / "sessions")
    with Terminal(PRODUCT, nothing_yet(tmp_path), columns, rows) as terminal:
        terminal.wait_for(
            "! You choose a cluster", "no kubeconfig and no Google login", "No cluster at hand?", seconds=LONG
        )
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "id_ed25519").touch()
        terminal.wait_for("✓ The VM joins, over SSH", "~/.ssh/id_ed25519", seconds=LONG)

        terminal.keys("n")
        terminal.wait_for("Kubeconfig", "Context", seconds=LONG)
        terminal.keys("Escape")
        terminal.wait_for("○ hello-vm", "Cluster: not chosen yet", seconds=LONG)

        terminal.keys("End")
        terminal.wait_for("R Rename", "F1 Help", seconds=LONG)
        terminal.keys("r")
        terminal.wait_for("Rename hello-vm", seconds=LONG)
        terminal.keys("C-u")
        terminal.type("shop")
        terminal.keys("Enter")
        terminal.wait_for("hello-vm is called shop now.", "○ shop", seconds=LONG)

        terminal.keys("End")
        terminal.wait_for("D Duplicate", seconds=LONG)
        terminal.keys("d")
        terminal.wait_for("Duplicate shop", "shop-2", seconds=LONG)
        terminal.keys("Enter")
        terminal.wait_for("shop-2 has the plan of shop.", "○ shop-2", seconds=LONG)
        assert {summary.name for summary in store.list()} == {"shop", "shop-2"}

        for left in (1, 0):
            terminal.keys("End")
            terminal.wait_for("X Delete", seconds=LONG)
            terminal.keys("x")
            terminal.wait_for("What stays behind", "Nothing: it has changed nothing", seconds=LONG)
            terminal.keys("y")
            terminal.wait_gone("What stays behind", seconds=LONG)
            terminal.wait_until(are_left(store, left), f"{left} are left", seconds=LONG)
        terminal.wait_for("What will happen", "is deleted.", seconds=LONG)
        terminal.keys("C-q")
        assert terminal.exit_status(seconds=LONG) == 0
        assert terminal.state("alternate_on") == "0"


def test_the_lab_from_home_and_back(tmp_path: Path) -> None:
    with Terminal(PRODUCT, nothing_yet(tmp_path), 80, 24) as terminal:
        terminal.wait_for("No cluster at hand?", seconds=LONG)
        terminal.keys("l")
        terminal.wait_for("Kubeconfig", "Context", "lab", seconds=120)
        terminal.keys("C-q")
        terminal.wait_for("No cluster at hand?", "New onboarding", "⏎ Open", seconds=LONG)
        terminal.keys("Down")
        terminal.keys("F1")
        terminal.wait_for("Up and Down choose", seconds=LONG)
        terminal.keys("Escape")
        terminal.wait_gone("Up and Down choose", seconds=LONG)
        terminal.keys("C-q")
        assert terminal.exit_status(seconds=LONG) == 0
        assert (terminal.state("alternate_on"), terminal.state("mouse_any_flag")) == ("0", "0")


def test_ctrl_c_while_the_lab_starts_comes_back_home(tmp_path: Path) -> None:
    with Terminal(PRODUCT, nothing_yet(tmp_path), 80, 24) as terminal:
        terminal.wait_for("No cluster at hand?", seconds=LONG)
        terminal.keys("l")
        terminal.wait_until(lambda _: terminal.state("alternate_on") == "0", "the lab has the terminal", seconds=LONG)
        # It may come when the lab's wizard is there already, where it only copies.
        terminal.keys("C-c")
        shown = terminal.wait_until(
            lambda text: "Context" in text or "No cluster at hand?" in text, "an end", seconds=120
        )
        if "Context" in shown:
            terminal.keys("C-q")
        terminal.wait_for("No cluster at hand?", "L Lab", seconds=LONG)
        terminal.keys("C-q")
        assert terminal.exit_status(seconds=LONG) == 0


def test_being_asked_to_end_while_the_lab_runs_ends_both(tmp_path: Path) -> None:
    with Terminal(PRODUCT, nothing_yet(tmp_path), 80, 24) as terminal:
        terminal.wait_for("No cluster at hand?", seconds=LONG)
        terminal.keys("l")
        terminal.wait_for("Kubeconfig", "Context", "lab", seconds=120)
        os.kill(terminal.pid(), signal.SIGTERM)
        assert terminal.exit_status(seconds=LONG) == 128 + signal.SIGTERM
        assert (terminal.state("alternate_on"), terminal.state("mouse_any_flag")) == ("0", "0")
