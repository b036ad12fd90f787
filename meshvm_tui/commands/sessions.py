"""`meshvm-tui sessions`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.locations import sessions_dir

if TYPE_CHECKING:
    from meshvm_tui.session_store import SessionSummary


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def sessions(as_json: bool) -> ExitCode:
    """List the sessions, the one that was changed last first."""
    from meshvm_tui.session_store import SessionStore
    from meshvm_tui.terminal_output import say, write_lines

    found = SessionStore(sessions_dir()).list()
    if as_json:
        for summary in found:
            click.echo(json.dumps(asdict(summary), ensure_ascii=False))
        return ExitCode.DONE
    if not found:
        say(f"There are no sessions in {sessions_dir()}.")
        return ExitCode.DONE
    width = max(len("NAME"), *(len(summary.name) for summary in found))
    write_lines(sys.stdout, [f"{'NAME':<{width}}  {'CHANGED':<20}  STANDS AT"])
    write_lines(sys.stdout, [f"{item.name:<{width}}  {item.updated:<20}  {_standing(item)}" for item in found])
    return ExitCode.DONE


def _standing(summary: SessionSummary) -> str:
    if summary.problem:
        return summary.problem
    parts = [f"{summary.workload} on {', '.join(summary.machines) or 'no machine yet'}"]
    if summary.context:
        parts.append(f"context {summary.context}")
    parts.append(f"{summary.done} steps done" + (f", {summary.failed} failed" if summary.failed else ""))
    if summary.held_by:
        parts.append(f"open in {summary.held_by}")
    return " · ".join(parts)
