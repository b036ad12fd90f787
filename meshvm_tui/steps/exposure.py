"""The stage Gateway, third part: istiod, and where networks differ the mesh's services, behind the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.istio import exposure
from meshvm_tui.istio.gateway import selector_labels
from meshvm_tui.ports import GATEWAYS, NAMESPACES, VIRTUAL_SERVICES
from meshvm_tui.steps.commands import kubectl
from meshvm_tui.steps.exposed_istiod import way_to_istiod
from meshvm_tui.steps.kubernetes_objects import Found, ObjectStep, Wanted, refuse_foreign
from meshvm_tui.steps.mesh_facts import gateway_service, mesh_facts
from meshvm_tui.steps.step import Outcome, Scope, satisfied, unknown

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports, ReadPorts

NETWORK_LABEL = "topology.istio.io/network"
_RESOURCES = {found.kind: found for found in (GATEWAYS, VIRTUAL_SERVICES)}


class ExposeIstiod(ObjectStep):
    """Gateway and VirtualService that lead 15012 to istiod of the plan's revision."""

    id: ClassVar[str] = "expose-istiod"
    stage: ClassVar[Stage] = Stage.GATEWAY
    title: ClassVar[str] = "istiod exposed"
    needs: ClassVar[tuple[str, ...]] = ("control-plane",)

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """The revision's own form where there is a revision."""
        facts = mesh_facts(ports, scope)
        bodies = exposure.expose_istiod(
            istio_namespace=facts.istio_namespace,
            revision=facts.revision,
            selector=_selector(ports, scope),
            gateway_namespace=scope.plan.gateway_namespace,
        )
        return tuple(Wanted(_RESOURCES[body["kind"]], body) for body in bodies)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """Left out where the plan says so; the kinds come with Istio."""
        if not scope.plan.gateway.expose_istiod:
            return satisfied("left out: the plan says that istiod is exposed by other means", reason="NotWanted")
        if waiting := waits_for_istio(ports, scope):
            return waiting
        if not any(item.is_ours for item in self.find(ports, scope)) and (way := way_to_istiod(ports, scope)):
            return satisfied(f"{way}; not made here, taken as it is", reason="Adopted")
        return None

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """One change per object; ActionNeeded MVM-224 where an object of somebody else would have to change."""
        if observation.standing is not Standing.UNKNOWN:
            refuse_foreign(self.find(ports, scope), "MVM-224")
        return super().changes(ports, scope, observation)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Applies what is missing, beside what is there already."""
        reading = ports.reading()
        if waiting := self.waits(reading, scope):
            return Outcome(changed=False, observation=waiting)
        refuse_foreign(self.find(reading, scope), "MVM-224")
        return super().apply(ports, scope)

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """The guide's command beside the apply."""
        file = "samples/multicluster/expose-istiod.yaml"
        guide = kubectl(scope.plan, "apply", "-n", scope.plan.gateway_namespace, "-f", file)
        return (*super().commands(scope, found), guide)


class ExposeServices(ObjectStep):
    """The Gateway that lets another network's workloads reach the mesh's services (multi-network only)."""

    id: ClassVar[str] = "expose-services"
    stage: ClassVar[Stage] = Stage.GATEWAY
    title: ClassVar[str] = "Services exposed"
    needs: ClassVar[tuple[str, ...]] = ("control-plane",)

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """One Gateway, in the gateway's own namespace."""
        namespace = scope.plan.gateway_namespace
        bodies = exposure.expose_services(namespace=namespace, selector=_selector(ports, scope))
        return tuple(Wanted(_RESOURCES[body["kind"]], body) for body in bodies)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """The kind comes with Istio."""
        return waits_for_istio(ports, scope)

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """The sample's command beside the apply."""
        file = "samples/multicluster/expose-services.yaml"
        sample = kubectl(scope.plan, "apply", "-n", scope.plan.gateway_namespace, "-f", file)
        return (*super().commands(scope, found), sample)

    def warnings(self, ports: ReadPorts, scope: Scope, found: tuple[Found, ...]) -> tuple[str, ...]:
        """The namespace is not ours to label, so its missing label is named with the command."""
        facts = mesh_facts(ports, scope)
        if not facts.network:
            return ("the mesh has no network name: exposing services has an effect only between networks",)
        namespace = ports.cluster.get(NAMESPACES, facts.istio_namespace) or {}
        labels = (namespace.get("metadata") or {}).get("labels") or {}
        if labels.get(NETWORK_LABEL) == facts.network:
            return ()
        label = f"{NETWORK_LABEL}={facts.network}"
        return (f"label the namespace: {kubectl(scope.plan, 'label', 'namespace', facts.istio_namespace, label)}",)


def _selector(ports: ReadPorts, scope: Scope) -> dict[str, str]:
    """The label by which Gateways find the gateway's Pods, as its own Service selects them."""
    service = gateway_service(ports, scope) or {}
    label = ((service.get("spec") or {}).get("selector") or {}).get("istio")
    return {"istio": str(label or selector_labels(scope.plan.gateway.name)["istio"])}


def waits_for_istio(ports: ReadPorts, scope: Scope) -> Observation | None:
    """The observation of Istio's own kinds before Istio is installed."""
    if not mesh_facts(ports, scope).installed or not ports.cluster.serves(GATEWAYS):
        return unknown("control-plane", "Istio's kinds are not served before Istio is installed")
    return None
