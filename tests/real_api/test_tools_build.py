"""`make real-tools` with a pretended Go: what is built once is found again, and what fails leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.real_tools.pinned import pinned

ROOT = Path(__file__).parents[2]
GO = """#!/bin/sh
echo "$*" >> "$PRETENDED/calls"
[ -e "$PRETENDED/broken" ] && { echo "go: no network" >&2; exit 1; }
if [ "$1" = mod ]; then echo "{\\"Dir\\": \\"$PRETENDED/module\\"}"; exit; fi
while [ "$1" != -o ]; do shift; done
echo program > "$2"
"""


@pytest.fixture
def pretended(tmp_path: Path) -> Path:
    """A folder with a Go that writes down how it was called."""
    program = tmp_path / "bin" / "go"
    program.parent.mkdir()
    program.write_text(GO)
    program.chmod(0o755)
    (tmp_path / "calls").touch()
    return tmp_path


def get(pretended: Path, *names: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`python -m tools.real_tools` with this Go and a cache of its own."""
    path = f"{pretended / 'bin'}:/usr/bin:/bin"
    own = {"PRETENDED": str(pretended), "MESHVM_TUI_REAL_CACHE": str(pretended), "PATH": path, **more}
    environment = {name: value for name, value in os.environ.items() if name != "KUBEBUILDER_ASSETS"}
    return subprocess.run(
        [sys.executable, "-m", "tools.real_tools", *names],
        cwd=ROOT,
        env={**environment, **own},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_program_is_built_once_and_its_place_is_printed(pretended: Path) -> None:
    first = get(pretended)
    assert first.returncode == 0, first.stderr
    for tool in pinned():
        place = pretended / "meshvm-tui" / "real-tools" / tool.folder / tool.name
        assert place.read_text() == "program\n"
        assert f"{tool.name} {tool.version}: {place} (" in first.stdout
    calls = (pretended / "calls").read_text()
    assert calls.count("build -trimpath") == len(pinned())

    second = get(pretended)
    assert second.returncode == 0
    assert "building" not in second.stdout
    assert (pretended / "calls").read_text() == calls


def test_a_build_that_failed_leaves_no_program_and_is_taken_up_again(pretended: Path) -> None:
    (pretended / "broken").touch()
    failed = get(pretended, "etcd")
    assert failed.returncode == 1
    assert "go: no network" in failed.stderr
    assert "etcd" in failed.stderr
    place = pretended / "meshvm-tui" / "real-tools" / "kubernetes-1.36.1" / "etcd"
    assert not place.exists()
    (pretended / "broken").unlink()
    assert get(pretended, "etcd").returncode == 0
    assert place.exists()


def test_a_server_that_the_operator_names_is_not_built(pretended: Path) -> None:
    named = pretended / "named"
    named.mkdir()
    for name in ("etcd", "kube-apiserver"):
        (named / name).touch()
    found = get(pretended, "etcd", "kube-apiserver", KUBEBUILDER_ASSETS=str(named))
    assert found.returncode == 0
    assert found.stdout.splitlines() == [
        f"{tool.name} {tool.version}: found at {named / tool.name}" for tool in pinned() if tool.name != "istioctl"
    ]
    assert (pretended / "calls").read_text() == ""
