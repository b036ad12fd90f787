"""The stage Gateway, first part: the east-west gateway is there and serves istiod's port.

A gateway that somebody else made and that serves 15012 is taken as it is. An existing Service never changes from
public to internal or back: that would give it another address under VMs that use the old one.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.istio import gateway
from meshvm_tui.istio.names import ISTIOD_PORT
from meshvm_tui.plan import AUTO, Exposure, GatewayMethod
from meshvm_tui.ports import DEPLOYMENTS, PODS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS, SERVICES
from meshvm_tui.problems import ActionNeeded, TransientError
from meshvm_tui.steps.commands import istioctl, kubectl
from meshvm_tui.steps.gateway_reach import internal_annotations
from meshvm_tui.steps.gateway_view import gateway_deployment, gateways_that_would_do, is_foreign, reach, serves_istiod
from meshvm_tui.steps.istiod_deployment import is_available
from meshvm_tui.steps.kubernetes_objects import Found, ObjectStep, Wanted, refuse_foreign
from meshvm_tui.steps.mesh_facts import gateway_service, mesh_facts
from meshvm_tui.steps.mesh_preflight import gateway_findings, room_for_a_gateway
from meshvm_tui.steps.name_lookup import is_ip
from meshvm_tui.steps.object_compare import diff_of_new
from meshvm_tui.steps.sample_rollout import pod_words, refusal_words
from meshvm_tui.steps.script_lines import deployment_serves, written
from meshvm_tui.steps.step import Outcome, Scope, different, fingerprint, missing, satisfied, unknown
from meshvm_tui.steps.waiting import last_events, wait_for_deployment, wait_until

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Ports, ReadPorts

JSON = dict[str, Any]
_NOT_INJECTED = ("failed calling webhook", 'image "auto"')
"""A gateway's image is `auto` until istiod's webhook sets it."""
_RESOURCES = {found.kind: found for found in (DEPLOYMENTS, SERVICES, SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS)}


class EastWestGateway(ObjectStep):
    """The gateway's Deployment is Available and its Service serves istiod's port."""

    id: ClassVar[str] = "eastwest-gateway"
    stage: ClassVar[Stage] = Stage.GATEWAY
    title: ClassVar[str] = "East-west gateway"
    deadline: ClassVar[float] = 600.0
    needs: ClassVar[tuple[str, ...]] = ("control-plane",)

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """Our own objects; none where the gateway is another's or istioctl makes it."""
        if is_foreign(ports, scope) or scope.plan.gateway.method is GatewayMethod.ISTIOCTL:
            return ()
        bodies = gateway.gateway_objects(scope.plan.gateway.name, **_settings(ports, scope))
        service = gateway_service(ports, scope)
        return tuple(Wanted(_RESOURCES[body["kind"]], _as_exposed(body, service)) for body in bodies)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """What stands before comparing objects: no mesh yet, or nothing left to compare."""
        if not mesh_facts(ports, scope).installed:
            return unknown("control-plane", "the gateway's Pods are injected by istiod, which is not there yet")
        if all(item.is_right for item in self.find(ports, scope)):
            return self._serving(ports, scope, gateway_service(ports, scope))
        return None

    def _serving(self, ports: ReadPorts, scope: Scope, service: JSON | None) -> Observation:
        """Where no object of ours differs: a foreign gateway, istioctl's, or ours, and whether it serves."""
        name = f"Service {scope.plan.gateway_namespace}/{scope.plan.gateway.name}"
        if service is None:
            return missing(f"{name}: not there")
        if not serves_istiod(service):
            return different(f"{name} does not serve port {ISTIOD_PORT}", reason="ServesNoIstiod")
        deployment, foreign = gateway_deployment(ports, scope), is_foreign(ports, scope)
        # Somebody else's gateway may be a DaemonSet, or stand behind a load balancer of its own: its port counts.
        if not (foreign and deployment is None) and not (deployment and is_available(deployment)):
            return different(f"the Deployment behind {name} is not Available", reason="NotAvailable")
        warnings = _warnings(ports, scope, service)
        if foreign:
            message = f"{name} serves {ISTIOD_PORT}; not made here, taken as it is"
            seen = satisfied(message, reason="Adopted", details=_details(service))
        else:
            words = f"{scope.plan.gateway.name} is Available"
            seen = satisfied(words, reason="Available", details=_details(service))
        findings = gateway_findings(ports, scope.plan.gateway_namespace, deployment, mesh_facts(ports, scope).version)
        return Observation(seen.standing, seen.reason, seen.message, seen.details, warnings=warnings, findings=findings)

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Compares each object with the live one, and looks for room where there is no gateway yet."""
        seen = super().observe(ports, scope)
        if seen.standing is not Standing.MISSING or gateway_service(ports, scope):
            return seen
        return replace(seen, findings=room_for_a_gateway(ports, scope.plan.gateway_namespace))

    def warnings(self, ports: ReadPorts, scope: Scope, found: tuple[Found, ...]) -> tuple[str, ...]:
        """Another gateway that would do, and who will be able to reach istiod."""
        service = gateway_service(ports, scope)
        if service is not None:
            return _warnings(ports, scope, service)
        return (*gateways_that_would_do(ports, scope), *_hints_for_a_new_one(scope.plan))

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The objects, istioctl's run, or waiting. ActionNeeded MVM-211 for a foreign gateway without the port."""
        plan = scope.plan
        service = gateway_service(ports, scope)
        if service is not None and is_foreign(ports, scope) and not serves_istiod(service):
            raise _no_istiod_port(scope)
        refuse_foreign(self.find(ports, scope), "MVM-116")
        made = super().changes(ports, scope, observation)
        if made:
            return made
        if service is None and plan.gateway.method is GatewayMethod.ISTIOCTL:
            return (self._istioctl_change(ports, scope),)
        return (wait_for_deployment(plan, plan.gateway_namespace, plan.gateway.name),)

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """The guide's own pipe beside the apply."""
        network = "--network NETWORK" if scope.plan.gateway.expose_services else "--single-cluster"
        guide = f"samples/multicluster/gen-eastwest-gateway.sh {network}"
        return (*super().commands(scope, found), f"{guide} | {istioctl(scope.plan, 'install', '-y', '-f', '-')}")

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """The objects or istioctl's document, then the wait."""
        plan = scope.plan
        serves = deployment_serves(plan, plan.gateway_namespace, plan.gateway.name)
        if plan.gateway.method is not GatewayMethod.ISTIOCTL or gateway_service(ports, scope):
            return (*super().script(ports, scope), serves)
        document = written("eastwest-gateway.yaml", self._operator(ports, scope))
        return (document, f'{istioctl(plan, "install", "-y")} -f "$work/eastwest-gateway.yaml"', serves)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Applies the objects, or runs istioctl, and waits for the Deployment."""
        reading = ports.reading()
        service = gateway_service(reading, scope)
        changed = False
        if service is not None and is_foreign(reading, scope):
            if not serves_istiod(service):
                raise _no_istiod_port(scope)
        elif scope.plan.gateway.method is GatewayMethod.ISTIOCTL:
            changed = service is None and self._run_istioctl(ports, scope)
        else:
            refuse_foreign(self.find(reading, scope), "MVM-116")
            changed = super().apply(ports, scope).changed
        if not is_foreign(reading, scope) or gateway_deployment(reading, scope):
            self._wait(reading, scope)
        return Outcome(changed=changed, message="the gateway is Available")

    def _run_istioctl(self, ports: Ports, scope: Scope) -> bool:
        facts = mesh_facts(ports.reading(), scope)
        ports.istioctl.install(
            self._operator(ports.reading(), scope),
            revision=facts.revision,
            log=lambda line: scope.say("istioctl", line),
            cancelled=scope.is_cancelled,
        )
        return True

    def _operator(self, ports: ReadPorts, scope: Scope) -> str:
        settings = _settings(ports, scope)
        istio_namespace = scope.plan.mesh.istio_namespace
        return gateway.gateway_operator(scope.plan.gateway.name, **settings, istio_namespace=istio_namespace)

    def _istioctl_change(self, ports: ReadPorts, scope: Scope) -> Change:
        document = self._operator(ports, scope)
        diff = diff_of_new(document, "eastwest-gateway.yaml")
        command = istioctl(scope.plan, "install", "-y", "-f", "eastwest-gateway.yaml")
        target = f"east-west gateway {scope.plan.gateway.name}"
        return Change("run", target, diff, (command,), fingerprint(document))

    def _wait(self, ports: ReadPorts, scope: Scope) -> None:
        plan = scope.plan

        def ready() -> bool:
            deployment = gateway_deployment(ports, scope)
            return deployment is not None and is_available(deployment)

        def told() -> str:
            words = self._pod_trouble(ports, scope) or last_events(ports, plan.gateway_namespace, plan.gateway.name)
            return f"waiting for Deployment {plan.gateway.name} to be Available" + (f" · {words}" if words else "")

        if not wait_until(scope, ready, told):
            words = told()
            raise TransientError("MVM-231" if any(sign in words for sign in _NOT_INJECTED) else "MVM-215", words)

    def _pod_trouble(self, ports: ReadPorts, scope: Scope) -> str:
        """What keeps the gateway's Pods from being made or started, in Kubernetes' own words."""
        deployment = gateway_deployment(ports, scope)
        if deployment is None or is_available(deployment):
            return ""
        if words := refusal_words(deployment):
            return words
        wanted = (deployment["spec"].get("selector") or {}).get("matchLabels") or {}
        labels = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
        pods = ports.cluster.list(PODS, scope.plan.gateway_namespace, labels=labels)
        return pod_words(pods) if pods else ""


class _Settings(TypedDict):
    namespace: str
    revision: str
    network: str
    internal: bool
    source_ranges: list[str]


def _settings(ports: ReadPorts, scope: Scope) -> _Settings:
    """What the gateway is made of; network and revision are those of the running istiod."""
    facts = mesh_facts(ports, scope)
    plan = scope.plan.gateway
    return {
        "namespace": scope.plan.gateway_namespace,
        "revision": facts.revision,
        "network": facts.network if plan.expose_services else "",
        "internal": plan.exposure is Exposure.INTERNAL,
        "source_ranges": plan.source_ranges,
    }


def _as_exposed(body: JSON, service: JSON | None) -> JSON:
    """Our Service's body; one that exists keeps its exposure, whatever the plan says now."""
    if service is None or body["kind"] != "Service":
        return body
    metadata = {key: value for key, value in body["metadata"].items() if key != "annotations"}
    kept = internal_annotations(service)
    return body | {"metadata": metadata | ({"annotations": kept} if kept else {})}


