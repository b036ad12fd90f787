"""What the kind of a GKE cluster means for a mesh with VMs: functions from its description to findings."""

from __future__ import annotations

from meshvm_tui.findings import Finding, Severity, found
from meshvm_tui.gcp.clusters import ClusterView
from meshvm_tui.gcp.pod_ranges import PodRanges


def gke_findings(view: ClusterView, ranges: PodRanges) -> tuple[Finding, ...]:
    """Autopilot, private nodes, and ranges of Pods that are not known."""
    findings = []
    if view.is_autopilot:
        findings.append(
            found(
                "MVM-842",
                f"{view.name} in {view.location}: Pods may not add NET_ADMIN unless the cluster allows it, "
                "so istio-init needs Istio's CNI there",
                severity=Severity.INFO,
            )
        )
    if view.has_private_nodes:
        words = f"{view.name} in {view.location}: its nodes have no external addresses, images come by Private Google "
        findings.append(found("MVM-843", f"{words}Access or Cloud NAT", severity=Severity.INFO))
    if ranges.unexplained:
        words = f"secondary ranges {', '.join(ranges.unexplained)} are in no subnetwork that can be read"
        findings.append(found("MVM-847", words, next_action="List their addresses in firewall.sources."))
    return tuple(findings)
