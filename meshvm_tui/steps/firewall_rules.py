"""Which rules a machine wants, and whether some rule allows already what one of them would."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meshvm_tui.gcp.firewall import IAP_RANGE, Rule, Targets, allows, is_in_network
from meshvm_tui.gcp.instance import NO_SERVICE_ACCOUNT
from meshvm_tui.gcp.places import project_in
from meshvm_tui.plan import FirewallTarget, Via
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.google_facts import compute_reader, instance, network_of, place, pods_come_from, project_of
from meshvm_tui.steps.step import machine_of

if TYPE_CHECKING:
    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A rule with the project that its network belongs to: the host project under Shared VPC."""

    project: str
    rule: Rule


def wanted_rules(ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
    """The Pods' rule, and IAP's where SSH goes through it and nothing lets it in yet."""
    machine, firewall = machine_of(scope), scope.plan.firewall
    network = network_of(ports, scope)
    project = project_in(network, place(ports, scope).project)
    own = own_targets(ports, scope)
    if own is None:
        raise ActionNeeded(
            "MVM-821",
            f"{machine.name} has no network tags for a rule to name",
            title="The firewall rule has nothing to aim at",
            next_action="Add a tag to the instance, or set firewall.target: serviceAccount.",
        )
    others = _beside(ports, scope, network)
    targets = own.joined(targets for _, targets in others)
    pods = pods_come_from(ports, scope)
    purpose = f"cluster={scope.plan.cluster.gke.name if scope.plan.cluster.gke else scope.plan.cluster.context}"
    rules = [Wanted(project, Rule(firewall.name, network, pods.cidrs, tuple(sorted(firewall.ports)), targets, purpose))]
    if machine.ssh.via is Via.IAP:
        through = [(other, targets) for other, targets in others if other.ssh.via is Via.IAP]
        ports_in = tuple(sorted({machine.ssh.port, *(other.ssh.port for other, _ in through)}))
        name, aim = f"{firewall.name}-iap", own.joined(targets for _, targets in through)
        rules.append(Wanted(project, Rule(name, network, (IAP_RANGE,), ports_in, aim, "iap ssh")))
    return tuple(rules)


def names_itself(scope: Scope) -> bool:
    """Whether the plan creates the machine, so that its targets are known before it is there."""
    gce = machine_of(scope).gce
    return gce is not None and gce.create is not None


def rule_named(ports: ReadPorts, scope: Scope, wanted: Wanted) -> JSON | None:
    """The rule that bears the wanted one's name, whosever it is."""
    key = f"google-firewall/{wanted.project}/{wanted.rule.name}"
    return scope.recall(key, lambda: compute_reader(ports).firewall(wanted.project, wanted.rule.name))


def _beside(ports: ReadPorts, scope: Scope, network: str) -> list[tuple[Machine, Targets]]:
    """The plan's other machines in this network that can be named: all share one rule, so that each machine's step
    wants the same of it and none undoes another's."""
    found = []
    for machine in scope.plan.machines:
        if machine.gce is None or machine.name == machine_of(scope).name:
            continue
        theirs = replace(scope, machine=machine)
        try:
            if network_of(ports, theirs) == network and (targets := own_targets(ports, theirs)) is not None:
                found.append((machine, targets))
        except ActionNeeded:
            continue  # said by that machine's own step
    return found


def own_targets(ports: ReadPorts, scope: Scope) -> Targets | None:
    """How a rule names this machine; None where it has nothing by which it could."""
    view, machine, gce = instance(ports, scope), machine_of(scope), machine_of(scope).gce
    create = gce.create if gce else None
    if scope.plan.firewall.target is FirewallTarget.SERVICE_ACCOUNT:
        account = view.service_account if view else _account_of(ports, scope, create.service_account if create else "")
        if not account:
            raise ActionNeeded(
                "MVM-821",
                f"{machine.name} runs without a service account",
                title="The firewall rule has nothing to aim at",
                next_action="Set firewall.target: tag, or give the instance a service account.",
            )
        return Targets(service_accounts=(account,))
    planned = tuple(create.tags) if create else ()
    if view is None:
        return Targets(tags=planned) if planned else None
    # All of an instance's tags would open what belongs to others: of those that the plan names, else the first.
    chosen = tuple(tag for tag in view.tags if tag in planned) or view.tags[:1]
    return Targets(tags=chosen) if chosen else None


def rules_beside(ports: ReadPorts, scope: Scope, wanted: Wanted) -> list[JSON]:
    """All rules of the wanted one's network."""
    listed = scope.recall(f"google-firewalls/{wanted.project}", lambda: compute_reader(ports).firewalls(wanted.project))
    return [rule for rule in listed if is_in_network(rule, wanted.rule.network)]


def allowing(ports: ReadPorts, scope: Scope, wanted: Wanted) -> str | None:
    """The name of a rule that lets all that is wanted in already; None where no single one does."""
    view = instance(ports, scope)
    tags = view.tags if view else wanted.rule.targets.tags
    account = view.service_account if view else next(iter(wanted.rule.targets.service_accounts), "")
    rules = rules_beside(ports, scope, wanted)
    names = []
    for source in wanted.rule.sources:
        for port in wanted.rule.ports:
            if (found := allows(rules, source, port, tags, account)) is None:
                return None
            names.append(str(found.get("name", "")))
    return ", ".join(dict.fromkeys(names)) or None


def _account_of(ports: ReadPorts, scope: Scope, planned: str) -> str:
    if planned == NO_SERVICE_ACCOUNT:
        return ""
    if planned:
        return planned
    return str(project_of(ports, scope).get("defaultServiceAccount", ""))
