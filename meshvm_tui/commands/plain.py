"""What `--plain` runs: the wizard and the monitor as questions and answers on this terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from meshvm_tui.locations import go_on_command, sessions_dir

if TYPE_CHECKING:
    from meshvm_tui.plain.talk import Talk
    from meshvm_tui.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


def plain_option(function: F) -> F:
    """--plain."""
    return click.option(
        "--plain", is_flag=True, help="Questions and answers on plain lines: for screen readers and dumb terminals."
    )(function)


def is_plain(wanted: bool) -> bool:
    """Whether plain lines are wanted, or all that this terminal can show; the latter is said."""
    if not wanted and os.environ.get("TERM") == "dumb":
        click.echo("TERM is dumb: going on as with --plain.", err=True)
        return True
    return wanted


def plain_onboarding(name: str, plan: Plan | None, *, read_only: bool) -> int:
    """Leads a session; 0, or what ended it."""
    from meshvm_tui.app_session import open_session
    from meshvm_tui.commands.running import run_plan
    from meshvm_tui.engine import RunRequest
    from meshvm_tui.events import Mode
    from meshvm_tui.operator_secrets import CommandLineSecrets
    from meshvm_tui.plain.onboarding import Onboarding
    from meshvm_tui.plain.talk import Left, leaving_by_signals
    from meshvm_tui.session_store import SessionStore
    from meshvm_tui.wiring import WiredConnections

    held = open_session(SessionStore(sessions_dir()), name, plan)
    secrets = CommandLineSecrets()
    connections = WiredConnections(read_only=read_only, secrets=secrets)

    def run(mode: Any, upto: Any, approved: Any, output: Any) -> Any:
        request = RunRequest(
            held.session.plan,
            mode,
            session=held.session.name,
            upto=upto,
            approved=approved,
            files_root=held.files_dir,
        )
        ending: list[int] = []
        finished = run_plan(request, connections, output, held, record=mode is Mode.APPLY, heard=ending.append)
        if number := next((item for item in ending if item != signal.SIGINT), 0):
            raise Left(128 + number)
        return finished

    talk = _talk()
    try:
        with leaving_by_signals():
            return Onboarding(talk, held, connections, run).lead()
    except Left as left:
        talk.say(f"Saved. To go on: {go_on_command(held.session.name)} --plain")
        return left.code
    finally:
        held.close()
        connections.close()
        secrets.close()


def plain_monitor(plan: Plan, namespace: str | None) -> int:
    """The monitor as lines."""
    from meshvm_tui.plain.monitor import watch
    from meshvm_tui.wiring import WiredConnections

    connections = WiredConnections(read_only=True)
    try:
        return watch(_talk(), connections, plan, namespace)
    finally:
        connections.close()


def _talk() -> Talk:
    from meshvm_tui.commands.look import speaks_unicode
    from meshvm_tui.plain.talk import Talk

    return Talk(sys.stdin, sys.stdout, unicode=speaks_unicode(os.environ))
