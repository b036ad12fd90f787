"""The stage Mesh: istiod serves, registers VMs, and its IDs are known.

`keep` never runs istioctl. `install` runs it only where no istiod runs at all; any that runs is kept.
A difference that matters is told with the exact command, and left to the operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.events import Change, Observation, Stage
from meshvm_tui.istio import operator
from meshvm_tui.plan import AUTO, Install
from meshvm_tui.ports import MUTATING_WEBHOOKS
from meshvm_tui.problems import ActionNeeded, Problem, TransientError
from meshvm_tui.steps.commands import istioctl, kubectl
from meshvm_tui.steps.mesh_facts import (
    AUTO_REGISTRATION_VARIABLE,
    MeshFacts,
    mesh_facts,
    planned_facts,
    running_revisions,
)
from meshvm_tui.steps.object_compare import diff_of_new
from meshvm_tui.steps.step import Outcome, Scope, Step, different, fingerprint, missing, satisfied
from meshvm_tui.steps.waiting import last_events, wait_for_deployment, wait_until

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Ports, ReadPorts

OPERATOR_FILE = "istio-vm-install.yaml"


class ControlPlane(Step):
    """istiod of the plan's revision is Available and registers VMs."""

    id: ClassVar[str] = "control-plane"
    stage: ClassVar[Stage] = Stage.MESH
    title: ClassVar[str] = "Control plane"
    deadline: ClassVar[float] = 900.0
    needs: ClassVar[tuple[str, ...]] = ("cluster-reachable",)

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """What runs, and how it differs from what the plan needs."""
        facts = mesh_facts(ports, scope)
        if not facts.installed:
            others = sorted(running_revisions(ports, scope))
            if others:
                return missing(f"no istiod of revision {facts.revision}; there is {', '.join(others)}")
            return missing(f"no istiod in {facts.istio_namespace}", reason="NotInstalled")
        details = _details(facts)
        if problem := _objection(scope.plan, facts):
            return different(problem.cause, details=details)
        if not facts.available:
            return different(f"Deployment {facts.deployment} is not Available", reason="NotAvailable", details=details)
        message = f"istiod {facts.version or 'of unknown version'}, revision {facts.revision}, mesh {facts.mesh_id}"
        seen = satisfied(message, reason="Available", details=details)
        return Observation(seen.standing, seen.reason, seen.message, details, warnings=_warnings(facts))

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The installation, or waiting; ActionNeeded where the operator must decide."""
        facts = mesh_facts(ports, scope)
        if facts.installed:
            if problem := _objection(scope.plan, facts):
                raise problem
            return (wait_for_deployment(scope.plan, facts.istio_namespace, facts.deployment),)
        _refuse_where_nothing_may_be_installed(ports, scope)
        document = self._document(scope)
        diff = diff_of_new(document, OPERATOR_FILE)
        by_hand = istioctl(scope.plan, "install", "-y", "-f", OPERATOR_FILE)
        target = f"Istio control plane in {facts.istio_namespace}"
        return (Change("run", target, diff, (by_hand,), fingerprint(document)),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Installs where nothing runs, and waits for istiod."""
        reading = ports.reading()
        facts = mesh_facts(reading, scope)
        installed = False
        if not facts.installed:
            _refuse_where_nothing_may_be_installed(reading, scope)
            scope.keep("installed", True)
            ports.istioctl.install(
                self._document(scope),
                revision=facts.revision,
                log=lambda line: scope.say("istioctl", line),
                cancelled=scope.is_cancelled,
            )
            installed = True
        elif problem := _objection(scope.plan, facts):
            raise problem
        self._wait(reading, scope)
        scope.forget()
        return Outcome(changed=installed, message="installed Istio" if installed else "")

    def _wait(self, ports: ReadPorts, scope: Scope) -> None:
        def told() -> str:
            facts = mesh_facts(ports, scope)
            words = last_events(ports, facts.istio_namespace, facts.deployment)
            return f"waiting for Deployment {facts.deployment} to be Available" + (f" · {words}" if words else "")

        if not wait_until(scope, lambda: mesh_facts(ports, scope).available, told):
            raise TransientError("MVM-202", told())

    def _document(self, scope: Scope) -> str:
        plan = scope.plan
        revision = "" if plan.mesh.revision == AUTO else plan.mesh.revision
        facts = planned_facts(plan, revision or "default")
        return operator_yaml(plan, facts)


