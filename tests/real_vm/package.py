"""The stub istio-sidecar package: the places, unit, start script and postinst of the real one, with the lab's agent.

A package may do harm: rules of iptables' table `filter` that it adds with its own, and takes away with them.
"""

from __future__ import annotations

from pathlib import Path

import meshvm_tui.lab
from meshvm_tui.lab.guest.package import build

VERSION = "1.30.3"
HOME = "usr/local/lib/istio-sidecar"
STUB = Path(__file__).resolve().parent / "stub"
LAB = Path(meshvm_tui.lab.__file__).resolve().parent
PILOT_AGENT = (
    b'#!/bin/sh\nPYTHONPATH=/usr/local/lib/istio-sidecar exec python3 -B -m tests.real_vm.stub.pilot_agent "$@"\n'
)


def stub_package(
    version: str = VERSION, *, harm: tuple[str, ...] = (), start: str = "", architecture: str = ""
) -> bytes:
    """The package's bytes. `harm` are rules such as `INPUT -p tcp --dport 22 -j DROP`; `start` is a shell script to
    run instead of the start script's own end."""
    files: dict[str, tuple[bytes, int]] = {"usr/local/bin/pilot-agent": (PILOT_AGENT, 0o2755)}
    for path in STUB.glob("*.py"):
        files[f"{HOME}/tests/real_vm/stub/{path.name}"] = (path.read_bytes(), 0o644)
    for package in ("meshvm_tui", "tests", "tests/real_vm"):
        files[f"{HOME}/{package}/__init__.py"] = (b"", 0o644)
    agent = LAB / "mesh" / "agent"
    for path in (LAB / "__init__.py", LAB / "mesh" / "__init__.py", LAB / "mesh" / "dataplane.py", *agent.glob("*.py")):
        files[f"{HOME}/meshvm_tui/lab/{path.relative_to(LAB)}"] = (path.read_bytes(), 0o644)
    if harm:
        files[f"{HOME}/harm"] = ("".join(f"{line}\n" for line in harm).encode(), 0o644)
    if start:
        files["usr/local/bin/istio-start.sh"] = (start.encode(), 0o755)
    return build(version, architecture, others=files)
