"""The stage Machine, second part: Pods may reach the machine's ports, and IAP its SSH port where SSH goes that way.

A rule that allows enough is taken whoever made it. One of ours that differs is patched; one that is somebody else's
and bears our rule's name is never touched.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from meshvm_tui.checks import google_network
from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.gcp import gcloud_commands
from meshvm_tui.gcp.firewall import differs, is_in_network, is_ours, patch_body
from meshvm_tui.gcp.places import project_in, short
from meshvm_tui.problems import ActionNeeded, Problem, TransientError
from meshvm_tui.steps.commands import as_yaml
from meshvm_tui.steps.firewall_rules import Wanted, allowing, names_itself, rule_named, wanted_rules
from meshvm_tui.steps.google_facts import compute_of, instance, network_of
from meshvm_tui.steps.google_path import path_findings
from meshvm_tui.steps.object_compare import diff_of_new, unified_diff
from meshvm_tui.steps.step import Outcome, Scope, Step, fingerprint, unknown

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports, ReadPorts

JSON = dict[str, Any]
_SERVER_FIELDS = ("id", "kind", "creationTimestamp", "selfLink", "logConfig", "priority", "disabled")


NOT_MANAGED = "left to somebody else (firewall.manage: false)"
LOST_RACES = ("MVM-814", "MVM-815", "MVM-816")
"""It was made, changed or deleted since it was read."""


class InstanceFirewall(Step):
    """The VPC network's rules let Pods in to the machine's ports."""

    id: ClassVar[str] = "firewall"
    stage: ClassVar[Stage] = Stage.MACHINE
    title: ClassVar[str] = "Firewall"
    deadline: ClassVar[float] = 180.0
    per_machine: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Whether every rule that is wanted is there; and what else stands between Pods and the VM."""
        if instance(ports, scope) is None and not names_itself(scope):
            return unknown("machine", "the instance's tags and service account are not known yet")
        if scope.plan.firewall.manage:
            return self._looked(ports, scope)
        try:
            return self._looked(ports, scope)
        except Problem as problem:
            if problem.code != "MVM-805":
                raise
            unseen = (google_network.not_judged(problem.cause),)
            return Observation(Standing.SATISFIED, "NotManaged", NOT_MANAGED, findings=unseen)

    def _looked(self, ports: ReadPorts, scope: Scope) -> Observation:
        wanted = wanted_rules(ports, scope)
        findings = path_findings(ports, scope, wanted)
        states = [self._state(ports, scope, rule) for rule in wanted]
        network = short(network_of(ports, scope))
        details = (
            ("network", f"{network} of {project_in(network_of(ports, scope), '')}"),
            ("Pods come from", ", ".join(wanted[0].rule.sources)),
            *((found.rule.name, state) for found, (state, _) in zip(wanted, states, strict=True)),
        )
        if all(standing is Standing.SATISFIED for _, standing in states):
            message = "; ".join(dict.fromkeys(state for state, _ in states))
            return Observation(Standing.SATISFIED, "Allowed", message, details, findings=findings)
        if not scope.plan.firewall.manage:
            return Observation(Standing.SATISFIED, "NotManaged", NOT_MANAGED, details, findings=findings)
        missing = any(standing is Standing.MISSING for _, standing in states)
        message = "; ".join(state for state, standing in states if standing is not Standing.SATISFIED)
        standing, reason = (Standing.MISSING, "NotFound") if missing else (Standing.DIFFERENT, "Differs")
        return Observation(standing, reason, message, details, findings=findings)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """Rules to make and rules of ours to patch. ActionNeeded MVM-821 for a name that is somebody else's."""
        if observation.standing is Standing.UNKNOWN:
            return ()
        changes = []
        for wanted in wanted_rules(ports, scope):
            _, standing = self._state(ports, scope, wanted)
            if standing is Standing.SATISFIED:
                continue
            live, body = self._ours(ports, scope, wanted), wanted.rule.body()
            target = f"firewall rule {wanted.project}/{wanted.rule.name}"
            if live is None:
                diff, command = diff_of_new(as_yaml(body), wanted.rule.name), gcloud_commands.create_firewall
                changes.append(Change("create", target, diff, (command(wanted.project, body),), fingerprint(body)))
                continue
            before = {key: value for key, value in live.items() if key not in _SERVER_FIELDS}
            body = patch_body(live, body)
            after = {key: value for key, value in {**before, **body}.items() if value != []}
            diff = unified_diff(before, after, wanted.rule.name)
            command = gcloud_commands.update_firewall
            changes.append(Change("update", target, diff, (command(wanted.project, body),), fingerprint(before, body)))
        return tuple(changes)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Makes what is missing and patches what is ours. A race that another machine's step won is read again."""
        changed = []
        for wanted in wanted_rules(ports.reading(), scope):
            _, standing = self._state(ports.reading(), scope, wanted)
            if standing is not Standing.SATISFIED and self._write(ports, scope, wanted):
                changed.append(wanted.rule.name)
        return Outcome(bool(changed), f"{', '.join(changed)} in place" if changed else "")

    def _write(self, ports: Ports, scope: Scope, wanted: Wanted) -> bool:
        """Whether it was us who made it so; False where another machine's step, or somebody, was there first."""
        compute, body, name = compute_of(ports), wanted.rule.body(), wanted.rule.name
        live = self._ours(ports.reading(), scope, wanted)
        try:
            if live is None:
                scope.say("google", f"firewalls.insert {name} in {wanted.project}")
                operation = compute.insert_firewall(wanted.project, body, str(uuid.uuid4()))
            else:
                scope.say("google", f"firewalls.patch {name} in {wanted.project}")
                operation = compute.patch_firewall(wanted.project, name, patch_body(live, body), str(uuid.uuid4()))
            compute.wait(operation, lambda status, _percent: scope.progress(status, None, None), scope.is_cancelled)
        except Problem as problem:
            if problem.code not in LOST_RACES:
                raise
            scope.say("google", f"{name}: {problem.cause}; it is read again")
            scope.forget()
            if self._state(ports.reading(), scope, wanted)[1] is Standing.SATISFIED:
                return False
            raise TransientError("MVM-815", f"{name}: {problem.cause}") from problem
        scope.keep(f"rule-{name}", {"project": wanted.project, "created": live is None})
        return True

    def _ours(self, ports: ReadPorts, scope: Scope, wanted: Wanted) -> JSON | None:
        """The rule that bears the name; ActionNeeded MVM-821 where it is not ours to patch."""
        live = rule_named(ports, scope, wanted)
        if live is None:
            return None
        if not is_ours(live):
            raise ActionNeeded("MVM-821", f"{wanted.rule.name} in {wanted.project} is there and was not made here")
        if not is_in_network(live, wanted.rule.network):
            raise ActionNeeded(
                "MVM-821", f"{wanted.rule.name} belongs to the network {short(str(live['network']))}, not to the VM's"
            )
        return live

    def _state(self, ports: ReadPorts, scope: Scope, wanted: Wanted) -> tuple[str, Standing]:
        name, live = wanted.rule.name, rule_named(ports, scope, wanted)
        if live is not None and is_ours(live) and is_in_network(live, wanted.rule.network):
            if differs(live, wanted.rule.body()):
                return f"{name} is not as planned", Standing.DIFFERENT
            return f"{name} allows it", Standing.SATISFIED
        if (other := allowing(ports, scope, wanted)) is not None:
            return f"{other} allows it already; not made here", Standing.SATISFIED
        if live is not None:
            return f"{name} is there, is not ours and does not allow it", Standing.DIFFERENT
        return f"{name} is not there", Standing.MISSING
