"""What else stands between Pods and a VM: asked of Google and of the cluster, judged by `gcp.network_path`.

What may not be looked at is said, and stops nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.checks import google_network
from meshvm_tui.gcp.firewall import ANYWHERE, allows, is_in_network
from meshvm_tui.gcp.network_path import is_masqueraded, same_network, verdict
from meshvm_tui.plan import Via
from meshvm_tui.ports import CONFIG_MAPS, DAEMON_SETS
from meshvm_tui.problems import Problem
from meshvm_tui.steps.google_facts import (
    cluster_network,
    compute_reader,
    gke_cluster,
    instance,
    network_of,
    place,
)
from meshvm_tui.steps.step import machine_of

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.firewall_rules import Wanted
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
AGENT = "ip-masq-agent"


def path_findings(ports: ReadPorts, scope: Scope, wanted: tuple[Wanted, ...]) -> tuple[Finding, ...]:
    """Everything that is known, in the order in which traffic meets it."""
    found = list(google_network.closed_ports(_closed(scope)))
    cluster = gke_cluster(ports, scope)
    if cluster is not None:
        found += _networks(ports, scope, cluster)
        found += _masquerade(ports, scope, cluster)
    if instance(ports, scope) is not None:
        found += _effective(ports, scope, wanted[0])
        found += _ssh(ports, scope, wanted[0])
    return tuple(found)


def _closed(scope: Scope) -> list[int]:
    """Ports that the workload serves and the plan's rule does not open."""
    served = set(scope.plan.workload.ports.values())
    if scope.plan.services.http_server:
        served.add(scope.plan.services.http_server.port)
    return sorted(served - set(scope.plan.firewall.ports))


def _networks(ports: ReadPorts, scope: Scope, cluster: JSON) -> list[Finding]:
    project = place(ports, scope).project
    theirs, ours = cluster_network(cluster, project), network_of(ports, scope)
    return [] if same_network(theirs, ours, project) else [google_network.other_network(theirs, ours)]


def _effective(ports: ReadPorts, scope: Scope, wanted: Wanted) -> list[Finding]:
    view, where = instance(ports, scope), place(ports, scope)
    if view is None:
        return []
    try:
        effective = compute_reader(ports).effective_firewalls(where.project, where.zone, view.name)
    except Problem as problem:
        if problem.code != "MVM-805":
            raise
        return [google_network.not_judged(problem.cause)]
    pairs = [(source, port) for source in wanted.rule.sources for port in wanted.rule.ports]
    judged = [(source, port, verdict(effective, view, source, port)) for source, port in pairs]
    found = list(google_network.blocked(judged))
    open_ = all(one.allowed for _, _, one in judged)
    if not scope.plan.firewall.manage and not open_ and not found:
        found.append(google_network.unmanaged(wanted.rule.name, wanted.rule.sources, wanted.rule.ports))
    return found


def _ssh(ports: ReadPorts, scope: Scope, wanted: Wanted) -> list[Finding]:
    """Whether SSH from the internet finds any rule at all; a rule for some addresses may well be for ours."""
    machine, view = machine_of(scope), instance(ports, scope)
    if machine.ssh.via is not Via.EXTERNAL or view is None:
        return []
    listed = scope.recall(f"google-firewalls/{wanted.project}", lambda: compute_reader(ports).firewalls(wanted.project))
    rules = [rule for rule in listed if is_in_network(rule, wanted.rule.network)]
    some = [{**rule, "sourceRanges": [ANYWHERE]} for rule in rules]
    if allows(some, ANYWHERE, machine.ssh.port, view.tags, view.service_account) is None:
        return [google_network.no_ssh(machine.ssh.port)]
    return []


def _masquerade(ports: ReadPorts, scope: Scope, cluster: JSON) -> list[Finding]:
    """Autopilot clusters have an egress NAT policy of Google's in the agent's place."""
    view = instance(ports, scope)
    address = machine_of(scope).address or (view.internal_address if view else "")
    if not address:
        return []
    try:
        config = ports.cluster.get(CONFIG_MAPS, AGENT, "kube-system")
        agent = config is not None or ports.cluster.get(DAEMON_SETS, AGENT, "kube-system") is not None
    except Problem:
        return []
    if not agent:
        return []
    listed = _listed(config) if config is not None else None
    if not is_masqueraded(address, listed):
        return []
    why = f"{AGENT} leaves {', '.join(listed)} alone" if listed is not None else f"{AGENT} runs with its own list"
    return [google_network.masqueraded(address, why)]


def _listed(config: JSON) -> list[str]:
    """nonMasqueradeCIDRs of the agent's ConfigMap, whose one file is YAML or JSON."""
    for text in (config.get("data") or {}).values():
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if isinstance(document, dict) and isinstance(document.get("nonMasqueradeCIDRs"), list):
            return [str(item) for item in document["nonMasqueradeCIDRs"]]
    return []
