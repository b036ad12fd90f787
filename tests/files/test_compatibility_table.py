"""The table of differences from istioctl and the tests that show them name each other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "real_istioctl" / "test_real_differences.py"


def test_every_difference_has_a_test_and_every_test_a_row() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    table = page.split("### Differences on purpose", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\|.*\| `(\w+)` \|$", table, re.MULTILINE)
    tests = re.findall(r"^def test_(\w+)", TESTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(set(tests) - {"the_files_that_are_there_are_those_of_istioctl"})
