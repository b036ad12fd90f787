"""Options that several commands share, and what they mean for a plan."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


def cluster_options(function: F) -> F:
    """--kubeconfig and --context, as kubectl has them."""
    function = click.option("--context", default="", metavar="NAME", help="The kubeconfig's context to use.")(function)
    return click.option("--kubeconfig", default="", metavar="PATH", help="The kubeconfig to use.")(function)


def namespace_option(function: F) -> F:
    """-n/--namespace."""
    return click.option(
        "-n", "--namespace", default="", metavar="NAME", help="The workload's namespace instead of the plan's."
    )(function)


def read_only_option(function: F) -> F:
    """--read-only."""
    return click.option("--read-only", is_flag=True, help="Nothing can be changed, whatever is pressed.")(function)


def with_overrides(plan: Plan, *, kubeconfig: str, context: str, namespace: str) -> Plan:
    """The plan with what the command line says instead. Raises PermanentError MVM-701 for what is not valid."""
    if not (kubeconfig or context or namespace):
        return plan
    from meshvm_tui.plan_file import dump_plan, parse_plan

    changed = plan.model_copy(deep=True)
    cluster = {name: value for name, value in (("kubeconfig", kubeconfig), ("context", context)) if value}
    workload = {"namespace": namespace} if namespace else {}
    changed = changed.model_copy(
        update={
            "cluster": changed.cluster.model_copy(update=cluster),
            "workload": changed.workload.model_copy(update=workload),
        }
    )
    return parse_plan(dump_plan(changed), "the plan with the command line's options")


def need_terminal(instead: str) -> None:
    """Raises a usage error where no terminal is on both sides; `instead` says what works without one."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(f"This needs a terminal. Without one: {instead}")
