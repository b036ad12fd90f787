"""The lab from its start until everything in it listens, beside importing its two largest libraries."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.timing import Ratio, run_time, side_by_side


def lab_up() -> float:
    """Seconds until a fresh lab is ready."""
    with tempfile.TemporaryDirectory() as place:
        state = Path(place) / "lab"
        start = time.perf_counter()
        lab = subprocess.Popen(
            [sys.executable, "-m", "meshvm_tui.lab", "serve", "--state", str(state)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not (state / "ready").exists():
                if lab.poll() is not None or time.perf_counter() - start > 60:
                    sys.exit("the lab did not start")
                time.sleep(0.005)
            return time.perf_counter() - start
        finally:
            lab.terminate()
            lab.wait()


def measure(rounds: int) -> Ratio:
    """A fresh world each time, with its keys and certificates."""
    ours, theirs = side_by_side(lab_up, lambda: run_time([sys.executable, "-c", "import aiohttp, paramiko"]), rounds)
    return Ratio("lab up / import aiohttp, paramiko", ours, theirs, 4)
