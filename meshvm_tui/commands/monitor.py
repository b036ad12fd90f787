"""`meshvm-tui monitor`."""

from __future__ import annotations

import click

from meshvm_tui.commands.onboard import show_app
from meshvm_tui.commands.options import cluster_options, need_terminal
from meshvm_tui.commands.plain import is_plain, plain_monitor, plain_option


@click.command()
@cluster_options
@click.option("-n", "--namespace", default="", metavar="NAME", help="This namespace (default: the context's).")
@click.option("-A", "--all-namespaces", is_flag=True, help="Every namespace.")
@plain_option
def monitor(*, kubeconfig: str, context: str, namespace: str, all_namespaces: bool, plain: bool) -> int:
    """Watch WorkloadEntries come, change and go. Nothing but reading can leave this process."""
    if namespace and all_namespaces:
        raise click.UsageError("Either -n or -A, not both.")
    plain = is_plain(plain)
    if not plain:
        need_terminal("kubectl get workloadentries --watch")
    from meshvm_tui.plan import Cluster, Plan

    plan = Plan(cluster=Cluster(kubeconfig=kubeconfig, context=context))
    if plain:
        return plain_monitor(plan, None if all_namespaces else namespace)
    return show_app(
        start="monitor",
        plan=plan,
        read_only=True,
        monitor_context=context,
        monitor_namespace=None if all_namespaces else namespace,
    )
