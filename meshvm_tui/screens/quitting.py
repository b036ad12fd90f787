"""What is said before a run that changes something is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.events import StepState

if TYPE_CHECKING:
    from meshvm_tui.screens.board import Board


def quit_words(board: Board) -> str:
    """What quitting in the middle of this run cancels, and what stays."""
    lines = tuple(board.lines.values())
    running = [line for line in lines if line.state is StepState.RUNNING]
    done = sum(line.state is StepState.SUCCEEDED for line in lines)
    left = sum(line.state is StepState.PENDING for line in lines)
    now = ", ".join(f"{line.title}{f' ({line.machine})' if line.machine else ''}" for line in running)
    parts = [f"Cancelled: {now}." if now else "Nothing runs at this moment."]
    if left:
        parts.append(f"Not begun: {left} {'step' if left == 1 else 'steps'}.")
    if done:
        parts.append(f"Done and stays done: {done} {'step' if done == 1 else 'steps'}.")
    parts.append("The session is saved and goes on from there; what is half done is looked at again first.")
    return "\n".join(parts)
