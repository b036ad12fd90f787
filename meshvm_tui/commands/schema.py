"""`meshvm-tui schema`."""

from __future__ import annotations

import json

import click

from meshvm_tui.exit_codes import ExitCode


@click.command()
def schema() -> ExitCode:
    """Print the plan's JSON Schema, for editors that complete and check YAML by it."""
    from meshvm_tui.plan_file import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
    return ExitCode.DONE
