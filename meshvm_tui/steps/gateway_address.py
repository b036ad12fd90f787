"""The stage Gateway, second part: an IP at which VMs reach the gateway, waited for with the Service's own Events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from meshvm_tui.checks.cluster_mesh import ip_families
from meshvm_tui.events import Change, Observation, Stage
from meshvm_tui.plan import AUTO, Exposure
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.commands import kubectl
from meshvm_tui.steps.gateway_reach import reach_of
from meshvm_tui.steps.mesh_facts import gateway_ip, gateway_service, load_balancer_address, resolved
from meshvm_tui.steps.script_lines import gateway_address
from meshvm_tui.steps.step import Outcome, Scope, Step, fingerprint, missing, satisfied, unknown
from meshvm_tui.steps.waiting import last_events, wait_until

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Ports, ReadPorts
    from meshvm_tui.steps.gateway_reach import Reach

JSON = dict[str, Any]


class GatewayAddress(Step):
    """VMs have an IP at which they reach the gateway."""

    id: ClassVar[str] = "gateway-address"
    stage: ClassVar[Stage] = Stage.GATEWAY
    title: ClassVar[str] = "Gateway address"
    deadline: ClassVar[float] = 600.0
    needs: ClassVar[tuple[str, ...]] = ("eastwest-gateway",)

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """The address as the plan fixes it, or as the Service's load balancer reports it."""
        plan = scope.plan
        if plan.gateway.address != AUTO:
            address = plan.gateway.address
            return satisfied(f"{address}, as the plan says", reason="FixedByPlan", details=(("address", address),))
        service = gateway_service(ports, scope)
        if service is None:
            return unknown("eastwest-gateway", "the gateway's Service is not there yet")
        told = load_balancer_address(service)
        if not told:
            return missing(f"Service {plan.gateway.name} has no address yet", reason="Pending")
        address = resolved(scope, told)
        if not address:
            return missing(f"{told} cannot be resolved yet", reason="NotResolved", details=(("host name", told),))
        named = (("host name", told),) if told != address else ()
        seen = reach_of(service, address)
        details = (("address", address), *named, ("reachable", seen.words()))
        found = satisfied(address, reason="Assigned", details=details)
        machines = {machine.name: machine.address or machine.host or "" for machine in plan.machines}
        findings, warnings = ip_families(address, machines), _warnings(plan, seen)
        return Observation(found.standing, found.reason, found.message, details, warnings=warnings, findings=findings)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """Only waiting. ActionNeeded MVM-213 where no address can ever come."""
        _refuse_hopeless(gateway_service(ports, scope), scope)
        plan = scope.plan
        command = kubectl(plan, "get", "service", plan.gateway.name, "-n", plan.gateway_namespace, "--watch")
        target = f"wait for the address of Service {plan.gateway.name}"
        return (Change("run", target, commands=(command,), fingerprint=fingerprint("wait")),)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """A loop until the Service has an address."""
        return (gateway_address(scope.plan),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Waits while showing the Service's own Events; MVM-212 with them where the time is up."""
        reading = ports.reading()
        _refuse_hopeless(gateway_service(reading, scope), scope)
        plan = scope.plan

        def told() -> str:
            service = gateway_service(reading, scope) or {}
            if name := load_balancer_address(service):
                return f"waiting for {name} to be resolved"
            words = last_events(reading, plan.gateway_namespace, plan.gateway.name)
            return f"waiting for Service {plan.gateway.name} to get an address" + (f" · {words}" if words else "")

        if not wait_until(scope, lambda: bool(gateway_ip(reading, scope)), told):
            code = "MVM-214" if load_balancer_address(gateway_service(reading, scope) or {}) else "MVM-212"
            raise ActionNeeded(code, told())
        return Outcome(changed=False, message=gateway_ip(reading, scope))


def _warnings(plan: Plan, seen: Reach) -> tuple[str, ...]:
    """What the address itself says: a cloud may not know the annotation that asked for an internal one."""
    if plan.gateway.exposure is Exposure.INTERNAL and seen.exposure is Exposure.PUBLIC:
        return (f"the plan says internal, but the gateway is {seen.words()}",)
    return ()


def _refuse_hopeless(service: JSON | None, scope: Scope) -> None:
    kind = str(((service or {}).get("spec") or {}).get("type") or "ClusterIP")
    if service is not None and kind != "LoadBalancer" and not load_balancer_address(service):
        raise ActionNeeded("MVM-213", f"Service {scope.plan.gateway.name} is of type {kind}, which gets no address")
