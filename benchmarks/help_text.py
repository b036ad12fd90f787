"""`meshvm-tui --help` beside a bare click program."""

from __future__ import annotations

import sys

from benchmarks.timing import Ratio, run_time, side_by_side

BARE = "import click; click.command(help='Bare.')(lambda: None)(['--help'])"


def measure(rounds: int) -> Ratio:
    """The whole process, from start to end."""
    ours, theirs = side_by_side(
        lambda: run_time([sys.executable, "-m", "meshvm_tui", "--help"]),
        lambda: run_time([sys.executable, "-c", BARE]),
        rounds,
    )
    return Ratio("--help / a bare click program", ours, theirs, 3)
