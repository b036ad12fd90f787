"""Resident memory at Home's first frame, beside a minimal Textual app, and what Google's client library adds."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.first_frame import MINIMAL, bare_environment
from benchmarks.timing import shown_on_a_terminal

WITH_GOOGLE = """
from meshvm_tui.adapters.google_compute_clients import library
library()
from meshvm_tui.__main__ import main
main()
"""


@dataclass(frozen=True)
class Memory:
    """Three medians in MB."""

    home: float
    minimal: float
    with_google: float

    def __str__(self) -> str:
        return (
            f"{'memory at the first frame / minimal Textual app':<58} {self.home:5.0f} MB / {self.minimal:5.0f} MB = "
            f"{self.home / self.minimal:5.2f} x   with google-cloud-compute loaded {self.with_google:.0f} MB"
        )


def measure(rounds: int) -> Memory:
    """The app at rest, in which nothing of Google is loaded; the same after it was; an app with one line."""
    with tempfile.TemporaryDirectory() as home:
        environment = bare_environment(home)
        commands: Sequence[tuple[list[str], bytes]] = (
            ([sys.executable, "-m", "meshvm_tui"], b"New onboarding"),
            ([sys.executable, "-c", MINIMAL], b"first frame"),
            ([sys.executable, "-c", WITH_GOOGLE], b"New onboarding"),
        )
        found = [
            statistics.median(_resident(command, text, environment) for _ in range(min(rounds, 3)))
            for command, text in commands
        ]
    return Memory(*found)


def _resident(command: Sequence[str], text: bytes, environment: Mapping[str, str]) -> float:
    """VmRSS in MB when the text appears on the terminal (Linux)."""
    with shown_on_a_terminal(command, text, environment) as pid:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
