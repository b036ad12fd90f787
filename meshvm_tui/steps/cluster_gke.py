"""What Google says of the plan's cluster, beside what its API server says; and why that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from meshvm_tui.checks.cluster_gke import gke_findings
from meshvm_tui.findings import found
from meshvm_tui.gcp.clusters import ClusterView, Endpoint, get_credentials, how_to_reach
from meshvm_tui.gcp.places import cluster_project, project_in, short
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.google_facts import cluster_network, compute_reader, defaults, gke_cluster, pods_come_from

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.plan import GkeCluster
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

T = TypeVar("T")
UNREACHABLE = ("MVM-103",)


@dataclass(frozen=True)
class GkeSeen:
    """What Google says of the cluster. `endpoint` is the address of the control plane that is used, None where a
    context says it."""

    view: ClusterView
    project: str
    endpoint: Endpoint | None
    details: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


def gke_seen(ports: ReadPorts, scope: Scope) -> GkeSeen | None:
    """None where the plan names no GKE cluster. Raises what stands between us and Google, MVM-834 and MVM-836; where
    a context of the kubeconfig is used, that is a finding instead, for the cluster may be reached all the same."""
    gke = scope.plan.cluster.gke
    if gke is None:
        return None
    try:
        return _seen(ports, scope, gke)
    except Problem as problem:
        if not scope.plan.cluster.context:
            raise
        finding = found(problem.code, problem.cause, title=problem.title, next_action=problem.next_action)
        return GkeSeen(ClusterView({}), gke.project, None, (), (finding,))


def answered(ask: Callable[[], T], google: GkeSeen | None) -> T:
    """The API server's answer. Where it does not answer and Google says why, ActionNeeded MVM-835 with what helps."""
    try:
        return ask()
    except Problem as problem:
        if google is None or google.endpoint is None or problem.code not in UNREACHABLE:
            raise
        words, action = how_to_reach(google.view, google.endpoint, google.project)
        if not words:
            raise
        raise ActionNeeded(
            "MVM-835", f"{problem.cause}: {words}", next_action=action, evidence=problem.evidence
        ) from problem


def _seen(ports: ReadPorts, scope: Scope, gke: GkeCluster) -> GkeSeen:
    project = cluster_project(gke, defaults(ports, scope))
    view = ClusterView(gke_cluster(ports, scope) or {})
    view.check_running()
    endpoint = None if scope.plan.cluster.context else view.endpoint(gke.endpoint)
    ranges = pods_come_from(ports, scope)
    who = scope.recall("!google-identity", compute_reader(ports).identity)
    network = cluster_network(view.body, project)
    place = f"{gke.name} in {gke.location}, project {project}"
    kind = "Autopilot" if view.is_autopilot else "Standard"
    details = (
        ("GKE", f"{place}, {kind}{', private nodes' if view.has_private_nodes else ''}"),
        ("GKE version", f"{view.version}, release channel {view.channel or 'none'}"),
        ("control plane", f"{endpoint.server} ({endpoint.kind})" if endpoint else "as the context says"),
        ("network", f"{short(network)} of project {project_in(network, project)}"),
        ("Pods come from", "; ".join(f"{cidr} ({origin})" for cidr, origin in ranges.ranges)),
        ("Google login", f"{who.email or 'no email known'} ({who.kind}, {who.source})"),
        ("kubeconfig by hand", get_credentials(project, gke.location, gke.name)),
    )
    return GkeSeen(view, project, endpoint, details, gke_findings(view, project, ranges))
