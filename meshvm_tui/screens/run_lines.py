"""A run in words: one line a step with its time at the right, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from meshvm_tui.durations import tenths
from meshvm_tui.events import Mode, RunFinished, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.screens.cells import padded
from meshvm_tui.screens.glyphs import BAR_EMPTY, BAR_FULL, COLOURS, FOLDED, GLYPHS, UNFOLDED, Mark, printable
from meshvm_tui.screens.run_machines import MachineLine

if TYPE_CHECKING:
    from meshvm_tui.screens.board import StepLine

TITLE_WIDTH = 24
TIME_WIDTH = 8
BAR_WIDTH = 10
PROBE = "probe-"
WAYS = {"probe-vm-to-cluster": "VM → cluster", "probe-cluster-to-vm": "cluster → VM"}
Part = tuple[str, str]
OwnKeys = Callable[[str], str]


def headline(left: str, right: str, width: int) -> Content:
    """What runs, and since when."""
    room = max(1, width - len(left) - len(right))
    return Content.assemble((printable(left), "bold"), " " * room, (right, "$foreground-muted"))


def run_lines(rows: Sequence[StepLine | MachineLine], now: float, width: int) -> Content:
    """Every step of the run, and every machine where there are several."""
    several = any(isinstance(row, MachineLine) for row in rows)
    parts: list[Part] = []
    for row in rows:
        if isinstance(row, MachineLine):
            parts += _machine(row, now, width)
        else:
            parts += _line(row, now, width, indent=2 if several and row.machine else 0)
    return Content.assemble(*parts)


def done_words(finished: RunFinished, following: str, own: OwnKeys = str) -> Content:
    """How a run ended that was not the last one; `own` puts the operator's keys into a sentence."""
    if finished.exit_code == ExitCode.DONE:
        return Content.assemble(
            ("✓ Done. ", "$text-success"),
            (f"{printable(finished.message)}  ", "$foreground-muted"),
            (f"{own('Enter')} goes on to {following}." if following else "", "$text-accent"),
        )
    if finished.exit_code == ExitCode.NOT_PROVEN:
        return Content.assemble(
            (f"{GLYPHS[Mark.ATTENTION]} {printable(finished.message)}  ", "$text-warning"),
            (f"{own('Enter')} goes on to {following}." if following else "", "$text-accent"),
        )
    mark, colour = (GLYPHS[Mark.FAILED], "$text-error")
    if finished.exit_code == ExitCode.CANCELLED:
        mark, colour = GLYPHS[Mark.SKIPPED], "$text-warning"
    return Content.assemble(
        (f"{mark} ", colour), (printable(finished.message), "$foreground"), f"   {own('R')} tries again"
    )


def answers(
    lines: Sequence[StepLine], finished: RunFinished, following: str, width: int, own: OwnKeys = str
) -> Content:
    """How the last run ended: each request, its answer, and what that proves."""
    probes = [line for line in lines if line.step.startswith(PROBE)]
    answered = [line for line in probes if line.state is StepState.SUCCEEDED]
    if not probes or finished.mode is not Mode.APPLY or finished.exit_code == ExitCode.CANCELLED:
        return done_words(finished, following, own)
    skipped = sum(line.state is StepState.LEFT_OUT for line in lines)
    parts: list[Part] = [_verdict(len(answered), len(probes), skipped, own)]
    machines = len({line.machine for line in probes}) > 1
    for line in probes:
        way = WAYS.get(line.step, line.title)
        name = f"{line.machine}  {way}" if machines else way
        parts += [
            (f"  {GLYPHS[line.mark]} ", COLOURS[line.mark]),
            (f"{name:<16}", "bold"),
            (f"{printable(line.message)}\n", "$foreground"),
        ]
        for route, proof in line.observation.details if line.observation else ():
            words = wrap(f"{printable(route)}  {printable(proof)}", width - 4, break_on_hyphens=False)
            parts += [(f"    {words_line}\n", "$foreground-muted") for words_line in words]
    return Content.assemble(*parts)


def _verdict(answered: int, asked: int, skipped: int, own: OwnKeys) -> Part:
    if skipped:
        words = f"{answered} of {asked} answered, {skipped} skipped: not proven. {own('Enter')}: what is."
        return f"{GLYPHS[Mark.ATTENTION]} {words}\n", "bold $text-warning"
    if answered < asked:
        return f"✗ {answered} of {asked} answered\n", "bold $text-error"
    if asked == 2:
        return (
            f"✓ Both answered. The VM is in the mesh, both ways. {own('Enter')}: the evidence.\n",
            "bold $text-success",
        )
    return f"✓ All {asked} answered.\n", "bold $text-success"


def _machine(machine: MachineLine, now: float, width: int) -> list[Part]:
    clock = tenths(machine.seconds(now)) if machine.began else ""
    name = f"{machine.name} {UNFOLDED if machine.open else FOLDED}"
    return _columns((machine.mark, name, "bold"), [], (machine.words, "$foreground"), clock, width)


def _line(line: StepLine, now: float, width: int, *, indent: int) -> list[Part]:
    running = line.state is StepState.RUNNING
    seconds = now - line.started if running else line.seconds
    clock = tenths(seconds) if running or line.known else ""
    words = line.problem.title if line.problem else line.message
    tone = "$foreground" if running or line.problem else "$foreground-muted"
    bar = _bar(line) if running else []
    return _columns((line.mark, line.title, "$foreground"), bar, (words, tone), clock, width, indent=indent)


def _columns(
    title: tuple[Mark, str, str], bar: list[Part], said: Part, clock: str, width: int, *, indent: int = 0
) -> list[Part]:
    mark, name, tone = title
    names = TITLE_WIDTH - indent
    room = max(8, width - 2 - TITLE_WIDTH - 1 - TIME_WIDTH - 1 - sum(len(part) for part, _ in bar))
    return [
        (" " * indent, ""),
        (f"{GLYPHS[mark]} ", COLOURS[mark]),
        (padded(name, names) + " ", tone),
        *bar,
        (padded(" ".join(printable(said[0]).split()), room) + " ", said[1]),
        (f"{clock:>{TIME_WIDTH}}\n", "$foreground-muted"),
    ]


def _bar(line: StepLine) -> list[Part]:
    """How far a step is, where there is a number; the number itself stands in its words."""
    if line.done is None or not line.total:
        return []
    full = BAR_WIDTH * min(max(line.done, 0), line.total) // line.total
    return [(BAR_FULL * full, "$text-accent"), (f"{BAR_EMPTY * (BAR_WIDTH - full)} ", "$foreground-muted")]
