"""`meshvm-tui sessions`: the list, and what can be done with a session as a whole."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.locations import sessions_dir

if TYPE_CHECKING:
    from meshvm_tui.session_store import SessionStore, SessionSummary


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
def sessions(context: click.Context, as_json: bool) -> ExitCode:
    """List the sessions, the one that was changed last first, each with what it needs next.

    `resume` goes on with one; the commands below rename, copy and delete.
    """
    if context.invoked_subcommand is not None:
        return ExitCode.DONE
    found = _store().list()
    if as_json:
        for summary in found:
            click.echo(json.dumps(asdict(summary), ensure_ascii=False))
        return ExitCode.DONE
    return _table(found)


@sessions.command()
@click.argument("name")
@click.argument("new")
def rename(name: str, new: str) -> ExitCode:
    """Give the session NAME the name NEW."""
    from meshvm_tui.session_actions import rename_session
    from meshvm_tui.terminal_output import say

    rename_session(_store(), name, new)
    say(f"{name} is called {new} now.")
    return ExitCode.DONE


@sessions.command()
@click.argument("name")
@click.argument("new")
def copy(name: str, new: str) -> ExitCode:
    """Make a session NEW with the plan of NAME, and nothing else of it: nothing counts as done."""
    from meshvm_tui.session_actions import copy_session
    from meshvm_tui.terminal_output import say

    copy_session(_store(), name, new)
    say(f"{new} has the plan of {name}. `meshvm-tui resume {new}` goes on with it.")
    return ExitCode.DONE


@sessions.command()
@click.argument("name")
def plan(name: str) -> ExitCode:
    """Print the plan of the session NAME as YAML, for `apply -f` and `onboard --plan`."""
    from meshvm_tui.plan_file import dump_plan

    click.echo(dump_plan(_store().read(name).plan), nl=False)
    return ExitCode.DONE


@sessions.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(name: str, yes: bool) -> ExitCode:
    """Remove the session NAME from this computer.

    What it made in the cluster, on the VMs and in Google Cloud stays there, and is named first.
    """
    from meshvm_tui.session_actions import delete_session
    from meshvm_tui.terminal_output import say

    store = _store()
    _say_what_stays(store, name)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody to ask: give --yes.")
        click.confirm(f"Delete the session {name}?", abort=True, err=True)
    delete_session(store, name)
    say(f"{name} is deleted.")
    return ExitCode.DONE


def _store() -> SessionStore:
    from meshvm_tui.session_store import SessionStore

    return SessionStore(sessions_dir())


def _say_what_stays(store: SessionStore, name: str) -> None:
    from meshvm_tui.problems import Problem
    from meshvm_tui.session_leftovers import leftovers
    from meshvm_tui.terminal_output import say

    try:
        stays = leftovers(store.read(name))
    except Problem as problem:
        if problem.code not in ("MVM-712", "MVM-713"):
            raise
        say(f"{problem.code} {problem.title}: what it has made cannot be told.")
        return
    if not stays:
        say("It has made nothing outside of this computer.")
        return
    say("This removes only its folder on this computer. What stays where it is:")
    for item in stays:
        say(f"  {item.place}: {', '.join(item.things)}")


def _table(found: tuple[SessionSummary, ...]) -> ExitCode:
    from meshvm_tui.terminal_output import say, write_lines

    if not found:
        say(f"There are no sessions in {sessions_dir()}.")
        return ExitCode.DONE
    width = max(len("NAME"), *(len(summary.name) for summary in found))
    write_lines(sys.stdout, [f"{'NAME':<{width}}  {'CHANGED':<20}  NEXT"])
    write_lines(sys.stdout, [f"{item.name:<{width}}  {item.updated:<20}  {_standing(item)}" for item in found])
    return ExitCode.DONE


def _standing(summary: SessionSummary) -> str:
    parts = [summary.problem or summary.next]
    if summary.held_by:
        parts.append(f"open in {summary.held_by}")
    if summary.cluster:
        parts.append(summary.cluster)
    if not summary.problem:
        parts.append(f"{summary.workload} on {', '.join(summary.machines) or 'no machine yet'}")
    return " · ".join(parts)
