"""What is there now, in words: the part of a stage's screen under its fields."""

from __future__ import annotations

from textual.content import Content

from meshvm_tui.events import Stage, StepState
from meshvm_tui.screens.board import Board, StepLine
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, Mark, printable

TITLE_WIDTH = 22
Part = tuple[str, str]


def observed(board: Board, stage: Stage) -> Content:
    """The stage's steps with what was found, and how much would change up to here."""
    parts: list[Part] = [("There now\n", "$foreground-muted")]
    lines = board.of_stage(stage)
    if not lines:
        parts.append(("  looking …\n" if board.running else "  not looked at yet\n", "$foreground-muted"))
    several = len({line.machine for line in lines}) > 1
    for line in lines:
        parts += _line(line, several=several)
    blocked = next((line for line in board.upto(stage) if line.problem and line.stage is not stage), None)
    if blocked and blocked.problem:
        where = f"{blocked.stage}: {blocked.problem.title}"
        parts.append((f"\n! {printable(where)}\n", "$text-warning"))
    parts.append(("\n" + _changes(board, stage), "$foreground"))
    return Content.assemble(*parts)


def problem_parts(line: StepLine) -> list[Part]:
    """A step's problem: code and title, the cause in the other system's words, what to do."""
    if not line.problem:
        return []
    indent = " " * 6
    cause = ("\n" + indent).join(printable(line.problem.cause).splitlines()[:4])
    return [
        (f"{indent}{line.problem.code}  {printable(line.problem.title)}\n", "$text-error"),
        (f"{indent}{cause}\n", "$foreground"),
        (f"{indent}{printable(line.problem.next_action)}\n", "$foreground-muted"),
    ]


def _line(line: StepLine, *, several: bool) -> list[Part]:
    mark = _mark(line)
    title = f"{line.machine}: {line.title}" if several and line.machine else line.title
    words = "looking …" if line.state is StepState.RUNNING and not line.message else line.message
    if line.problem:
        words = ""
    parts: list[Part] = [
        (f"  {GLYPHS[mark]} ", COLOURS[mark]),
        (f"{title:<{TITLE_WIDTH}}", "$foreground"),
        (f"  {printable(words)}\n".replace("\n  ", "\n"), "$foreground-muted"),
        *problem_parts(line),
    ]
    if line.observation:
        indent = " " * 6
        parts += [
            (f"{indent}{name:<{TITLE_WIDTH - 2}}  {printable(value)}\n", "$foreground-muted")
            for name, value in line.observation.details
        ]
        parts += [(f"{indent}! {printable(warning)}\n", "$text-warning") for warning in line.observation.warnings]
    return parts


def _mark(line: StepLine) -> Mark:
    if line.mark is Mark.WAITING and line.satisfied:
        return Mark.DONE
    return line.mark


def _changes(board: Board, stage: Stage) -> str:
    lines = board.upto(stage)
    if any(not line.known for line in lines) or not lines:
        return "Looking at what is there …" if board.running else ""
    count = board.changes_upto(stage)
    if count == 0:
        return "Nothing to change up to here"
    return f"{count} change{'' if count == 1 else 's'} up to here    Ctrl+A shows and applies"
