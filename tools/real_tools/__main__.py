"""`python -m tools.real_tools [--check] [NAME ...]`: each program is found or built, and where it lies is printed.

Exit 0 when all are there, 1 when one could not be had. A second run builds nothing, nor does one with --check.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tools.real_tools.build import CannotBuild, alone, build, is_built
from tools.real_tools.pinned import Tool, pinned


def main() -> int:
    """Gets the programs that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.real_tools", description=__doc__)
    names = sorted({tool.name for tool in pinned()})
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all where none is named")
    parser.add_argument("--check", action="store_true", help="build nothing: say what is there")
    asked = parser.parse_args()
    wanted = asked.names or names
    if asked.check:
        return max([_check(tool) for tool in pinned() if tool.name in wanted], default=0)
    failures = 0
    with alone():
        for tool in pinned():
            if tool.name in wanted:
                failures += not _get(tool)
    if failures:
        print(f"{failures} not there; the tests that need them say NOT RUN.", file=sys.stderr)
    return 1 if failures else 0


def _check(tool: Tool) -> int:
    found = _elsewhere(tool) or (tool.path if is_built(tool) else None)
    print(f"{tool.name} {tool.version}: {found or 'missing'}", flush=True)
    return 0 if found else 1


def _get(tool: Tool) -> bool:
    if (found := _elsewhere(tool)) is not None:
        print(f"{tool.name} {tool.version}: found at {found}", flush=True)
        return True
    if is_built(tool):
        print(f"{tool.name} {tool.version}: {tool.path}", flush=True)
        return True
    print(f"{tool.name} {tool.version}: building, which takes minutes and goes on where it was interrupted", flush=True)
    start = time.monotonic()
    try:
        build(tool)
    except CannotBuild as problem:
        print(f"{tool.name} {tool.version}: {problem}", file=sys.stderr, flush=True)
        return False
    print(f"{tool.name} {tool.version}: {tool.path} ({time.monotonic() - start:.0f} s)", flush=True)
    return True


def _elsewhere(tool: Tool) -> Path | None:
    """A program that the operator has already named: the API server's by KUBEBUILDER_ASSETS, at whatever version.

    istioctl is always built here: its release's charts and samples belong to it.
    """
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    if tool.name in ("etcd", "kube-apiserver") and folder and (Path(folder) / tool.name).exists():
        return Path(folder) / tool.name
    return None


if __name__ == "__main__":
    sys.exit(main())
