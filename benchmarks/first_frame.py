"""Process start to first frame, beside a minimal Textual app."""

from __future__ import annotations

import os
import sys
import tempfile

from benchmarks.timing import Ratio, side_by_side, time_to_text

MINIMAL = """
from textual.app import App
from textual.widgets import Footer, Static
class Minimal(App):
    def compose(self):
        yield Static("first frame")
        yield Footer()
Minimal().run()
"""


def measure(rounds: int) -> Ratio:
    """Home's first frame against that of an app with one line and a footer."""
    with tempfile.TemporaryDirectory() as home:
        environment = bare_environment(home)
        ours, theirs = side_by_side(
            lambda: time_to_text([sys.executable, "-m", "meshvm_tui"], b"New onboarding", environment),
            lambda: time_to_text([sys.executable, "-c", MINIMAL], b"first frame", environment),
            rounds,
        )
    return Ratio("start to first frame / minimal Textual app", ours, theirs, 1.25)


def bare_environment(home: str) -> dict[str, str]:
    """A terminal of 24 bits of colour, and nothing of the operator's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "MESHVM_TUI_STATE_DIR": f"{home}/state",
        "MESHVM_TUI_CONFIG_DIR": f"{home}/config",
        "KUBECONFIG": f"{home}/none",
    }
