"""What else stands between Pods and a VM: asked of Google and of the cluster, judged by `gcp.network_path`.

What may not be looked at is said, and stops nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshvm_tui.checks import google_network
from meshvm_tui.gcp.firewall import ANYWHERE, allows, any_source
from meshvm_tui.gcp.network_path import of_networks, same_network, verdict
from meshvm_tui.gcp.places import cluster_project, short
from meshvm_tui.plan import Via
from meshvm_tui.problems import Problem
from meshvm_tui.steps.firewall_rules import Wanted, rules_beside
from meshvm_tui.steps.google_facts import (
    cluster_network,
    compute_reader,
    defaults,
    gke_cluster,
    instance,
    network_of,
    place,
)
from meshvm_tui.steps.google_masquerade import masquerade_findings
from meshvm_tui.steps.step import machine_of

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]


def path_findings(ports: ReadPorts, scope: Scope, wanted: tuple[Wanted, ...]) -> tuple[Finding, ...]:
    """Everything that is known, in the order in which traffic meets it."""
    found = list(google_network.closed_ports(_closed(scope)))
    cluster = gke_cluster(ports, scope)
    if cluster is not None:
        found += _networks(ports, scope, cluster)
        found += masquerade_findings(ports, scope, cluster)
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
    project, gke = place(ports, scope).project, scope.plan.cluster.gke
    if gke is not None:
        project = cluster_project(gke, defaults(ports, scope))
    theirs, ours = cluster_network(cluster, project), network_of(ports, scope)
    return [] if same_network(theirs, ours, project) else [google_network.other_network(theirs, ours)]


def _effective(ports: ReadPorts, scope: Scope, wanted: Wanted) -> list[Finding]:
    view, where = instance(ports, scope), place(ports, scope)
    if view is None:
        return []
    try:
        effective = compute_reader(ports).effective_firewalls(where.project, where.zone, view.name)
        policies_first = bool(of_networks(effective)) and _policies_first(ports, wanted)
    except Problem as problem:
        if problem.code != "MVM-805":
            raise
        return [google_network.not_judged(problem.cause)]
    pairs = [(source, port) for source in wanted.rule.sources for port in wanted.rule.ports]
    judged = [
        (source, port, verdict(effective, view, source, port, policies_first=policies_first)) for source, port in pairs
    ]
    found = list(google_network.blocked(judged))
    open_ = all(one.allowed for _, _, one in judged)
    if not scope.plan.firewall.manage and not open_ and not found:
        found.append(google_network.unmanaged(wanted.rule.name, wanted.rule.sources, wanted.rule.ports))
    return found


def _policies_first(ports: ReadPorts, wanted: Wanted) -> bool:
    """Whether the network counts its policies before its rules."""
    for network in compute_reader(ports).networks(wanted.project):
        if network.get("name") == short(wanted.rule.network):
            return bool(network.get("networkFirewallPolicyEnforcementOrder") == "BEFORE_CLASSIC_FIREWALL")
    return False


def _ssh(ports: ReadPorts, scope: Scope, wanted: Wanted) -> list[Finding]:
    """Whether SSH from the internet finds any rule at all; a rule for some addresses may well be for ours."""
    machine, view = machine_of(scope), instance(ports, scope)
    if machine.ssh.via is not Via.EXTERNAL or view is None:
        return []
    try:
        rules = rules_beside(ports, scope, wanted)
    except Problem as problem:
        if problem.code != "MVM-805":
            raise
        return []  # whoever may not list rules is told so by the rule's own part
    some = [{**rule, "sourceRanges": [ANYWHERE]} for rule in rules if rule.get("sourceRanges") or any_source(rule)]
    if allows(some, ANYWHERE, machine.ssh.port, view.tags, view.service_account) is None:
        return [google_network.no_ssh(machine.ssh.port)]
    return []
