"""`meshvm-tui onboard`, and what `meshvm-tui` alone does: the terminal app."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshvm_tui.commands.options import (
    cluster_options,
    namespace_option,
    need_terminal,
    read_only_option,
    with_overrides,
)
from meshvm_tui.locations import sessions_dir

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

LAB_COMMAND = (sys.executable, "-m", "meshvm_tui", "lab")


@click.command()
@click.option("--plan", "path", type=click.Path(path_type=Path), help="Begin with this plan (YAML).")
@click.option("--session", "name", default="", metavar="NAME", help="The session (default: the workload's name).")
@cluster_options
@namespace_option
@read_only_option
def onboard(*, path: Path | None, name: str, kubeconfig: str, context: str, namespace: str, read_only: bool) -> int:
    """Lead VMs into the mesh, stage by stage.

    A session of that name that began with the same plan goes on as it was left; a plan that has changed since
    then is taken instead of the session's.
    """
    need_terminal("meshvm-tui apply -f PLAN --yes")
    if path is None:
        return show_app(start="wizard", name=name, read_only=read_only, plan=_plan_of(kubeconfig, context, namespace))
    from meshvm_tui.commands.session_choice import default_name, hold, origin_of
    from meshvm_tui.plan_file import load_plan
    from meshvm_tui.session_store import SessionStore

    plan = with_overrides(load_plan(path), kubeconfig=kubeconfig, context=context, namespace=namespace)
    name = name or default_name(plan)
    store = SessionStore(sessions_dir())
    goes_on = store.exists(name) and store.read(name).origin == origin_of(path)
    if not goes_on:
        hold(store, name, plan, path).close()
    return show_app(start="wizard", name=name, read_only=read_only, plan=None)


def home() -> int:
    """Home: sessions to resume, a new one, monitor, lab."""
    need_terminal("meshvm-tui apply, files, schema, sessions, lab; see meshvm-tui --help")
    return show_app(start="home")


def show_app(
    *,
    start: str,
    name: str = "",
    plan: Plan | None = None,
    read_only: bool = False,
    monitor_context: str = "",
    monitor_namespace: str | None = None,
) -> int:
    """Runs the app until the operator leaves it; 0, or 128 + the signal that ended it."""
    from meshvm_tui.app import make_app
    from meshvm_tui.operator_secrets import MemorySecrets
    from meshvm_tui.session_store import SessionStore
    from meshvm_tui.wiring import WiredConnections

    secrets = MemorySecrets()
    connections = WiredConnections(read_only=read_only, secrets=secrets)
    try:
        app = make_app(
            connections=connections,
            secrets=secrets,
            store=SessionStore(sessions_dir()),
            session_name=name,
            plan=plan,
            start=start,
            monitor_context=monitor_context,
            monitor_namespace=monitor_namespace,
            lab_command=LAB_COMMAND,
        )
        app.run()
    finally:
        connections.close()
    return app.return_code or 0


def _plan_of(kubeconfig: str, context: str, namespace: str) -> Plan | None:
    """An empty plan with the command line's options; None where it has none."""
    if not (kubeconfig or context or namespace):
        return None
    from meshvm_tui.plan import Plan

    return with_overrides(Plan(), kubeconfig=kubeconfig, context=context, namespace=namespace)
