"""The plan's VMs in words: where each is, what runs on it, whether SSH gets there, and what it needs next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from meshvm_tui.events import Stage, StepState
from meshvm_tui.screens.cells import padded
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, Mark
from meshvm_tui.screens.row_list import Row

if TYPE_CHECKING:
    from meshvm_tui.plan import Machine, Plan
    from meshvm_tui.screens.board import Board, StepLine

ADD = "+"
REACHED = "guest-reachable"
NAME, PLACE, SYSTEM, SSH = 13, 16, 11, 10
MARKS = {"works": Mark.DONE, "failed": Mark.ATTENTION, "trying": Mark.WORKING, "not tried": Mark.WAITING}


def machine_rows(plan: Plan, board: Board, width: int) -> Iterator[Row]:
    """A row for each machine, named by its number, and one that adds another."""
    if plan.machines:
        head = f"{'VM':<{NAME}}{'host':<{PLACE}}{'system':<{SYSTEM}}{'SSH':<{SSH}}needs next"
        yield Row("", Content.assemble((f"    {head}"[: max(1, width)], "$foreground-muted")))
    for at, machine in enumerate(plan.machines):
        yield Row(
            str(at), _row(machine, [line for line in board.lines.values() if line.machine == machine.name], width)
        )
    keys = "    X leaves the one with the cursor out" if len(plan.machines) > 1 else ""
    yield Row(
        ADD, Content.assemble(("  + ", "$text-accent"), ("one more VM", "$foreground"), (keys, "$foreground-muted"))
    )


def _row(machine: Machine, lines: list[StepLine], width: int) -> Content:
    reached = next((line for line in lines if line.step == REACHED), None)
    ssh = _ssh(reached)
    room = max(6, width - 4 - NAME - PLACE - SYSTEM - SSH)
    return Content.assemble(
        (f"  {GLYPHS[MARKS[ssh]]} ", COLOURS[MARKS[ssh]]),
        (padded(machine.name, NAME - 1) + " ", "$foreground"),
        (padded(_place(machine), PLACE - 1) + " ", "$foreground-muted"),
        (padded(_system(reached), SYSTEM - 1) + " ", "$foreground-muted"),
        (padded(ssh, SSH - 1) + " ", "$foreground"),
        (padded(_needs(machine, lines), room), "$foreground"),
    )


def _place(machine: Machine) -> str:
    if machine.host:
        return machine.host
    return f"GCE {machine.gce.zone}".strip() if machine.gce else ""


def _system(reached: StepLine | None) -> str:
    """Its name without what everybody knows of it."""
    details = dict(reached.observation.details) if reached and reached.observation else {}
    return details.get("system", "").replace("GNU/Linux ", "").partition(" (")[0]


def _ssh(reached: StepLine | None) -> str:
    if reached is None:
        return "not tried"
    if reached.problem:
        return "failed"
    if reached.satisfied:
        return "works"
    return "trying" if reached.state is StepState.RUNNING else "not tried"


def _needs(machine: Machine, lines: list[StepLine]) -> str:
    """The first thing that is not so yet, as far as it was looked at."""
    if not machine.host and not machine.gce:
        return "its host"
    if broken := next((line for line in lines if line.problem), None):
        return broken.problem.title if broken.problem else ""
    if not any(line.known for line in lines):
        return ""
    open_line = next((line for line in lines if not line.satisfied), None)
    if open_line is None:
        return "nothing" if any(line.stage is Stage.INSTALL for line in lines) else Stage.FILES.value
    return f"{open_line.stage.value}: {open_line.title}" if open_line.stage is Stage.MACHINE else open_line.stage.value
