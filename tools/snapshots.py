"""Renews the text snapshots of all screens and dialogs: `python -m tools.snapshots [--pictures FOLDER] [-k NAME]`.

With a folder it also gets each as an SVG, dark and light, to be looked at.
Snapshots that no test takes any more are removed. Look at `git diff tests/snapshots` before you commit it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/app/test_snapshots.py"


def main() -> int:
    """Runs the snapshots' tests so that they write what they see."""
    parser = argparse.ArgumentParser(prog="python -m tools.snapshots", description=__doc__)
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each")
    parser.add_argument("-k", default="", help="only the tests with this in their name")
    chosen = parser.parse_args()
    environ = {**os.environ, "MESHVM_TUI_RENEW_SNAPSHOTS": "1"}
    if chosen.pictures:
        chosen.pictures.mkdir(parents=True, exist_ok=True)
        environ["MESHVM_TUI_PICTURES"] = str(chosen.pictures.resolve())
    if not chosen.k:
        for path in (ROOT / "tests" / "snapshots").glob("*.txt"):
            path.unlink()
    command = [sys.executable, "-m", "pytest", "-q", "-n0", TESTS, "-k", chosen.k]
    ended = subprocess.run(command, cwd=ROOT, env=environ, check=False)
    subprocess.run(["git", "diff", "--stat", "--", "tests/snapshots"], cwd=ROOT, check=False)
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
