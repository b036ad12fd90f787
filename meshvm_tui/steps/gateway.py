"""The stage Gateway, first part: the east-west gateway is there and serves istiod's port.

A gateway that somebody else made and that serves 15012 is taken as it is. An existing Service never changes from
public to internal or back: that would give it another address under VMs that use the old one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from meshvm_tui.events import Change, Observation, Stage
from meshvm_tui.istio import gateway
from meshvm_tui.istio.names import ISTIOD_PORT
from meshvm_tui.plan import AUTO, Exposure, GatewayMethod
from meshvm_tui.ports import DEPLOYMENTS, PODS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS, SERVICES
from meshvm_tui.problems import ActionNeeded, TransientError
from meshvm_tui.steps.commands import istioctl, kubectl
from meshvm_tui.steps.istiod_deployment import is_available
from meshvm_tui.steps.kubernetes_objects import Found, ObjectStep, Wanted, made_by_us
from meshvm_tui.steps.mesh_facts import gateway_service, mesh_facts
from meshvm_tui.steps.object_compare import diff_of_new
from meshvm_tui.steps.sample_rollout import pod_words, refusal_words
from meshvm_tui.steps.step import Outcome, Scope, different, fingerprint, missing, satisfied, unknown
from meshvm_tui.steps.waiting import last_events, wait_for_deployment, wait_until

if TYPE_CHECKING:
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
        if _is_foreign(ports, scope) or scope.plan.gateway.method is GatewayMethod.ISTIOCTL:
            return ()
        bodies = gateway.gateway_objects(scope.plan.gateway.name, **_settings(ports, scope))
        return tuple(Wanted(_RESOURCES[body["kind"]], body) for body in bodies)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """What stands before comparing objects: no mesh yet, or nothing left to compare."""
        if not mesh_facts(ports, scope).installed:
            return unknown("control-plane", "the gateway's Pods are injected by istiod, which is not there yet")
        if all(item.is_right for item in self.find(ports, scope)):
            return self._serving(ports, scope, gateway_service(ports, scope))
        return None

    def _serving(self, ports: ReadPorts, scope: Scope, service: JSON | None) -> Observation:
        """Where no object of ours differs: a foreign gateway, istioctl's, or ours, and whether it serves."""
        name = f"Service {scope.plan.mesh.istio_namespace}/{scope.plan.gateway.name}"
        if service is None:
            return missing(f"{name}: not there")
        if not _serves_istiod(service):
            return different(f"{name} does not serve port {ISTIOD_PORT}", reason="ServesNoIstiod")
        deployment = _deployment(ports, scope)
        if deployment is None or not is_available(deployment):
            return different(f"the Deployment behind {name} is not Available", reason="NotAvailable")
        if _is_foreign(ports, scope):
            message = f"{name} serves {ISTIOD_PORT}; not made here, taken as it is"
            return satisfied(message, reason="Adopted", details=_details(service))
        return self._ready(ports, scope, service)

    def _ready(self, ports: ReadPorts, scope: Scope, service: JSON) -> Observation:
        seen = satisfied(f"{scope.plan.gateway.name} is Available", reason="Available", details=_details(service))
        warnings = _warnings(scope, service)
        return Observation(seen.standing, seen.reason, seen.message, seen.details, warnings=warnings)

    def warnings(self, ports: ReadPorts, scope: Scope, found: tuple[Found, ...]) -> tuple[str, ...]:
        """Another gateway that would do, and who will be able to reach istiod."""
        service = gateway_service(ports, scope)
        if service is not None:
            return _warnings(scope, service)
        others = [
            item["metadata"]["name"]
            for item in ports.cluster.list(SERVICES, scope.plan.mesh.istio_namespace)
            if _serves_istiod(item) and (item.get("spec") or {}).get("type") == "LoadBalancer"
        ]
        hints = [f"Service {name} serves {ISTIOD_PORT} already: set gateway.name to use it" for name in sorted(others)]
        if scope.plan.gateway.exposure is Exposure.PUBLIC and not scope.plan.gateway.source_ranges:
            hints.append("istiod becomes reachable from the internet: internal exposure or sourceRanges narrow that")
        return tuple(hints)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The objects, istioctl's run, or waiting. ActionNeeded MVM-211 for a foreign gateway without the port."""
        plan = scope.plan
        service = gateway_service(ports, scope)
        if service is not None and _is_foreign(ports, scope) and not _serves_istiod(service):
            raise _no_istiod_port(scope)
        made = super().changes(ports, scope, observation)
        if made:
            return made
        if service is None and plan.gateway.method is GatewayMethod.ISTIOCTL:
            return (self._istioctl_change(ports, scope),)
        return (wait_for_deployment(plan, plan.mesh.istio_namespace, plan.gateway.name),)

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """The guide's own pipe beside the apply."""
        network = "--network NETWORK" if scope.plan.gateway.expose_services else "--single-cluster"
        guide = f"samples/multicluster/gen-eastwest-gateway.sh {network}"
        return (*super().commands(scope, found), f"{guide} | {istioctl(scope.plan, 'install', '-y', '-f', '-')}")

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Applies the objects, or runs istioctl, and waits for the Deployment."""
        reading = ports.reading()
        service = gateway_service(reading, scope)
        changed = False
        if service is not None and _is_foreign(reading, scope):
            if not _serves_istiod(service):
                raise _no_istiod_port(scope)
        elif scope.plan.gateway.method is GatewayMethod.ISTIOCTL:
            changed = service is None and self._run_istioctl(ports, scope)
        else:
            changed = super().apply(ports, scope).changed
        self._wait(reading, scope)
        return Outcome(changed=changed, message="the gateway is Available")

    def _run_istioctl(self, ports: Ports, scope: Scope) -> bool:
        facts = mesh_facts(ports.reading(), scope)
        ports.istioctl.install(
            gateway.gateway_operator(scope.plan.gateway.name, **_settings(ports.reading(), scope)),
            revision=facts.revision,
            log=lambda line: scope.say("istioctl", line),
            cancelled=scope.is_cancelled,
        )
        return True

    def _istioctl_change(self, ports: ReadPorts, scope: Scope) -> Change:
        document = gateway.gateway_operator(scope.plan.gateway.name, **_settings(ports, scope))
        diff = diff_of_new(document, "eastwest-gateway.yaml")
        command = istioctl(scope.plan, "install", "-y", "-f", "eastwest-gateway.yaml")
        target = f"east-west gateway {scope.plan.gateway.name}"
        return Change("run", target, diff, (command,), fingerprint(document))

    def _wait(self, ports: ReadPorts, scope: Scope) -> None:
        plan = scope.plan

        def ready() -> bool:
            deployment = _deployment(ports, scope)
            return deployment is not None and is_available(deployment)

        def told() -> str:
            words = self._pod_trouble(ports, scope) or last_events(ports, plan.mesh.istio_namespace, plan.gateway.name)
            return f"waiting for Deployment {plan.gateway.name} to be Available" + (f" · {words}" if words else "")

        if not wait_until(scope, ready, told):
            words = told()
            raise TransientError("MVM-231" if any(sign in words for sign in _NOT_INJECTED) else "MVM-215", words)

    def _pod_trouble(self, ports: ReadPorts, scope: Scope) -> str:
        """What keeps the gateway's Pods from being made or started, in Kubernetes' own words."""
        deployment = _deployment(ports, scope)
        if deployment is None or is_available(deployment):
            return ""
        if words := refusal_words(deployment):
            return words
        wanted = (deployment["spec"].get("selector") or {}).get("matchLabels") or {}
        labels = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
        pods = ports.cluster.list(PODS, scope.plan.mesh.istio_namespace, labels=labels)
        return pod_words(pods) if pods else ""


class _Settings(TypedDict):
    namespace: str
    revision: str
    network: str
    internal: bool
    source_ranges: list[str]


def _settings(ports: ReadPorts, scope: Scope) -> _Settings:
    """What the gateway is made of. An existing Service keeps its exposure, whatever the plan says now."""
    facts = mesh_facts(ports, scope)
    plan = scope.plan.gateway
    service = gateway_service(ports, scope)
    return {
        "namespace": facts.istio_namespace,
        "revision": facts.revision,
        "network": facts.network if plan.expose_services else "",
        "internal": _is_internal(service) if service else plan.exposure is Exposure.INTERNAL,
        "source_ranges": plan.source_ranges,
    }


def _deployment(ports: ReadPorts, scope: Scope) -> JSON | None:
    """The gateway's Deployment: of the Service's name, else the one whose Pods the Service selects."""
    plan = scope.plan

    def read() -> JSON | None:
        found = ports.cluster.get(DEPLOYMENTS, plan.gateway.name, plan.mesh.istio_namespace)
        if found is not None:
            return found
        selector = ((gateway_service(ports, scope) or {}).get("spec") or {}).get("selector") or {}
        for item in ports.cluster.list(DEPLOYMENTS, plan.mesh.istio_namespace):
            labels = item["spec"]["template"].get("metadata", {}).get("labels") or {}
            if selector and all(labels.get(key) == value for key, value in selector.items()):
                return item
        return None

    return scope.recall("gateway-deployment", read)


def _is_foreign(ports: ReadPorts, scope: Scope) -> bool:
    """Whether the gateway's Service is there and not made by us."""
    service = gateway_service(ports, scope)
    return service is not None and not made_by_us(service)


