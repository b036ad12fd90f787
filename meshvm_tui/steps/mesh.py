"""The stage Mesh: istiod serves, registers VMs, and its IDs are known.

`keep` never runs istioctl. `install` runs it only where no istiod runs at all; any that runs is kept. `upgrade`
runs it for a control plane that istioctl made (`mesh_upgrade`). A difference that matters is told with the exact
command and its diff, and left to the operator (`mesh_keep`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.events import Change, Observation, Stage
from meshvm_tui.istio.releases import version_parts
from meshvm_tui.plan import Install
from meshvm_tui.problems import TransientError
from meshvm_tui.steps.commands import istioctl
from meshvm_tui.steps.mesh_character import character, meaning_for_vms
from meshvm_tui.steps.mesh_facts import MeshFacts, mesh_facts
from meshvm_tui.steps.mesh_install import OPERATOR_FILE, install_document, refuse_where_nothing_may_be_installed
from meshvm_tui.steps.mesh_keep import hints, objection
from meshvm_tui.steps.mesh_manager import manager_of
from meshvm_tui.steps.mesh_preflight import mesh_findings
from meshvm_tui.steps.mesh_revisions import revisions_in_words, running_revisions
from meshvm_tui.steps.mesh_upgrade import changes_of_upgrade, checked_document, refuse_unconfirmed, wanted_version
from meshvm_tui.steps.object_compare import diff_of_new
from meshvm_tui.steps.script_lines import deployment_serves, written
from meshvm_tui.steps.step import Outcome, Scope, Step, different, fingerprint, missing, satisfied
from meshvm_tui.steps.waiting import last_events, wait_for_deployment, wait_until

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports, ReadPorts


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
            if running_revisions(ports, scope):
                return missing(f"no istiod of revision {facts.revision}; there is {revisions_in_words(ports, scope)}")
            return missing(f"no istiod in {facts.istio_namespace}", reason="NotInstalled")
        seen = self._running(ports, scope, facts)
        warnings = (*meaning_for_vms(ports, scope, facts), *hints(scope.plan, facts))
        details = _details(ports, scope, facts)
        findings = mesh_findings(ports, scope, facts)
        return Observation(seen.standing, seen.reason, seen.message, details, warnings=warnings, findings=findings)

    def _running(self, ports: ReadPorts, scope: Scope, facts: MeshFacts) -> Observation:
        if problem := objection(scope.plan, facts):
            return different(problem.cause)
        if _upgrade_is_wanted(ports, scope, facts):
            wanted = wanted_version(ports, scope)
            return different(f"istiod is {facts.version}, wanted {wanted}", reason="UpgradeWanted")
        if not facts.available:
            return different(f"Deployment {facts.deployment} is not Available", reason="NotAvailable")
        message = f"istiod {facts.version or 'of unknown version'}, revision {facts.revision}, mesh {facts.mesh_id}"
        return satisfied(message, reason="Available")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The installation, the upgrade with its whole diff, or waiting; ActionNeeded where the operator decides."""
        facts = mesh_facts(ports, scope)
        if facts.installed:
            if problem := objection(scope.plan, facts):
                raise problem
            if _upgrade_is_wanted(ports, scope, facts):
                return changes_of_upgrade(ports, scope, facts)
            return (wait_for_deployment(scope.plan, facts.istio_namespace, facts.deployment),)
        refuse_where_nothing_may_be_installed(ports, scope)
        document = install_document(scope.plan)
        diff = diff_of_new(document, OPERATOR_FILE)
        by_hand = istioctl(scope.plan, "install", "-y", "-f", OPERATOR_FILE)
        target = f"Istio control plane in {facts.istio_namespace}"
        return (Change("run", target, diff, (by_hand,), fingerprint(document)),)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """istioctl with its document, then the wait for istiod."""
        facts, plan = mesh_facts(ports, scope), scope.plan
        serves = deployment_serves(plan, facts.istio_namespace, facts.deployment)
        if facts.installed and not _upgrade_is_wanted(ports, scope, facts):
            return (serves,)
        document = checked_document(ports, scope, facts) if facts.installed else install_document(plan)
        install = f'{istioctl(plan, "install", "-y")} -f "$work/{OPERATOR_FILE}"'
        return (written(OPERATOR_FILE, document), install, serves)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Installs where nothing runs, upgrades where the plan wants it and names the cluster, and waits for istiod."""
        reading = ports.reading()
        facts = mesh_facts(reading, scope)
        said = ""
        if not facts.installed:
            refuse_where_nothing_may_be_installed(reading, scope)
            scope.keep("installed", True)
            self._run(ports, scope, install_document(scope.plan), facts.revision)
            said = "installed Istio"
        elif problem := objection(scope.plan, facts):
            raise problem
        elif _upgrade_is_wanted(reading, scope, facts):
            said = self._upgrade(ports, scope, facts)
        self._wait(reading, scope)
        scope.forget()
        return Outcome(changed=bool(said), message=said)

    def _upgrade(self, ports: Ports, scope: Scope, facts: MeshFacts) -> str:
        reading = ports.reading()
        refuse_unconfirmed(reading, scope)
        document = checked_document(reading, scope, facts)
        wanted = wanted_version(reading, scope)
        scope.keep("upgraded", {"from": facts.version, "to": wanted})
        self._run(ports, scope, document, facts.revision)
        scope.say("engine", "gateways and sidecars keep their version until their Pods are started anew")
        return f"upgraded Istio from {facts.version} to {wanted}"

    def _run(self, ports: Ports, scope: Scope, document: str, revision: str) -> None:
        ports.istioctl.install(
            document,
            revision=revision,
            log=lambda line: scope.say("istioctl", line),
            cancelled=scope.is_cancelled,
        )

    def _wait(self, ports: ReadPorts, scope: Scope) -> None:
        def told() -> str:
            facts = mesh_facts(ports, scope)
            words = last_events(ports, facts.istio_namespace, facts.deployment)
            return f"waiting for Deployment {facts.deployment} to be Available" + (f" · {words}" if words else "")

        if not wait_until(scope, lambda: mesh_facts(ports, scope).available, told):
            raise TransientError("MVM-202", told())


def _upgrade_is_wanted(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> bool:
    if scope.plan.mesh.install is not Install.UPGRADE:
        return False
    return version_parts(facts.version) != version_parts(wanted_version(ports, scope))


def _details(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> tuple[tuple[str, str], ...]:
    several = len(running_revisions(ports, scope)) > 1
    return (
        ("revision", f"{facts.revision}, by its tag {facts.tag}" if facts.tag else facts.revision),
        *((("revisions", revisions_in_words(ports, scope)),) if several else ()),
        ("version", facts.version),
        ("meshID", facts.mesh_id),
        ("clusterID", facts.cluster_id),
        ("network", facts.network or '""'),
        ("trust domain", facts.trust_domain),
        ("discovery address", facts.discovery_address),
        ("auto-registration", "on" if facts.auto_registration else "off"),
        ("managed by", manager_of(facts.live).words()),
        *character(ports, facts),
    )
