"""`--skip STEP`: which steps a run goes on without, and which it may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan


def skips_of(named: Iterable[str], plan: Plan) -> frozenset[tuple[str, str]]:
    """(step, machine) of each STEP or STEP@MACHINE, machine "" for all. Refuses what later steps build on."""
    from meshvm_tui.steps import steps_for

    allowed = {(step.id, machine) for step, machine in steps_for(plan) if step.may_skip}
    found = set()
    for name in named:
        step, _, machine = name.partition("@")
        if (step, machine) not in allowed and not (not machine and step in {item for item, _ in allowed}):
            may = ", ".join(sorted({item for item, _ in allowed})) or "no step of this plan"
            raise click.UsageError(f"--skip {name}: may not be skipped. May be: {may}; each also as STEP@MACHINE.")
        found.add((step, machine))
    return frozenset(found)
