"""What Google says of the plan's cluster, beside what its API server says; and why that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from meshvm_tui.checks.cluster_gke import gke_findings
from meshvm_tui.gcp.clusters import ClusterView, how_to_reach
from meshvm_tui.gcp.places import cluster_project, short
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.google_facts import cluster_network, compute_reader, defaults, gke_cluster, pods_come_from

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

T = TypeVar("T")
UNREACHABLE = ("MVM-103",)


@dataclass(frozen=True)
class GkeSeen:
    """A GKE cluster with its project, and what is worth showing of it."""

    view: ClusterView
    project: str
    details: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


def gke_seen(ports: ReadPorts, scope: Scope) -> GkeSeen | None:
    """None where the plan names no GKE cluster. Raises what stands between us and Google, MVM-834 and MVM-836."""
    gke = scope.plan.cluster.gke
    if gke is None:
        return None
    project = cluster_project(gke, defaults(ports, scope))
    body = gke_cluster(ports, scope)
    view = ClusterView(body or {})
    view.check_running()
    ranges = pods_come_from(ports, scope)
    who = scope.recall("!google-identity", compute_reader(ports).identity)
    network = cluster_network(view.body, project)
    details = (
        ("GKE", f"{gke.name} in {gke.location}, {project}{', Autopilot' if view.is_autopilot else ''}"),
        ("release channel", view.channel or "none"),
        ("control plane", _endpoint(view, scope)),
        ("network", f"{short(network)} ({network.partition('projects/')[2].partition('/')[0]})"),
        ("Pods come from", "; ".join(f"{cidr} ({origin})" for cidr, origin in ranges.ranges)),
        ("Google login", f"{who.email or who.kind} ({who.kind}, {who.source})"),
    )
    return GkeSeen(view, project, details, gke_findings(view, ranges))


def answered(ask: Callable[[], T], google: GkeSeen | None) -> T:
    """The API server's answer. Where it does not answer and Google says why, ActionNeeded MVM-835 with what helps."""
    try:
        return ask()
    except Problem as problem:
        if google is None or problem.code not in UNREACHABLE:
            raise
        words, action = how_to_reach(google.view, google.project)
        if not words:
            raise
        raise ActionNeeded("MVM-835", f"{problem.cause}: {words}", next_action=action) from problem


def _endpoint(view: ClusterView, scope: Scope) -> str:
    gke = scope.plan.cluster.gke
    if gke is None or scope.plan.cluster.context:
        return f"as the context {scope.plan.cluster.context} says"
    endpoint = view.endpoint(gke.endpoint)
    return f"{endpoint.server} ({endpoint.kind})"
