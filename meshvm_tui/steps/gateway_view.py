"""The gateway as it is in the cluster: its Deployment, whose it is, and others that would do as well."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from meshvm_tui.istio.names import ISTIOD_PORT
from meshvm_tui.ports import DEPLOYMENTS, SERVICES
from meshvm_tui.problems import Problem
from meshvm_tui.steps.gateway_reach import reach_of
from meshvm_tui.steps.kubernetes_objects import made_by_us
from meshvm_tui.steps.mesh_facts import gateway_service, load_balancer_address
from meshvm_tui.steps.name_lookup import is_ip

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.gateway_reach import Reach
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]


def gateway_deployment(ports: ReadPorts, scope: Scope) -> JSON | None:
    """The gateway's Deployment: of the Service's name, else the one whose Pods the Service selects."""
    plan = scope.plan

    def read() -> JSON | None:
        found = ports.cluster.get(DEPLOYMENTS, plan.gateway.name, plan.gateway_namespace)
        if found is not None:
            return found
        selector = ((gateway_service(ports, scope) or {}).get("spec") or {}).get("selector") or {}
        for item in ports.cluster.list(DEPLOYMENTS, plan.gateway_namespace):
            labels = item["spec"]["template"].get("metadata", {}).get("labels") or {}
            if selector and all(labels.get(key) == value for key, value in selector.items()):
                return item
        return None

    return scope.recall("gateway-deployment", read)


def is_foreign(ports: ReadPorts, scope: Scope) -> bool:
    """Whether the gateway's Service is there and not made by us."""
    service = gateway_service(ports, scope)
    return service is not None and not made_by_us(service)


def serves_istiod(service: JSON) -> bool:
    """Whether a Service has istiod's port."""
    return any(port.get("port") == ISTIOD_PORT for port in (service.get("spec") or {}).get("ports") or ())


def reach(service: JSON) -> Reach:
    """From where a Service can be reached, by the address that it has, if any."""
    told = load_balancer_address(service)
    return reach_of(service, told if is_ip(told) else "")


def gateways_that_would_do(ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
    """Services of other names, in any namespace that we may look into, that serve istiod from outside the cluster.

    They are proposed and never taken silently: whose they are and who uses them is not ours to guess.
    """
    return tuple(
        f"Service {item['metadata']['namespace']}/{item['metadata']['name']} serves {ISTIOD_PORT} already, "
        f"{reach(item).words()}: set gateway.name and gateway.namespace to use it"
        for item in sorted(_services(ports, scope), key=_place)
        if serves_istiod(item) and (item.get("spec") or {}).get("type") == "LoadBalancer"
    )


def _services(ports: ReadPorts, scope: Scope) -> list[JSON]:
    """Those of all namespaces, of the gateway's alone, or none: as far as we may look."""
    for namespace in (None, scope.plan.gateway_namespace):
        with suppress(Problem):
            return ports.cluster.list(SERVICES, namespace)
    return []


def _place(obj: JSON) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
