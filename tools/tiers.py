"""Runs tiers of tests one after another and says what ran, with counts: `python -m tools.tiers [TIER ...]`.

Exit 0 only if every tier passed. What a tier left out is counted, with REQUIRE_REAL=1 it is a failure.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Tier:
    """A set of tests: what it proves, how pytest is asked for it, the command that runs it, its marker, its needs."""

    proves: str
    arguments: tuple[str, ...]
    command: str
    marker: str = ""
    needs: str = ""


TIERS = {
    "test": Tier("every part by itself, and against the lab", ("--numprocesses", "2"), "make test"),
    "slow": Tier(
        "journeys in a terminal, whole runs, the failure table",
        ("-m", "slow", "--timeout", "600", "--numprocesses", "2", "--dist", "loadgroup"),
        "make test-slow",
        "slow",
    ),
    "real-vm": Tier(
        "machines booted by systemd",
        ("-m", "real_vm", "--timeout", "600", "--numprocesses", "2", "--dist", "loadscope"),
        "make real-vm",
        "real_vm",
        "root, systemd-nspawn and debootstrap",
    ),
    "real-api": Tier(
        "a real kube-apiserver and a real istioctl",
        ("-m", "real_tools or kubebuilder", "--timeout", "900"),
        "make real-api",
        "real_tools",
        "Go once, for make real-tools",
    ),
}


@dataclass(frozen=True)
class Result:
    """How a tier ended, in numbers of tests and seconds."""

    tier: str
    passed: int
    failed: int
    left_out: int
    seconds: float
    status: int

    def line(self) -> str:
        """One line of the closing table."""
        counts = f"{self.passed:>6} passed {self.failed:>4} failed {self.left_out:>4} left out {self.seconds:>6.0f} s"
        return f"{self.tier:<10}{counts}   {TIERS[self.tier].proves}"


def main() -> int:
    """Runs the tiers that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.tiers", description=__doc__)
    parser.add_argument("tiers", nargs="*", metavar="TIER", help=f"of {', '.join(TIERS)}; all where none is named")
    named = parser.parse_args().tiers
    if unknown := sorted(set(named) - set(TIERS)):
        parser.error(f"{', '.join(unknown)}: valid are {', '.join(TIERS)}")
    results = [run(tier) for tier in named or TIERS]
    if len(results) > 1:
        print("\nWhat ran:", *(result.line() for result in results), sep="\n")
    return max(result.status for result in results)


def run(tier: str) -> Result:
    """Runs one tier, with pytest's own words on standard output."""
    print(f"\n== {tier}: {TIERS[tier].proves}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = (sys.executable, "-m", "pytest", *TIERS[tier].arguments, f"--junitxml={report}")
        status = subprocess.run(command, check=False).returncode
        return _result(tier, report, status)


def _result(tier: str, report: Path, status: int) -> Result:
    if not report.exists():
        return Result(tier, 0, 0, 0, 0.0, status or 1)
    found = ElementTree.parse(report).getroot().find("testsuite")
    told = {} if found is None else found.attrib
    ran, failed, errors, skipped = (int(told.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    bad = failed + errors
    return Result(tier, ran - bad - skipped, bad, skipped, float(told.get("time", 0)), status)


if __name__ == "__main__":
    sys.exit(main())
