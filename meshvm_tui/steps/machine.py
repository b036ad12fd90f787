"""The stage Machine: the VM can be logged in to, is fit for the sidecar, and reaches istiod through the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.checks.guest import GuestWants, errors, guest_findings
from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.problems import ActionNeeded, PermanentError
from meshvm_tui.steps.google_facts import instance
from meshvm_tui.steps.guest_facts import guest_view, workload_address
from meshvm_tui.steps.machine_checks import architecture, obstacle
from meshvm_tui.steps.step import Outcome, Scope, Step, machine_of

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import Ports, ReadPorts
    from meshvm_tui.steps.guest_view import GuestView


class GuestReachable(Step):
    """SSH with a verified host key, sudo, system, clock, and TLS to the gateway from inside. Changes nothing."""

    id: ClassVar[str] = "guest-reachable"
    stage: ClassVar[Stage] = Stage.MACHINE
    title: ClassVar[str] = "VM reachable"
    deadline: ClassVar[float] = 60.0
    per_machine: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Satisfied, or a problem: nothing that is wrong here can be mended by applying."""
        view = guest_view(ports, scope)
        _check_identity(ports, scope, view)
        if (problem := obstacle(view)) is not None:
            scope.forget()
            raise problem
        machine = machine_of(scope)
        findings = _findings(view, scope)
        details = _details(view, machine)
        message = f"{view.text('os', 'name')}, {architecture(view)}, as {view.text('who', 'user')}"
        warnings = _warnings(view, machine)
        return Observation(Standing.SATISFIED, "Reachable", message, details, warnings=warnings, findings=findings)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """None: it only looks."""
        return ()

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Looks again."""
        return Outcome(False, observation=self.observe(ports.reading(), scope))


def _check_identity(ports: ReadPorts, scope: Scope, view: GuestView) -> None:
    """Two networks can use one address: before a token is sent, the machine says which instance it is."""
    if machine_of(scope).gce is None or (found := instance(ports, scope)) is None:
        return
    told = view.text("instance", "id").strip()
    if told and told != found.id:
        raise PermanentError("MVM-833", f"{found.name} is instance {found.id}; there answers instance {told}")
    pinned = machine_of(scope).ssh.known_host or (ports.access and ports.access.look(found.body).host_keys)
    if not told and not pinned:
        raise ActionNeeded(
            "MVM-832",
            f"{found.name}: neither its metadata server nor its host key says which instance it is",
            next_action="Set ssh.knownHost to its host key's fingerprint.",
        )


def _findings(view: GuestView, scope: Scope) -> tuple[Finding, ...]:
    """What preflight says. An error is raised, with what else was found as its evidence."""
    plan = scope.plan
    wants = GuestWants(
        address=workload_address(machine_of(scope), view),
        capture_dns=plan.sidecar.capture_dns,
        http_port=plan.services.http_server.port if plan.services.http_server else 0,
    )
    findings = guest_findings(view.facts, wants)
    if stops := errors(findings):
        scope.forget()
        first, *others = findings
        evidence = {f"{finding.code} {finding.title}": finding.evidence for finding in others}
        raise ActionNeeded(stops[0].code, first.evidence, evidence=evidence)
    return findings


def _details(view: GuestView, machine: Machine) -> tuple[tuple[str, str], ...]:
    gateway = view.text("gateway", "address")
    return (
        ("host key", view.facts.host_key),
        ("system", view.text("os", "name")),
        ("architecture", architecture(view)),
        ("privilege", view.text("who", "privilege")),
        ("SSH port", view.text("network", "ssh_port")),
        ("workload address", workload_address(machine, view)),
        ("clock", f"{view.facts.clock_skew:+.0f} s"),
        ("gateway", f"{gateway}:15012 reached, {_trust(view)}" if gateway else "no address yet; tried later"),
    )


def _trust(view: GuestView) -> str:
    if view.text("gateway", "trust") == "checked":
        return f"certificate of {view.text('gateway', 'name')} trusted"
    return "certificate not judged: the mesh's root is not known yet"


def _warnings(view: GuestView, machine: Machine) -> tuple[str, ...]:
    found = []
    address = workload_address(machine, view)
    if view.addresses and address not in view.addresses:
        own = ", ".join(view.addresses)
        found.append(f"{address or 'no address'} is none of the VM's own addresses ({own}); Pods must be routed to it")
    if view.other_istiod_lines:
        found.append(f"/etc/hosts names istiod outside of our block: {'; '.join(view.other_istiod_lines)}")
    return tuple(found)