def operator_yaml(plan: Plan, facts: MeshFacts) -> str:
    """The IstioOperator of a new control plane."""
    return operator.control_plane(
        mesh_id=facts.mesh_id,
        cluster_id=facts.cluster_id,
        network=facts.network,
        revision=facts.revision,
        namespace=facts.istio_namespace,
        profile=plan.mesh.profile,
    )


def _objection(plan: Plan, facts: MeshFacts) -> Problem | None:
    """What about the running mesh the operator must settle, if anything."""
    if not facts.auto_registration:
        switch = f"{AUTO_REGISTRATION_VARIABLE}=true"
        command = kubectl(plan, "-n", facts.istio_namespace, "set", "env", f"deployment/{facts.deployment}", switch)
        return ActionNeeded(
            "MVM-203",
            f"Deployment {facts.deployment} sets {AUTO_REGISTRATION_VARIABLE}=false, so no VM gets a WorkloadEntry",
            next_action=f"Set it in the tool that manages Istio, or run: {command}",
        )
    pairs = (
        ("meshID", plan.mesh.mesh_id, facts.mesh_id),
        ("clusterID", plan.mesh.cluster_id, facts.cluster_id),
        ("network", plan.mesh.network, facts.network),
    )
    wrong = [
        f"mesh.{name} is {planned!r}, the mesh has {has!r}"
        for name, planned, has in pairs
        if planned not in (AUTO, has)
    ]
    if wrong:
        return ActionNeeded("MVM-205", "; ".join(wrong))
    if plan.mesh.install is Install.UPGRADE and plan.mesh.version and plan.mesh.version != facts.version:
        return ActionNeeded("MVM-206", f"istiod is {facts.version or 'of unknown version'}, wanted {plan.mesh.version}")
    return None


def _refuse_where_nothing_may_be_installed(ports: ReadPorts, scope: Scope) -> None:
    plan = scope.plan
    others = sorted(running_revisions(ports, scope))
    if others:
        raise ActionNeeded(
            "MVM-204",
            f"revision {plan.mesh.revision} does not run in {plan.mesh.istio_namespace}; there is {', '.join(others)}",
        )
    foreign = _foreign_injectors(ports)
    if foreign:
        raise ActionNeeded("MVM-207", f"sidecars are injected from outside this cluster: {', '.join(foreign)}")
    if plan.mesh.install is not Install.INSTALL:
        document = operator_yaml(plan, planned_facts(plan))
        raise ActionNeeded(
            "MVM-201",
            f"no istiod runs in namespace {plan.mesh.istio_namespace}, and the plan says install: {plan.mesh.install}",
            evidence={OPERATOR_FILE: document, "by hand": istioctl(plan, "install", "-y", "-f", OPERATOR_FILE)},
        )


def _foreign_injectors(ports: ReadPorts) -> list[str]:
    """Injection webhooks that point out of the cluster: a managed or remote control plane."""
    return sorted(
        item["metadata"]["name"]
        for item in ports.cluster.list(MUTATING_WEBHOOKS, labels="app=sidecar-injector")
        if any((hook.get("clientConfig") or {}).get("url") for hook in item.get("webhooks") or ())
    )


def _details(facts: MeshFacts) -> tuple[tuple[str, str], ...]:
    return (
        ("revision", facts.revision),
        ("version", facts.version),
        ("meshID", facts.mesh_id),
        ("clusterID", facts.cluster_id),
        ("network", facts.network or '""'),
        ("trust domain", facts.trust_domain),
        ("discovery address", facts.discovery_address),
        ("auto-registration", "on" if facts.auto_registration else "off"),
    )


def _warnings(facts: MeshFacts) -> tuple[str, ...]:
    warnings = []
    if facts.environment.get("PILOT_ENABLE_AMBIENT", "").lower() == "true":
        warnings.append("Ambient is on: a VM still needs its sidecar")
    if facts.environment.get("ENABLE_CA_SERVER", "").lower() == "false" or facts.environment.get("EXTERNAL_CA"):
        warnings.append("istiod signs no certificates itself: VMs need CA_ADDR, and maybe a token at each renewal")
    if facts.environment.get("PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS", "").lower() == "false":
        warnings.append("health checks of WorkloadEntries are switched off in istiod: a probe has no effect")
    if not facts.mesh_id:
        warnings.append("the mesh has no meshID")
    return tuple(warnings)
