"""What stands between Pods and a VM on Compute Engine, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from meshvm_tui.findings import Finding, Severity, found
from meshvm_tui.gcp.network_path import Verdict
from meshvm_tui.gcp.places import project_in, short


def blocked(verdicts: Sequence[tuple[str, int, Verdict]]) -> tuple[Finding, ...]:
    """Pod ranges and ports that a rule or a policy denies. One that nothing matches is the missing rule's affair."""
    findings = []
    for source, port, verdict in verdicts:
        if not verdict.allowed and verdict.rule:
            words = f"{verdict.rule} (priority {verdict.priority}) denies TCP {port} from {source}"
            findings.append(found("MVM-822", words))
    return tuple(dict.fromkeys(findings))


def other_network(cluster_network: str, instance_network: str) -> Finding:
    """Cluster and VM in two VPC networks: a rule alone does not join them."""
    ours, theirs = _in_words(cluster_network), _in_words(instance_network)
    return found(
        "MVM-824",
        f"the cluster is in {ours}, the VM in {theirs}",
        next_action="Peer them (peering is not transitive) or join them by VPN, with routes to the Pod ranges.",
    )


def masqueraded(address: str, why: str) -> Finding:
    """Pods reach the VM with their nodes' addresses, which the rule does not name."""
    return found(
        "MVM-823",
        f"{address}: {why}",
        next_action="Add the VM's range to nonMasqueradeCIDRs, or the nodes' range to firewall.sources.",
    )


def unmanaged(name: str, sources: Sequence[str], ports: Sequence[int]) -> Finding:
    """The plan leaves the rule to somebody else, and it is not there."""
    what = f"TCP {', '.join(map(str, ports))} from {', '.join(sources)}"
    return found("MVM-844", f"no rule lets {what} in; the plan leaves {name} to somebody else")


def not_judged(words: str) -> Finding:
    """getEffectiveFirewalls was refused: hierarchical policies cannot be seen."""
    return found("MVM-845", words, severity=Severity.INFO)


def closed_ports(ports: Sequence[int]) -> tuple[Finding, ...]:
    """Ports of the workload that the plan's rule does not open."""
    if not ports:
        return ()
    return (found("MVM-848", f"TCP {', '.join(str(port) for port in ports)}"),)


def no_ssh(port: int) -> Finding:
    """No rule lets SSH in from outside."""
    return found("MVM-825", f"no rule allows TCP {port} from the internet to this instance")


def _in_words(network: str) -> str:
    return f"{short(network)} of {project_in(network, 'its project')}"
