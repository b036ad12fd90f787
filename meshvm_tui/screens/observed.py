"""What is there now, in words: the part of a stage's screen under its fields, and how much would change."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from meshvm_tui.events import Stage, StepState
from meshvm_tui.findings import Severity
from meshvm_tui.observation_words import worth_saying
from meshvm_tui.screens.board import Board, StepLine
from meshvm_tui.screens.cells import cut, padded, wrapped
from meshvm_tui.screens.cells import width as cells
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, Mark, printable

TITLE_WIDTH = 24
INDENT = 4
DIFFERS, MOST_DIFFERENCES = "differs", 6
"""The name of a detail that says one difference, and how many of them are listed."""
DETAIL_LINES = 2
"""Lines that a detail may take; all of it stands in the log and in the review."""
Part = tuple[str, str]
OwnKeys = Callable[[str], str]


def observed(board: Board, stage: Stage, width: int, own: OwnKeys = str) -> Content:
    """The stage's steps with what was found, in lines of this width."""
    parts: list[Part] = [("There now\n", "$foreground-muted")]
    lines = board.of_stage(stage)
    if not lines:
        parts.append(("  looking …\n" if board.running else "  not looked at yet\n", "$foreground-muted"))
    several = len({line.machine for line in lines}) > 1
    for line in lines:
        parts += _line(line, width, own, several=several)
    blocked = next((line for line in board.upto(stage) if line.problem and line.stage is not stage), None)
    if blocked and blocked.problem:
        parts.append((f"  ! {blocked.stage}: {printable(blocked.problem.title)}\n", "$text-warning"))
    return Content.assemble(*parts)


def changes_words(board: Board, stage: Stage) -> str:
    """How much a run up to this stage would change."""
    lines = board.upto(stage)
    failed = next((line for line in lines if line.problem), None)
    if failed and failed.problem:
        return f"! {failed.title}: {printable(failed.problem.title)}    Ctrl+A shows what can be done"
    if any(not line.known for line in lines) or not lines:
        return "Looking at what is there …" if board.running else ""
    count = board.changes_upto(stage)
    if count == 0:
        return "Nothing to change up to here"
    return f"{count} change{'' if count == 1 else 's'} up to here    Ctrl+A lists {'it' if count == 1 else 'them'}"


def problem_parts(line: StepLine, width: int) -> list[Part]:
    """A step's problem: code and title, the cause in the other system's words, what to do."""
    if not line.problem:
        return []
    problem, indent = line.problem, " " * (INDENT + 2)
    title = f"{problem.code}  {problem.title}"
    parts: list[Part] = []
    for text, tone in (
        (title, "$text-error"),
        (problem.cause, "$foreground"),
        (problem.next_action, "$foreground-muted"),
    ):
        rows = wrapped(text, max(20, width - len(indent)))[:4]
        parts += [(f"{indent}{row}\n", tone) for row in rows]
    return parts


def _line(line: StepLine, width: int, own: OwnKeys, *, several: bool) -> list[Part]:
    mark = _mark(line)
    title = f"{line.machine}: {line.title}" if several and line.machine else line.title
    words = "looking …" if line.state is StepState.RUNNING and not line.message else line.message
    differs = [value for name, value in line.observation.details if name == DIFFERS] if line.observation else []
    if len(differs) > 1:
        listed = bool(line.observation and line.observation.files)
        words = f"{len(differs)} differences" + (own("; F4 and Enter show them") if listed else "")
    parts: list[Part] = [
        (f"  {GLYPHS[mark]} ", COLOURS[mark]),
        (padded(title, TITLE_WIDTH), "$foreground"),
        *_hanging("" if line.problem else words, width, INDENT + TITLE_WIDTH + 1, lines=4),
        *problem_parts(line, width),
    ]
    if line.observation:
        # The files stand in a table of their own, and what differs in each behind it.
        if not line.observation.files and len(differs) > 1:
            parts += _differences(differs, width)
        for name, value in worth_saying(line.observation, words):
            if name == DIFFERS:
                continue
            room = min(max(TITLE_WIDTH - 2, cells(name)), max(TITLE_WIDTH, width // 2))
            parts.append((f"{' ' * INDENT}  {padded(name, room)}", "$foreground-muted"))
            parts += _hanging(value, width, INDENT + room + 3, lines=DETAIL_LINES)
        for warning in line.observation.warnings:
            parts += _remark("!", warning, "$text-warning", width)
        for finding in line.observation.findings:
            quiet = finding.severity is Severity.INFO
            parts += _remark(
                "i" if quiet else "!", finding.words, "$foreground-muted" if quiet else "$text-warning", width
            )
    return parts


def _differences(differs: list[str], width: int) -> list[Part]:
    more = len(differs) - MOST_DIFFERENCES
    lines = [*differs[:MOST_DIFFERENCES], *([f"and {more} more"] if more > 0 else [])]
    return [part for line in lines for part in _remark(" ", line, "$foreground-muted", width)]


def _remark(mark: str, text: str, tone: str, width: int) -> list[Part]:
    return [(f"{' ' * INDENT}{mark}", tone), *((row, tone) for row, _ in _hanging(text, width, INDENT + 2, lines=4))]


def _hanging(text: str, width: int, column: int, *, lines: int) -> list[Part]:
    """A text that goes on from a column, its further lines under its first; ends its last line."""
    room = max(20, width - column)
    rows = wrapped(text, room) or [""]
    if len(rows) > lines:
        rows = [*rows[: lines - 1], cut(" ".join(rows[lines - 1 :]), room)]
    first, *rest = rows
    under = " " * min(column, max(0, width - 20))
    return [(f" {first}\n", "$foreground-muted"), *((f"{under}{row}\n", "$foreground-muted") for row in rest)]


def _mark(line: StepLine) -> Mark:
    if line.mark is Mark.WAITING and line.satisfied:
        return Mark.DONE
    return line.mark
