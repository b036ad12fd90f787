"""Findings reach people and programs: in apply's words, as JSON, and in the wizard's panel of the stage."""

from __future__ import annotations

import json

import pytest

from meshvm_tui.events import Mode, Observation, RunStarted, Stage, Standing, StepFinished, StepState
from meshvm_tui.findings import Severity, found
from meshvm_tui.screens.board import Board
from meshvm_tui.screens.observed import observed
from meshvm_tui.terminal_output import JsonOutput, TextOutput

HEAVY = found("MVM-443", "there is ISTIO_OUTPUT")
LIGHT = found("MVM-441", "it also has 10.9.0.4 (eth1)", severity=Severity.INFO)
SEEN = Observation(Standing.SATISFIED, "Reachable", "Debian 12", findings=(HEAVY, LIGHT))
STARTED = RunStarted("t", "s", Mode.OBSERVE, (("guest-reachable", "vm1", "Machine", "VM reachable"),))
FINISHED = StepFinished("t", "s", "guest-reachable", "vm1", StepState.SUCCEEDED, False, "Reachable", "ok", 0.1, SEEN)


def test_apply_says_them_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    out = TextOutput()
    out.take(STARTED)
    out.take(FINISHED)
    said = capsys.readouterr().out
    assert f"    ! {HEAVY.words}\n" in said
    assert f"    i {LIGHT.words}\n" in said
    assert "MVM-443 Rules of an earlier sidecar are left on the VM: there is ISTIO_OUTPUT. " in said


def test_json_has_them_whole(capsys: pytest.CaptureFixture[str]) -> None:
    JsonOutput().take(FINISHED)
    told = json.loads(capsys.readouterr().out)["observation"]["findings"]
    assert [(one["code"], one["severity"]) for one in told] == [("MVM-443", "warning"), ("MVM-441", "info")]
    assert told[1]["evidence"] == LIGHT.evidence and told[1]["next_action"] == LIGHT.next_action


@pytest.mark.parametrize("width", [46, 80])
def test_the_wizard_shows_them_below_the_step(width: int) -> None:
    board = Board()
    board.take(STARTED, 0.0)
    board.take(FINISHED, 1.0)
    shown = observed(board, Stage.MACHINE, width).plain
    assert "! MVM-443" in shown and "i MVM-441" in shown
    assert "10.9.0.4" in shown
    assert max(map(len, shown.splitlines())) <= width
