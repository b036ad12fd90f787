"""The command line as a process: help, versions, usage, output that nobody reads, and words instead of tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshvm_tui.cli import COMMANDS
from meshvm_tui.plan import Plan
from meshvm_tui.session_store import SessionStore


def meshvm(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the product without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "meshvm_tui", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from meshvm_tui.cli import run; run(['--help']);"
        "print([n for n in ('pydantic', 'textual', 'yaml', 'kubernetes', 'paramiko', 'asyncio') if n in sys.modules],"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = meshvm(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: meshvm-tui {name}" in done.stdout


def test_version() -> None:
    done = meshvm("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "meshvm-tui")


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("apply",), ("apply", "--nonsense"), ("monitor", "-A", "-n", "x"), (), ("onboard",), ("resume",)],
)
def test_what_cannot_be_meant_is_usage(arguments: tuple[str, ...]) -> None:
    done = meshvm(*arguments)
    assert done.returncode == 2
    assert "Error:" in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_apply_without_a_terminal_wants_yes(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("apiVersion: meshvm-tui/v1\nkind: OnboardingPlan\n")
    done = meshvm("apply", "-f", str(plan))
    assert done.returncode == 2 and "--yes" in done.stderr


def test_a_plan_that_is_not_valid_names_line_and_field(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("apiVersion: meshvm-tui/v1\nkind: OnboardingPlan\nworkload:\n  weight: -1\n")
    done = meshvm("apply", "-f", str(plan), "--yes")
    assert done.returncode == 2
    assert "MVM-701" in done.stderr and "line 4" in done.stderr and "workload.weight" in done.stderr


def test_a_plan_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = meshvm("apply", "-f", str(tmp_path / "none.yaml"), "--yes")
    assert done.returncode == 2 and "MVM-702" in done.stderr


def test_a_cluster_that_is_not_there_fails_the_first_step_alone(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("apiVersion: meshvm-tui/v1\nkind: OnboardingPlan\n")
    done = meshvm("apply", "-f", str(plan), "--dry-run", "--json", KUBECONFIG=str(tmp_path / "none"))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    finished = [event for event in events if event["event"] == "StepFinished"]
    assert finished[0]["step"] == "cluster-reachable" and finished[0]["problem"]["code"] == "MVM-101"
    assert {event["reason"] for event in finished[1:]} == {"NotReached"}
    assert done.returncode == events[-1]["exit_code"] == (3 if finished[0]["reason"] == "ActionNeeded" else 1)
    assert done.stderr == ""


def test_the_schema_is_json_and_survives_a_reader_that_leaves() -> None:
    assert json.loads(meshvm("schema").stdout)["title"] == "Plan"
    writer = subprocess.Popen(
        [sys.executable, "-m", "meshvm_tui", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writer.stdout and writer.stderr
    writer.stdout.read(1)
    writer.stdout.close()
    words = writer.stderr.read()
    writer.stderr.close()
    assert writer.wait(30) in (0, 1)
    assert words == b""


def test_sessions_are_listed_for_people_and_for_programs(tmp_path: Path) -> None:
    assert "no sessions" in meshvm("sessions", MESHVM_TUI_STATE_DIR=str(tmp_path)).stderr
    store = SessionStore(tmp_path / "sessions")
    store.create("first", Plan()).close()
    store.create("broken", Plan()).close()
    (tmp_path / "sessions" / "broken" / "session.json").write_text("{")
    people = meshvm("sessions", MESHVM_TUI_STATE_DIR=str(tmp_path))
    assert people.returncode == 0
    assert "first" in people.stdout and "MVM-712" in people.stdout
    programs = meshvm("sessions", "--json", MESHVM_TUI_STATE_DIR=str(tmp_path))
    assert {json.loads(line)["name"] for line in programs.stdout.splitlines()} == {"first", "broken"}


def test_the_unforeseen_is_said_without_a_traceback_and_kept_for_the_report(tmp_path: Path) -> None:
    code = (
        "import sys; import meshvm_tui.commands.schema, meshvm_tui.plan_file as f\n"
        "def broken(): raise RuntimeError('eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln')\n"
        "f.json_schema = broken\n"
        "from meshvm_tui.cli import run; sys.exit(run(['schema']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MESHVM_TUI_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "MVM-901" in done.stderr and "RuntimeError: <token removed>" in done.stderr
    assert "Traceback" not in done.stderr
    kept = (tmp_path / "last-failure.log").read_text()
    assert "Traceback" in kept and "eyJ" not in kept


@pytest.mark.parametrize("step", ["namespace", "entry-healthy", "probe-vm-to-cluster@vm-9"])
def test_what_may_not_be_skipped_is_refused_with_what_may_be(tmp_path: Path, step: str) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "apiVersion: meshvm-tui/v1\nkind: OnboardingPlan\nmachines:\n- name: vm-1\n  host: 10.0.0.1\n", encoding="utf-8"
    )
    done = meshvm("apply", "-f", str(plan), "--yes", "--skip", step, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 2, done.stderr
    said = " ".join(done.stderr.split())
    assert f"--skip {step}: may not be skipped" in said
    assert "probe-cluster-to-vm, probe-vm-to-cluster" in said
