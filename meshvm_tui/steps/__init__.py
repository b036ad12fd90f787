"""One module per stage; `steps_for` gives the order in which a plan's steps are walked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.steps.step import Step


def steps_for(plan: Plan) -> tuple[tuple[Step, str], ...]:
    """The plan's steps in their order, each with the name of its machine, or "" where all machines share it."""
    from meshvm_tui.steps.order import ordered

    return ordered(plan)