def _warnings(ports: ReadPorts, scope: Scope, service: JSON) -> tuple[str, ...]:
    """What an existing Service does otherwise than the plan says, and whether anybody can reach istiod through it."""
    plan, seen = scope.plan.gateway, reach(service)
    said = []
    by_annotation = seen.exposure is Exposure.PUBLIC or bool(internal_annotations(service))
    if plan.address == AUTO and seen.exposure is not plan.exposure and by_annotation:
        said.append(
            f"the Service is {seen.words()}, the plan says {plan.exposure}: an existing Service is never turned over"
        )
    if is_foreign(ports, scope) and plan.source_ranges and set(plan.source_ranges) != set(seen.ranges):
        said.append("sourceRanges of the plan are not put on a Service that was not made here")
    if seen.open_to_the_internet:
        said.append("istiod can be reached from the internet: only its certificate and tokens guard it")
    return tuple(said)


def _hints_for_a_new_one(plan: Plan) -> list[str]:
    """Who will be able to reach istiod through the gateway that is about to be made."""
    if plan.gateway.exposure is Exposure.INTERNAL or plan.gateway.source_ranges:
        return []
    hints = ["istiod becomes reachable from the internet: internal exposure or sourceRanges narrow that"]
    places = [machine.address or machine.host or "" for machine in plan.machines]
    if places and all(is_ip(place) and ip_address(place).is_private for place in places):
        hints.append("every machine has a private address: where they share the cluster's network, internal will do")
    return hints


def _details(service: JSON) -> tuple[tuple[str, str], ...]:
    spec = service.get("spec") or {}
    served = ", ".join(str(port.get("port")) for port in spec.get("ports") or ())
    kind = str(spec.get("type") or "ClusterIP")
    return (("type", kind), ("ports", served), ("reachable", reach(service).words()))


def _no_istiod_port(scope: Scope) -> ActionNeeded:
    plan = scope.plan
    entry = f'{{"name": "tls-istiod", "port": {ISTIOD_PORT}, "targetPort": {ISTIOD_PORT}}}'
    patch = f'[{{"op": "add", "path": "/spec/ports/-", "value": {entry}}}]'
    arguments = ("-n", plan.gateway_namespace, "patch", "service", plan.gateway.name, "--type=json", "-p", patch)
    return ActionNeeded(
        "MVM-211",
        f"Service {plan.gateway_namespace}/{plan.gateway.name} was not made here and lacks port {ISTIOD_PORT}",
        next_action=f"Name another gateway in the plan, or run: {kubectl(plan, *arguments)}",
    )
