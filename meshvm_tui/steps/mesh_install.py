"""install: only for a cluster without Istio. What speaks against it is told before istioctl is asked anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshvm_tui.istio import operator
from meshvm_tui.plan import AUTO, Install
from meshvm_tui.ports import DEPLOYMENTS, MUTATING_WEBHOOKS
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.commands import istioctl
from meshvm_tui.steps.mesh_facts import planned_facts
from meshvm_tui.steps.mesh_manager import operators_of
from meshvm_tui.steps.mesh_revisions import revisions_in_words, running_revisions

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
OPERATOR_FILE = "istio-vm-install.yaml"


def install_document(plan: Plan) -> str:
    """The IstioOperator of a new control plane."""
    facts = planned_facts(plan, "default" if plan.mesh.revision == AUTO else plan.mesh.revision or "default")
    return operator.control_plane(
        mesh_id=facts.mesh_id,
        cluster_id=facts.cluster_id,
        network=facts.network,
        revision=facts.revision,
        namespace=facts.istio_namespace,
        profile=plan.mesh.profile,
    )


def refuse_where_nothing_may_be_installed(ports: ReadPorts, scope: Scope) -> None:
    """ActionNeeded where the plan does not say install, or any control plane serves this cluster already."""
    plan = scope.plan
    if running_revisions(ports, scope):
        raise ActionNeeded(
            "MVM-204",
            f"revision {plan.mesh.revision} does not run in {plan.mesh.istio_namespace}; "
            f"there is {revisions_in_words(ports, scope)}",
        )
    if outside := [f"webhook {name} injects from outside this cluster" for name in _injectors(ports, outside=True)]:
        raise _another_control_plane(outside)
    if plan.mesh.install is not Install.INSTALL:
        by_hand = istioctl(plan, "install", "-y", "-f", OPERATOR_FILE)
        raise ActionNeeded(
            "MVM-201",
            f"no istiod runs in namespace {plan.mesh.istio_namespace}, and the plan says install: {plan.mesh.install}",
            evidence={OPERATOR_FILE: install_document(plan), "by hand": by_hand},
        )
    scope.recall("nothing-beside", lambda: _refuse_beside(ports))
    if plan.mesh.version and (own := ports.istioctl.version()) != plan.mesh.version:
        raise ActionNeeded("MVM-219", f"istioctl on PATH is {own}, mesh.version is {plan.mesh.version}")


def _refuse_beside(ports: ReadPorts) -> None:
    """A second mesh would contend for the kinds and the webhooks of the whole cluster."""
    if elsewhere := sorted(
        {item["metadata"]["namespace"] for item in ports.cluster.list(DEPLOYMENTS, labels="app=istiod")}
    ):
        raise ActionNeeded(
            "MVM-207",
            f"istiod runs in namespace {', '.join(elsewhere)}",
            next_action=f"Set mesh.istioNamespace: {elsewhere[0]} to use it, or pick another cluster.",
        )
    if operators := operators_of(ports):
        raise _another_control_plane([f"{found.evidence} belongs to {found.tool}" for found in operators])
    if left := _injectors(ports, outside=False):
        raise ActionNeeded(
            "MVM-207",
            f"webhook {', '.join(left)} injects sidecars, but no istiod runs in this cluster",
            next_action="Where it leads to an istiod elsewhere, have that one serve VMs; a leftover goes by "
            "`istioctl uninstall --purge`.",
        )


def _another_control_plane(signs: list[str]) -> ActionNeeded:
    return ActionNeeded(
        "MVM-207",
        "; ".join(signs),
        next_action="VMs join through an istiod in the cluster itself: have its owner install one, or pick another.",
    )


def _injectors(ports: ReadPorts, *, outside: bool) -> list[str]:
    """Injection webhooks that lead out of the cluster (a managed or remote control plane), or to a Service in it."""
    return sorted(
        item["metadata"]["name"]
        for item in ports.cluster.list(MUTATING_WEBHOOKS, labels="app=sidecar-injector")
        if outside == any((hook.get("clientConfig") or {}).get("url") for hook in item.get("webhooks") or ())
    )