def _serves_istiod(service: JSON) -> bool:
    return any(port.get("port") == ISTIOD_PORT for port in (service.get("spec") or {}).get("ports") or ())


def _is_internal(service: JSON) -> bool:
    annotations = (service.get("metadata") or {}).get("annotations") or {}
    return any(annotations.get(key) == value for key, value in gateway.INTERNAL_ANNOTATIONS.items())


def _warnings(scope: Scope, service: JSON) -> tuple[str, ...]:
    exposure = Exposure.INTERNAL if _is_internal(service) else Exposure.PUBLIC
    if scope.plan.gateway.address == AUTO and exposure is not scope.plan.gateway.exposure:
        planned = scope.plan.gateway.exposure
        return (f"the Service is {exposure}, the plan says {planned}: an existing Service is never turned over",)
    return ()


def _details(service: JSON) -> tuple[tuple[str, str], ...]:
    spec = service.get("spec") or {}
    served = ", ".join(str(port.get("port")) for port in spec.get("ports") or ())
    return (("type", str(spec.get("type") or "ClusterIP")), ("ports", served))


def _no_istiod_port(scope: Scope) -> ActionNeeded:
    plan = scope.plan
    entry = f'{{"name": "tls-istiod", "port": {ISTIOD_PORT}, "targetPort": {ISTIOD_PORT}}}'
    patch = f'[{{"op": "add", "path": "/spec/ports/-", "value": {entry}}}]'
    arguments = ("-n", plan.mesh.istio_namespace, "patch", "service", plan.gateway.name, "--type=json", "-p", patch)
    return ActionNeeded(
        "MVM-211",
        f"Service {plan.mesh.istio_namespace}/{plan.gateway.name} was not made here and lacks port {ISTIOD_PORT}",
        next_action=f"Name another gateway in the plan, or run: {kubectl(plan, *arguments)}",
    )
