"""Faults of the lab, met by `apply`: what passes is overcome, what stays ends with the code of its cause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.whole.lab_world import lab_world

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("fault", "exit_code", "said"),
    [
        ("sudo-password", 3, "MVM-413"),
        ("package-404", 1, "MVM-521"),
        ("api-429:3", 0, "Done"),
        ("hosts-missing", 1, "MVM-312"),
    ],
)
def test_apply_overcomes_the_fault_or_names_it(tmp_path: Path, fault: str, exit_code: int, said: str) -> None:
    with lab_world(tmp_path / "lab", "--fault", fault) as lab:
        run = lab.run("apply", "-f", str(lab.plan), "--yes", seconds=90)
    assert run.returncode == exit_code, run.stdout[-2000:] + run.stderr[-2000:]
    assert said in run.stdout + run.stderr


def test_the_other_machines_answer_and_the_next_run_does_only_the_third(tmp_path: Path) -> None:
    with lab_world(tmp_path / "lab", "--vms", "3", "--fault", "ssh-cut:vm-2") as lab:
        first = lab.run("apply", "-f", str(lab.plan), "--yes")
        assert first.returncode == 5, first.stdout[-3000:] + first.stderr[-2000:]
        lab.fault()
        second = lab.run("apply", "-f", str(lab.plan), "--yes", "--json")
        assert second.returncode == 0, second.stdout[-3000:] + second.stderr[-2000:]
        changed = changed_steps(second.stdout)
    assert changed
    assert {machine for _, machine in changed} == {"vm-2"}


def changed_steps(output: str) -> set[tuple[str, str]]:
    """Step and machine of everything that a --json output calls changed."""
    events = [json.loads(line) for line in output.splitlines()]
    return {(item["step"], item["machine"]) for item in events if item["event"] == "StepFinished" and item["changed"]}
