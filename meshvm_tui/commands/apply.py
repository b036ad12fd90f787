"""`meshvm-tui apply`: the whole plan without screens."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshvm_tui.commands.options import cluster_options, namespace_option, read_only_option, with_overrides
from meshvm_tui.commands.other_cluster import other_cluster
from meshvm_tui.commands.script_file import Listing, save_script
from meshvm_tui.commands.session_choice import default_name, hold
from meshvm_tui.commands.skips import skips_of
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.locations import sessions_dir

if TYPE_CHECKING:
    from meshvm_tui.events import Event
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections
    from meshvm_tui.session_store import OpenSession, SessionStore
    from meshvm_tui.terminal_output import Output


@click.command()
@click.option("-f", "--file", "path", required=True, type=click.Path(path_type=Path), help="The plan (YAML).")
@click.option("--yes", is_flag=True, help="Do not ask; every change is printed before it is made.")
@click.option("--dry-run", is_flag=True, help="Only list what would change; exit code 6 where something would.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON, one per line, on stdout.")
@click.option(
    "--script",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --dry-run: save what would be done as a shell script, for kubectl, ssh and scp.",
)
@click.option("--session", "name", default="", metavar="NAME", help="The session (default: the workload's name).")
@click.option(
    "--timeout", "longest", type=click.FloatRange(min=0), metavar="SECONDS", help="No step waits longer than this."
)
@click.option(
    "--skip",
    "skipped",
    multiple=True,
    metavar="STEP",
    help="Go on without a step that only proves something (STEP or STEP@MACHINE); exit code 7: not proven.",
)
@click.option(
    "--accept-cluster",
    "accepted",
    default="",
    metavar="NAME",
    help="Go on in another cluster than the session's own: NAME is its context.",
)
@cluster_options
@namespace_option
@read_only_option
def apply(
    *,
    path: Path,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    script: Path | None,
    name: str,
    longest: float | None,
    skipped: tuple[str, ...],
    accepted: str,
    kubeconfig: str,
    context: str,
    namespace: str,
    read_only: bool,
) -> ExitCode:
    """Do what a plan says: observe each step, change only what is missing, and prove it both ways.

    Running it again changes nothing that is as planned. With --read-only it does what --dry-run does.
    A password for sudo, or an SSH key's passphrase, is asked for on the terminal where one is wanted, or taken from
    MESHVM_TUI_SUDO_PASSWORD and MESHVM_TUI_KEY_PASSPHRASE. Neither is stored.
    """
    from meshvm_tui.operator_secrets import CommandLineSecrets
    from meshvm_tui.plan_file import load_plan
    from meshvm_tui.session_store import SessionStore
    from meshvm_tui.terminal_output import JsonOutput, TextOutput
    from meshvm_tui.wiring import WiredConnections

    dry_run = dry_run or read_only
    if script is not None and not dry_run:
        raise click.UsageError("--script saves what --dry-run lists: say both.")
    if not (dry_run or yes or sys.stdin.isatty()):
        raise click.UsageError("There is no terminal to ask on: say --yes, or --dry-run to only look.")
    plan = with_overrides(load_plan(path), kubeconfig=kubeconfig, context=context, namespace=namespace)
    skips = skips_of(skipped, plan)
    output = JsonOutput() if as_json else TextOutput()
    store = SessionStore(sessions_dir())
    secrets = CommandLineSecrets()
    connections = WiredConnections(read_only=dry_run, secrets=secrets)
    name = name or default_name(plan)
    try:
        if dry_run:
            if script is None:
                return look(plan, name, store, connections, output, longest=longest, skips=skips, accepted=accepted)
            listed = Listing(output)
            code = look(plan, name, store, connections, listed, longest=longest, skips=skips, accepted=accepted)
            save_script(script, plan, listed)
            return code
        held = hold(store, name, plan, path)
        try:
            if cluster := other_cluster(held.session, plan, connections, accepted):
                held.move_to(cluster)
            return _change(plan, held, connections, output, ask=not yes, longest=longest, skips=skips)
        finally:
            held.close()
    finally:
        connections.close()
        secrets.close()


def look(
    plan: Plan,
    name: str,
    store: SessionStore,
    connections: Connections,
    output: Output,
    *,
    longest: float | None = None,
    skips: frozenset[tuple[str, str]] = frozenset(),
    accepted: str = "",
) -> ExitCode:
    """Lists what would change; keeps nothing."""
    from meshvm_tui.commands.running import run_plan
    from meshvm_tui.engine import RunRequest
    from meshvm_tui.events import Mode

    kept: dict[str, Any] = {}
    if store.exists(name):
        session = store.read(name)
        cluster = other_cluster(session, plan, connections, accepted)
        kept = dict((session.in_cluster(cluster) if cluster else session).kept)
    request = RunRequest(plan, Mode.PLAN, session=name, longest=longest, skips=skips)
    finished = run_plan(request, connections, output, kept=kept)
    return ExitCode(finished.exit_code)


def _change(
    plan: Plan,
    held: OpenSession,
    connections: Connections,
    output: Output,
    *,
    ask: bool,
    longest: float | None,
    skips: frozenset[tuple[str, str]],
) -> ExitCode:
    from meshvm_tui.commands.running import run_plan
    from meshvm_tui.engine import RunRequest
    from meshvm_tui.events import Mode

    request = RunRequest(
        plan, Mode.APPLY, session=held.session.name, files_root=held.files_dir, longest=longest, skips=skips
    )
    if ask:
        review = _Review(output)
        seen = run_plan(replace(request, mode=Mode.PLAN), connections, review, held)
        if seen.exit_code not in (ExitCode.DONE, ExitCode.CHANGES_PENDING):
            return ExitCode(seen.exit_code)
        if not click.confirm("Make these changes?", err=True):
            return ExitCode.CANCELLED
        request = replace(request, approved=review.shown)
    return ExitCode(run_plan(request, connections, output, held).exit_code)


class _Review:
    """An output that remembers which fingerprints the operator was shown."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.shown: dict[tuple[str, str], tuple[str, ...]] = {}

    def take(self, event: Event) -> None:
        """Passes the event on; a finished step's changes are what was shown of it."""
        from meshvm_tui.events import StepFinished

        self._output.take(event)
        if isinstance(event, StepFinished):
            self.shown[event.step, event.machine] = tuple(change.fingerprint for change in event.changes)
