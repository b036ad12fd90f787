"""What the kind of a GKE cluster means for a mesh with VMs: functions from its description to findings."""

from __future__ import annotations

from meshvm_tui.findings import Finding, Severity, found
from meshvm_tui.gcp.clusters import ClusterView, update_command, who_is_let_in
from meshvm_tui.gcp.pod_ranges import PodRanges

WEBHOOK_PORT = 15017


def gke_findings(view: ClusterView, project: str, ranges: PodRanges) -> tuple[Finding, ...]:
    """Autopilot, private nodes, who reaches the control plane, and the ranges of Pods."""
    return (*_autopilot(view, project), *_private_nodes(view), *_control_plane(view), *_pods(view, ranges))


def _autopilot(view: ClusterView, project: str) -> tuple[Finding, ...]:
    """Autopilot admits no NET_ADMIN, which istio-init adds, until the cluster's workload policy allows it; requests
    for CPU and memory are filled in where they are missing and raised to its minimum
    (cloud.google.com/kubernetes-engine/docs/concepts: autopilot-security, autopilot-resource-requests)."""
    if not view.is_autopilot:
        return ()
    where = f"{view.name} in {view.location}: Autopilot sets the CPU and memory requests of Pods"
    if view.allows_net_admin:
        words = f"{where}; they may add NET_ADMIN, which istio-init does"
        return (found("MVM-842", words, severity=Severity.INFO),)
    command = update_command(view, project, "--workload-policies=allow-net-admin")
    words = f"{where}; they may not add NET_ADMIN, so those into which istio-init is injected are refused"
    return (found("MVM-842", words, next_action=f"Run: {command}"),)


def _private_nodes(view: ClusterView) -> tuple[Finding, ...]:
    """The control plane's own firewall rule lets it reach private nodes at 443 and 10250 only
    (cloud.google.com/service-mesh/docs/private-cluster-open-port)."""
    if not view.has_private_nodes:
        return ()
    words = f"{view.name} in {view.location}: its nodes have no external addresses"
    action = (
        "See that they can pull images (Private Google Access, Cloud NAT), and that a firewall rule lets the control "
        f"plane reach istiod's webhook at TCP {WEBHOOK_PORT}."
    )
    return (found("MVM-843", words, severity=Severity.INFO, next_action=action),)


def _control_plane(view: ClusterView) -> tuple[Finding, ...]:
    if not (words := who_is_let_in(view)):
        return ()
    dns = f"its DNS endpoint {view.dns_name} lets users in" if view.dns_name else "its DNS endpoint lets nobody in"
    return (
        found(
            "MVM-835",
            f"{words}; {dns}",
            severity=Severity.INFO,
            title="The control plane is open to some networks only",
            next_action="Nothing to do while it answers here.",
        ),
    )


def _pods(view: ClusterView, ranges: PodRanges) -> tuple[Finding, ...]:
    """Ranges whose addresses no subnetwork told, for Pods of them would be left out; and that there are several."""
    findings = []
    if ranges.unexplained:
        words = f"secondary ranges {', '.join(ranges.unexplained)} are in no subnetwork that can be read"
        findings.append(found("MVM-847", words, next_action="List their addresses in firewall.sources."))
    if len(ranges.ranges) > 1:
        words = f"{view.name}: {', '.join(f'{cidr} ({origin})' for cidr, origin in ranges.ranges)}"
        findings.append(found("MVM-849", words, severity=Severity.INFO))
    return tuple(findings)
