"""The commands that do by hand what a step does, quoted so that they can be pasted."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.gcp.clusters import context_name

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

JSON = dict[str, Any]


def kubectl(plan: Plan, *arguments: str) -> str:
    """A kubectl command on the plan's cluster."""
    return shlex.join(["kubectl", *_cluster_flags(plan), *arguments])


def istioctl(plan: Plan, *arguments: str) -> str:
    """An istioctl command on the plan's cluster."""
    return shlex.join(["istioctl", *_cluster_flags(plan), *arguments])


def kubectl_apply(plan: Plan, obj: JSON) -> str:
    """The object's server-side apply, with the object in the command itself."""
    command = kubectl(plan, "apply", "--server-side", "--field-manager=meshvm-tui", "-f", "-")
    return f"{command} <<'EOF'\n{as_yaml(obj)}EOF"


def as_yaml(obj: Any) -> str:
    """An object as an operator would read it."""
    return yaml.safe_dump(obj, sort_keys=False, default_flow_style=False, allow_unicode=True, width=100)


def _cluster_flags(plan: Plan) -> list[str]:
    flags = []
    if plan.cluster.kubeconfig:
        flags.append(f"--kubeconfig={plan.cluster.kubeconfig}")
    if context := plan.cluster.context or _gke_context(plan):
        flags.append(f"--context={context}")
    return flags


def _gke_context(plan: Plan) -> str:
    """What `gcloud container clusters get-credentials` calls the cluster's context; "" where the plan names none."""
    gke = plan.cluster.gke
    return context_name(gke.project, gke.location, gke.name) if gke and gke.project else ""
