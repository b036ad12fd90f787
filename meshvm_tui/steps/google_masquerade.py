"""With which address Pods arrive at the VM: their own, or their nodes' (GKE, IP masquerade agent).

Standard clusters: the agent's ConfigMap lists where Pods keep theirs; without one a list of GKE's own counts, and
without the agent too, unless the cluster was made with default SNAT switched off. Autopilot: EgressNATPolicies say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.checks import google_network
from meshvm_tui.gcp.network_path import is_masqueraded
from meshvm_tui.ports import CONFIG_MAPS, DAEMON_SETS, Resource
from meshvm_tui.problems import Problem
from meshvm_tui.steps.google_facts import instance
from meshvm_tui.steps.step import machine_of

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.ports import ClusterReader, ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
AGENT = "ip-masq-agent"
EGRESS_NAT_POLICIES = Resource("networking.gke.io", "v1", "egressnatpolicies", "EgressNATPolicy", namespaced=False)
KEEPS_ITS_SOURCE = "NoSNAT"


def masquerade_findings(ports: ReadPorts, scope: Scope, cluster: JSON) -> list[Finding]:
    """Whether Pods of the cluster reach the machine's address with their nodes' addresses. What may not be read is
    left out: this is a hint, and the probe has the last word."""
    view = instance(ports, scope)
    address = machine_of(scope).address or (view.internal_address if view else "")
    if not address:
        return []
    try:
        listed, why = _kept(ports.cluster, cluster)
    except Problem:
        return []
    return [google_network.masqueraded(address, why)] if is_masqueraded(address, listed) else []


def _kept(reader: ClusterReader, cluster: JSON) -> tuple[list[str] | None, str]:
    """The destinations for which Pods keep their address, None for GKE's own list; and who says so."""
    if cluster.get("autopilot", {}).get("enabled"):
        return _by_policies(reader)
    config = reader.get(CONFIG_MAPS, AGENT, "kube-system")
    if config is not None and (listed := _listed(config)) is not None:
        return listed, f"{AGENT} leaves {', '.join(listed) or 'nothing'} alone"
    if config is not None or reader.get(DAEMON_SETS, AGENT, "kube-system") is not None:
        return None, f"{AGENT} runs with its own list"
    if cluster.get("networkConfig", {}).get("defaultSnatStatus", {}).get("disabled"):
        return ["0.0.0.0/0", "::/0"], "default SNAT is switched off"
    return None, "it is outside of what GKE's default SNAT leaves alone"


def _by_policies(reader: ClusterReader) -> tuple[list[str] | None, str]:
    if not reader.serves(EGRESS_NAT_POLICIES):
        return None, "it is outside of what Autopilot leaves alone"
    specs = [policy.get("spec", {}) for policy in reader.list(EGRESS_NAT_POLICIES)]
    kept = [
        str(item.get("cidr", "") if isinstance(item, dict) else item)
        for spec in specs
        if spec.get("action") == KEEPS_ITS_SOURCE
        for item in spec.get("destinations", [])
    ]
    ranges = [cidr for cidr in kept if cidr]
    return ranges, f"the EgressNATPolicies leave {', '.join(ranges) or 'nothing'} alone"


def _listed(config: JSON) -> list[str] | None:
    """nonMasqueradeCIDRs of the agent's ConfigMap, whose one file is YAML or JSON; None where it lists none."""
    for text in (config.get("data") or {}).values():
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if isinstance(document, dict) and isinstance(document.get("nonMasqueradeCIDRs"), list):
            return [str(item) for item in document["nonMasqueradeCIDRs"]]
    return None
