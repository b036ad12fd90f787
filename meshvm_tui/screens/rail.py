"""Where the operator is: the top line, the rail of stages when wide, one line of it when narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from meshvm_tui.events import Stage
from meshvm_tui.screens.board import STAGES, Board
from meshvm_tui.screens.clickable import Place
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, Mark, printable

RAIL_WIDTH = 18

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan


def top_line(session: str, where: str, saved: str, width: int) -> Content:
    """Product and session at the left; cluster and whether all is saved at the right."""
    left = f" meshvm-tui  {session}"
    right = f"{where} · {saved} " if where else f"{saved} "
    room = max(1, width - len(left) - len(right))
    if room == 1:
        right = right[: max(0, width - len(left) - 1)]
    return Content.assemble(
        (" meshvm-tui", "bold $text-accent"),
        (f"  {printable(session)}", "$foreground"),
        " " * room,
        (printable(right), "$foreground-muted"),
    )


def cluster_words(plan: Plan) -> str:
    """Which cluster the plan means."""
    gke = plan.cluster.gke
    return plan.cluster.context or (f"GKE {gke.name}, {gke.location}" if gke else "the current context")


def rail(board: Board, here: Stage) -> Content:
    """One line a stage."""
    parts: list[tuple[str, str]] = []
    for stage in STAGES:
        mark = stage_mark(board, stage, here)
        style = "bold $foreground" if stage is here else "$foreground-muted"
        note = " !" if stage is here and board.stage_mark(stage) is Mark.ATTENTION else ""
        parts += [(f" {GLYPHS[mark]} ", COLOURS[mark]), (f"{stage.value}", style), (f"{note}\n", "$text-warning")]
    return Content.assemble(*parts)


def rail_places() -> list[Place]:
    """Where each stage can be clicked."""
    return [Place(at, 0, RAIL_WIDTH, stage.value) for at, stage in enumerate(STAGES)]


def narrow_line(board: Board, here: Stage, width: int) -> tuple[Content, list[Place]]:
    """`Stage 3 of 8  Gateway`, all marks, and what comes next; each mark can be clicked."""
    at = STAGES.index(here)
    left = f" Stage {at + 1} of {len(STAGES)}  "
    following = f"   next: {STAGES[at + 1].value} " if at + 1 < len(STAGES) else "   the last stage "
    if len(left) + len(here.value) + len(STAGES) + len(following) >= width:
        left, following = f" {at + 1}/{len(STAGES)}  ", " "
    marks = [stage_mark(board, stage, here) for stage in STAGES]
    room = max(1, width - len(left) - len(here.value) - len(marks) - len(following))
    first = len(left) + len(here.value) + room
    content = Content.assemble(
        (left, "$foreground-muted"),
        (here.value, "bold"),
        " " * room,
        *((GLYPHS[mark], COLOURS[mark]) for mark in marks),
        (following, "$foreground-muted"),
    )
    places = [Place(0, first + number, first + number + 1, stage.value) for number, stage in enumerate(STAGES)]
    if at + 1 < len(STAGES):
        places.append(Place(0, first + len(marks), width, STAGES[at + 1].value))
    return content, places


def stage_mark(board: Board, stage: Stage, here: Stage) -> Mark:
    """A stage's glyph: here before all else."""
    return Mark.HERE if stage is here else board.stage_mark(stage)
