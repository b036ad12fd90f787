"""A bar stands only where a step has told a number, and goes when the step ends."""

from __future__ import annotations

import pytest

from meshvm_tui import events as ev
from meshvm_tui.events import Mode, Stage, StepState
from meshvm_tui.screens.board import Board
from meshvm_tui.screens.run_lines import run_lines

KEY = ("guest-files", "vm-1")


def board_at(done: int | None, total: int | None) -> Board:
    """A step that is under way."""
    board = Board()
    board.take(ev.RunStarted("", "s", Mode.APPLY, ((*KEY, str(Stage.INSTALL), "Files on the VM"),)), 0.0)
    board.take(ev.StepStarted("", "s", *KEY, "Files on the VM"), 0.0)
    board.take(ev.StepProgressed("", "s", *KEY, "hosts is in its place", done, total), 0.0)
    return board


def shown(board: Board) -> str:
    """As Run shows it at 80 columns."""
    return run_lines(board.upto(Stage.SERVICES), 1.0, 76).plain


@pytest.mark.parametrize(
    ("done", "bar"), [(0, "░" * 10), (2, "████░░░░░░"), (5, "█" * 10), (9, "█" * 10), (-1, "░" * 10)]
)
def test_a_number_is_a_bar(done: int, bar: str) -> None:
    text = shown(board_at(done, 5))
    assert f"{bar} hosts is in its place" in text
    assert all(len(row) == 76 for row in text.splitlines())


@pytest.mark.parametrize(("done", "total"), [(None, None), (3, None), (0, 0)])
def test_without_a_number_there_is_none(done: int | None, total: int | None) -> None:
    text = shown(board_at(done, total))
    assert "░" not in text
    assert "█" not in text


def test_it_goes_with_the_end_of_the_step() -> None:
    board = board_at(4, 5)
    board.take(ev.StepFinished("", "s", *KEY, StepState.SUCCEEDED, True, "AsPlanned", "written", 1.0), 2.0)
    assert "█" not in shown(board)
