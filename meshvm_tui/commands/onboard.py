"""`meshvm-tui onboard`, and what `meshvm-tui` alone does: the terminal app."""

from __future__ import annotations

import gc
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
from meshvm_tui.commands.plain import is_plain, plain_onboarding, plain_option
from meshvm_tui.locations import sessions_dir

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

LAB_COMMAND = (sys.executable, "-m", "meshvm_tui", "lab")


@click.command()
@click.option("--plan", "path", type=click.Path(path_type=Path), help="Begin with this plan (YAML).")
@click.option("--session", "name", default="", metavar="NAME", help="The session (default: the workload's name).")
@cluster_options
@namespace_option
@click.option("--project", default="", metavar="ID", help="Google Cloud project of the GKE cluster and the instances.")
@click.option("--zone", default="", metavar="ZONE", help="Zone of the Compute Engine instances.")
@read_only_option
@plain_option
def onboard(
    *,
    path: Path | None,
    name: str,
    kubeconfig: str,
    context: str,
    namespace: str,
    project: str,
    zone: str,
    read_only: bool,
    plain: bool,
) -> int:
    """Lead VMs into the mesh, stage by stage.

    A session of that name that began with the same plan goes on as it was left; a plan that has changed since
    then is taken instead of the session's.
    """
    plain = is_plain(plain)
    if not plain:
        need_terminal("meshvm-tui apply -f PLAN --yes")
    if path is None:
        plan = _plan_of(kubeconfig, context, namespace)
        if project or zone:
            plan = _on_google(plan, project, zone)
        return _show(plain, name, plan, read_only=read_only)
    from meshvm_tui.commands.session_choice import default_name, hold, origin_of
    from meshvm_tui.plan_file import load_plan
    from meshvm_tui.session_store import SessionStore

    plan = with_overrides(load_plan(path), kubeconfig=kubeconfig, context=context, namespace=namespace)
    if project or zone:
        plan = _with_place(plan, project, zone)
    name = name or default_name(plan)
    store = SessionStore(sessions_dir())
    goes_on = store.exists(name) and store.read(name).origin == origin_of(path)
    if not goes_on:
        hold(store, name, plan, path).close()
    return _show(plain, name, None, read_only=read_only)


def _show(plain: bool, name: str, plan: Plan | None, *, read_only: bool) -> int:
    if plain:
        return plain_onboarding(name, plan, read_only=read_only)
    return show_app(start="wizard", name=name, read_only=read_only, plan=plan)


def home() -> int:
    """Home: sessions to resume, a new one, monitor, lab."""
    if is_plain(False):
        raise click.UsageError("Say what to do: meshvm-tui onboard, resume, monitor or lab, with --plain.")
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
    from meshvm_tui.app_memory import rest_until_shown

    rest_until_shown()
    from meshvm_tui.app import make_app
    from meshvm_tui.commands.look import look_here
    from meshvm_tui.locations import preferences_file
    from meshvm_tui.operator_secrets import MemorySecrets
    from meshvm_tui.preferences import read_preferences
    from meshvm_tui.session_store import SessionStore
    from meshvm_tui.start_needs import StartNeeds
    from meshvm_tui.terminal_writer import use_draining_writer
    from meshvm_tui.wiring import WiredConnections

    preferences = read_preferences(preferences_file())
    for words in preferences.problems:
        # In the app home says it; here it is what still stands there after the app's end.
        click.echo(words, err=True)
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
            look=look_here(preferences),
            needs=StartNeeds(),
        )
        use_draining_writer()
        app.run()
    finally:
        gc.enable()
        connections.close()
    return app.return_code or 0


def _plan_of(kubeconfig: str, context: str, namespace: str) -> Plan | None:
    """An empty plan with the command line's options; None where it has none."""
    if not (kubeconfig or context or namespace):
        return None
    from meshvm_tui.plan import Plan

    return with_overrides(Plan(), kubeconfig=kubeconfig, context=context, namespace=namespace)


def _on_google(plan: Plan | None, project: str, zone: str) -> Plan:
    """The plan with its first machine on Compute Engine, in that project and zone."""
    from meshvm_tui.plan import GceInstance
    from meshvm_tui.plan import Plan as Document
    from meshvm_tui.plan_fields import with_a_machine

    plan = with_a_machine(plan or Document())
    machine = plan.machines[0].model_copy(update={"gce": GceInstance()})
    return _with_place(plan.model_copy(update={"machines": [machine]}), project, zone)


def _with_place(plan: Plan, project: str, zone: str) -> Plan:
    """The plan with that project and zone wherever it has a GKE cluster or an instance. Raises PermanentError MVM-701
    for what is not valid, a usage error where the plan has nothing on Google Cloud."""
    from meshvm_tui.plan_file import dump_plan, parse_plan

    if not plan.uses_google:
        raise click.UsageError("--project and --zone: this plan has no GKE cluster and no machine on Compute Engine.")
    place = {name: value for name, value in (("project", project), ("zone", zone)) if value}
    machines = [
        machine.model_copy(update={"gce": machine.gce.model_copy(update=place)}) if machine.gce else machine
        for machine in plan.machines
    ]
    cluster = plan.cluster
    if cluster.gke and project:
        cluster = cluster.model_copy(update={"gke": cluster.gke.model_copy(update={"project": project})})
    changed = plan.model_copy(update={"machines": machines, "cluster": cluster})
    return parse_plan(dump_plan(changed), "the plan with the command line's options")
