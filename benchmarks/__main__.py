"""Runs every measurement, or those named: `python -m benchmarks [--rounds N] [NAME ...]`."""

from __future__ import annotations

import argparse
import importlib

NAMES = ("first_frame", "stall", "memory", "help_text", "lab_start", "bootstrap_files", "looks", "vm_part")


def main() -> None:
    """Prints one line a measurement: both medians, their ratio, the budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds (default 7)")
    chosen = parser.parse_args()
    for name in chosen.names or NAMES:
        print(importlib.import_module(f"benchmarks.{name}").measure(chosen.rounds), flush=True)


if __name__ == "__main__":
    main()
