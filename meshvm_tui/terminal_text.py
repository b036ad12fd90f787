"""How a run reads in a terminal: events as lines of text. Pure; nothing is written here."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshvm_tui.events import Change, StepFinished, StepState
from meshvm_tui.problems import ProblemRecord

_GLYPHS = {
    StepState.SUCCEEDED: "✓",
    StepState.SKIPPED: "✓",
    StepState.FAILED: "✗",
    StepState.CANCELLED: "–",
    StepState.LEFT_OUT: "–",
    StepState.PENDING: "○",
    StepState.RUNNING: "↻",
}
_ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "–": "-", "○": ".", "↻": "~", "→": ">", "·": "-", "…": "...", "“": '"', "”": '"', "’": "'"}
)


@dataclass(frozen=True)
class Look:
    """What the terminal can show: its width in columns, and whether it can show more than ASCII."""

    width: int = 80
    unicode: bool = True

    def text(self, line: str) -> str:
        """The line as this terminal can show it."""
        return line if self.unicode else line.translate(_ASCII).encode("ascii", "replace").decode()


def step_line(title: str, event: StepFinished) -> str:
    """One finished step: glyph, title, machine, what it came to, how long it took."""
    name = f"{title} ({event.machine})" if event.machine else title
    glyph = _GLYPHS[event.state]
    note = " (unchanged)" if event.state is StepState.SKIPPED else ""
    return f"{glyph} {name}: {event.message}{note}  {event.seconds:.1f} s"


def planned_line(title: str, machine: str) -> str:
    """The head of what a step is about to do."""
    return f"{_GLYPHS[StepState.RUNNING]} {title}" + (f" ({machine})" if machine else "")


def change_lines(changes: Sequence[Change], *, with_diff: bool) -> Iterator[str]:
    """What would be done: the thing, its diff where wanted, and the commands that do the same by hand."""
    for change in changes:
        yield f"    {change.action:<7} {change.target}"
        if with_diff and change.diff:
            yield from (f"      {line}" for line in change.diff.rstrip("\n").splitlines())
        for command in change.commands:
            first, *rest = command.splitlines() or [""]
            yield f"      $ {first}"
            yield from (f"        {line}" for line in rest)


def problem_lines(problem: ProblemRecord, look: Look, *, done: str = "") -> Iterator[str]:
    """A failure as a block: its code and title, what was said, what is done, what to do."""
    yield ""
    yield f"✗ {problem.code}  {problem.title}"
    yield ""
    yield from _labelled("What was said", problem.cause, look)
    if done:
        yield from _labelled("What is done", done, look)
    yield from _labelled("What to do", problem.next_action, look)
    for name, value in problem.evidence:
        yield from _labelled(name.capitalize(), value, look)
    yield ""


def _labelled(label: str, text: str, look: Look) -> Iterator[str]:
    """A label and a text beside it, wrapped to the width; the text's own line ends stay."""
    indent = 18
    room = max(20, look.width - indent)
    lines = [
        piece
        for line in text.strip().splitlines() or [""]
        for piece in (textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""])
    ]
    for number, line in enumerate(lines):
        yield f"  {label if number == 0 else '':<{indent - 2}}{line}".rstrip()


def answer_lines(events: Sequence[StepFinished]) -> Iterator[str]:
    """The answers of all probes together, each with what it proves."""
    answers = [(event, detail) for event in events if event.observation for detail in event.observation.details]
    if answers:
        yield ""
        yield "Answers"
    for event, (route, proof) in answers:
        yield f"  {_GLYPHS[event.state]} {route}"
        yield f"      {proof}"
