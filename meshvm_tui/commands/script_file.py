"""`apply --dry-run --script FILE`: what was listed, saved as a shell script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from meshvm_tui.events import Event
    from meshvm_tui.plan import Plan
    from meshvm_tui.script import ScriptStep
    from meshvm_tui.terminal_output import Output


class Listing:
    """An output that remembers what was listed, in the order of the steps."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.steps: dict[tuple[str, str], ScriptStep] = {}

    def take(self, event: Event) -> None:
        """Passes the event on."""
        from meshvm_tui.events import RunStarted, Stage, StepFinished
        from meshvm_tui.script import ScriptStep

        self._output.take(event)
        if isinstance(event, RunStarted):
            self.steps = {
                (step, machine): ScriptStep(Stage(stage), title, machine) for step, machine, stage, title in event.steps
            }
        elif isinstance(event, StepFinished):
            at = self.steps[event.step, event.machine]
            self.steps[event.step, event.machine] = ScriptStep(
                at.stage, at.title, at.machine, event.changes, event.problem
            )


def save_script(path: Path, plan: Plan, listed: Listing) -> None:
    """Writes the script (0700), whole or not at all. A usage error where the folder does not take it."""
    from meshvm_tui.saved_file import write_file
    from meshvm_tui.script import saved_script
    from meshvm_tui.terminal_output import say

    try:
        write_file(path, saved_script(plan, listed.steps.values()), mode=0o700)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from error
    say(f"The script is in {path}. It holds no secret; it makes a token when it runs.")
