"""Input, output or errors that are closed, full, or read by nobody: a command ends in words, never in a traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import dump_plan

PRODUCT = f"{shlex.quote(sys.executable)} -m meshvm_tui"


def shell(line: str, state: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line in which `meshvm-tui` is the product; its exit code is that of the last command."""
    environment = {**os.environ, "MESHVM_TUI_STATE_DIR": str(state)}
    command = ["bash", "-c", line.replace("meshvm-tui", PRODUCT)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("meshvm-tui onboard <&-", 2, "This needs a terminal. Without one: meshvm-tui apply -f PLAN --yes"),
        ("meshvm-tui sessions --json >&-; [ $? = 0 ] && meshvm-tui schema >&-", 1, "MVM-724  The output cannot"),
        ("meshvm-tui schema >/dev/full", 1, "No space left on device"),
        # The reader is gone before anything is written, as `| head -1` is after its line.
        ("{ sleep 0.2; meshvm-tui schema; echo $? >&3; } 3>&2 | true", 0, ""),
        ("meshvm-tui sessions 2>&-", 0, ""),
    ],
)
def test_what_is_closed_is_said_in_words(line: str, code: int, words: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "MVM-901" not in done.stderr
    if "| true" in line:
        assert done.stderr == "1\n", "nothing but the exit code"


def test_a_plain_wizard_without_input_saves_and_ends(tmp_path: Path) -> None:
    done = shell("meshvm-tui onboard --plain --kubeconfig /none <&-", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Saved. To go on: meshvm-tui resume hello-vm --plain" in done.stdout.replace(PRODUCT, "meshvm-tui")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_run_whose_output_cannot_be_written_ends_before_it_changes_anything(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(dump_plan(Plan()), encoding="utf-8")
    done = shell(f"meshvm-tui apply -f {tmp_path}/plan.yaml --yes >/dev/full", tmp_path)
    assert done.returncode == 1
    assert "MVM-724" in done.stderr
    assert "intent" not in "".join(path.read_text("utf-8") for path in tmp_path.rglob("journal.jsonl"))
