"""The monitor beside an onboarding: an entry comes, changes and goes, and nothing but reading leaves the monitor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.journeys.cluster import ENTRIES, LabCluster
from tests.journeys.guest import logged_in
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
SELF_REVIEWS = ("selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews")
EMPTY = "0 WorkloadEntries"
KEYS = (
    *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,-+*?!",
    *(f"C-{letter}" for letter in "abcdefghijklmnoprstuvwxyz"),
    *(f"F{number}" for number in range(1, 13)),
    *("Enter", "Space", "Tab", "BTab", "BSpace", "DC", "IC", "Up", "Down", "Left", "Right"),
    *("PPage", "NPage", "Home", "End", "M-a", "M-d", "M-x", "S-F6", "C-Up", "C-Down"),
)
"""Every key but `/`, and but those that leave: Escape and Ctrl+Q."""
DIALOGS = {"C-p", "F1"}
CLOSING = {"Enter", "C-m"}
PALETTE = {
    "Back": "",
    "Filter": "filter",
    "Groups": "",
    "Help": "This screen only reads.",
    "Theme: light": "",
    "Theme: ansi": "",
    "Theme: monochrome": "",
    "Save a screenshot": "Saved",
    "Quit": "",
}
"""What the palette offers, and what stands on the screen after it."""
LEAVES = {"Back", "Quit"}
UNDO = {"Groups": "Groups", **dict.fromkeys(("Theme: light", "Theme: ansi", "Theme: monochrome"), "Theme: dark")}
"""The entry that takes it back."""
OPENS = {"Filter", "Help"}
"""What Escape takes back."""
SEARCH = "Search for commands"
NAME_WIDTH = 40


@contextmanager
def onboarding(lab: LabWorld) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that applies the lab's plan, with a health probe."""

    def probed(plan: dict[str, Any]) -> None:
        plan["workload"]["probe"] = {"httpGet": {"port": 8080}, "periodSeconds": 1}

    plan = lab.edit_plan(probed)
    with (lab.state / "apply.log").open("wb") as log:
        command = [*PRODUCT, "apply", "-f", str(plan), "--yes"]
        process = subprocess.Popen(command, env=lab.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def monitor(lab: LabWorld, kubeconfig: Path, *arguments: str, columns: int = 140) -> Terminal:
    """The monitor with a user of its own, who may do everything."""
    home = lab.state.parent / "home"
    home.mkdir(parents=True, exist_ok=True)
    own = {"KUBECONFIG": str(kubeconfig), "MESHVM_TUI_STATE_DIR": str(lab.state / "none"), "HOME": str(home)}
    return Terminal([*PRODUCT, "monitor", *arguments], lab.environment | own, columns, 30)


def asked_by(lab: LabWorld, user: str) -> list[tuple[str, str]]:
    """Method and path of everything that a user has asked for."""
    return [(request["method"], request["path"]) for request in lab.requests() if request["user"] == user]


def writes(asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of it is neither GET nor a question about oneself."""
    return [(method, path) for method, path in asked if method != "GET" and not path.endswith(SELF_REVIEWS)]


def test_an_entry_comes_changes_and_goes_and_no_key_writes(tmp_path: Path) -> None:
    with lab_world(tmp_path / "lab", "--grace", "6") as lab:
        cluster = LabCluster(lab.state / "kubeconfig")
        all_config, one_config = lab.state / "kubeconfig-all", lab.state / "kubeconfig-one"
        everywhere = cluster.kubeconfig_of_an_administrator("monitor-all", all_config)
        one = cluster.kubeconfig_of_an_administrator("monitor-one", one_config)
        machine = yaml.safe_load(lab.plan.read_text(encoding="utf-8"))["machines"][0]
        name = f"hello-vm-{machine['address']}"
        with monitor(lab, all_config, "-A") as all_seen, monitor(lab, one_config, "-n", "vm-namespace") as seen:
            # The cluster is still empty: there is not even such a kind.
            all_seen.wait_for("all namespaces", "meshvm-lab")
            seen.wait_for("vm-namespace", "meshvm-lab")
            with onboarding(lab) as applying:
                all_seen.wait_for(f"vm-namespace/{name}", "1 WorkloadEntry", "✓ live", seconds=120)
                seen.wait_for(name, "1 WorkloadEntry", "✓ live")
                assert applying.wait(120) == 0, (lab.state / "apply.log").read_text(encoding="utf-8")
            for terminal in (all_seen, seen):
                terminal.wait_until(lambda screen: " yes" in row(screen, name), "the entry is healthy")

            with logged_in(lab.state, machine) as guest:
                guest.run("sudo systemctl stop meshvm-http")
                for terminal in (all_seen, seen):
                    terminal.wait_until(lambda screen: " no" in row(screen, name), "the entry is not healthy")
                press_everything(all_seen)
                press_everything(seen)
                assert [entry["metadata"]["name"] for entry in cluster.items(ENTRIES)] == [name]
                guest.run("sudo systemctl stop istio")
            for terminal in (all_seen, seen):
                terminal.wait_until(lambda screen: "left " in row(screen, name), "the entry is being left")
            for terminal in (all_seen, seen):
                terminal.wait_for(EMPTY)
            assert cluster.items(ENTRIES) == []
            all_seen.keys("Escape")
            assert all_seen.exit_status() == 0
            run_from_palette(seen, "Quit")
            assert seen.exit_status() == 0

        for user in (everywhere, one):
            asked = asked_by(lab, user)
            assert any(path.endswith("/workloadentries") for _, path in asked)
            assert writes(asked) == []
        assert not (lab.state / "none" / "sessions").exists(), "the monitor needs no session"


def row(screen: str, name: str) -> str:
    """The table's line of an entry; "" while there is none."""
    return next((line for line in screen.splitlines() if name in line), "")


def press_everything(terminal: Terminal) -> None:
    """Every key on the table, in the filter and in the help; every entry of the palette but the one that ends it."""
    terminal.keys(*(key for key in KEYS if key not in DIALOGS), "g")
    terminal.keys("/", *(key for key in KEYS if key not in DIALOGS))
    terminal.wait_for(" shown")
    terminal.keys("Escape")
    terminal.wait_gone(" shown")
    terminal.keys("F1")
    terminal.wait_for("This screen only reads.")
    terminal.keys(*(key for key in KEYS if key not in DIALOGS | CLOSING), "Escape")
    terminal.wait_gone("This screen only reads.")
    terminal.wait_gone("ctrl+q to quit")
    assert palette(terminal) == list(PALETTE)
    for entry, shown in PALETTE.items():
        if entry not in LEAVES:
            run_from_palette(terminal, entry)
            terminal.wait_for(shown)
            take_back(terminal, entry)


def palette(terminal: Terminal) -> list[str]:
    """The names that the palette offers before anything is typed: each has its explanation below."""
    line, column = open_palette(terminal)
    shown = terminal.wait_for(SEARCH, "Quit")
    terminal.keys("Escape")
    terminal.wait_gone(SEARCH)
    return offered(shown, line, column)


def open_palette(terminal: Terminal) -> tuple[int, int]:
    """Opens it and gives line and column of its field."""
    terminal.keys("C-p")
    lines = terminal.wait_for(SEARCH).splitlines()
    line = next(at for at, text in enumerate(lines) if SEARCH in text)
    return line, lines[line].index(SEARCH)


def offered(screen: str, line: int, column: int) -> list[str]:
    """The names in the list below the field."""
    cells = [text[column : column + NAME_WIDTH].strip() for text in screen.splitlines()[line + 2 :]]
    return list(takewhile(bool, cells))[::2]


def run_from_palette(terminal: Terminal, entry: str) -> None:
    """Runs an entry of the palette by its name."""
    line, column = open_palette(terminal)
    terminal.type(entry)
    terminal.wait_until(lambda screen: offered(screen, line, column)[:1] == [entry], f"{entry} is found")
    terminal.keys("Enter")
    if entry not in LEAVES:
        terminal.wait_until(
            lambda screen: not screen.splitlines()[line][column:].startswith(entry), f"the palette gives way to {entry}"
        )


def take_back(terminal: Terminal, entry: str) -> None:
    """Closes what an entry has opened, if it opened anything."""
    if entry in UNDO:
        run_from_palette(terminal, UNDO[entry])
    elif entry in OPENS:
        terminal.keys("Escape")
        terminal.wait_gone(PALETTE[entry])
    terminal.wait_for("✓ live")
