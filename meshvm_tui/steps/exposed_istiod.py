"""Whether something already leads istiod's port through the gateway: a Gateway and a VirtualService of any names.

A second Gateway with the same port and host on the same Pods would contend with it for the same connections, so what
leads to the right istiod is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meshvm_tui.istio.names import ISTIOD_PORT, istiod_host
from meshvm_tui.ports import GATEWAYS, VIRTUAL_SERVICES
from meshvm_tui.steps.gateway_view import gateway_deployment
from meshvm_tui.steps.mesh_facts import gateway_service, mesh_facts

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]


def way_to_istiod(ports: ReadPorts, scope: Scope) -> str:
    """`Gateway a/b and VirtualService c/d lead 15012 to istiod…`; "" where nothing leads there yet."""
    facts = mesh_facts(ports, scope)
    name = istiod_host(facts.istio_namespace, facts.revision)
    labels = _pod_labels(ports, scope)
    places = sorted({scope.plan.gateway_namespace, facts.istio_namespace})
    routes = [item for place in places for item in ports.cluster.list(VIRTUAL_SERVICES, place)]
    for place in places:
        for gateway in ports.cluster.list(GATEWAYS, place):
            if not _opens_the_port(gateway, labels):
                continue
            for route in routes:
                if _is_bound(route, gateway) and _leads_to(route, name):
                    return f"Gateway {_place(gateway)} and VirtualService {_place(route)} lead {ISTIOD_PORT} to {name}"
    return ""


def _pod_labels(ports: ReadPorts, scope: Scope) -> Mapping[str, str]:
    """The labels of the gateway's Pods: those that its Service selects and its Deployment gives."""
    deployment = gateway_deployment(ports, scope) or {}
    template = ((deployment.get("spec") or {}).get("template") or {}).get("metadata") or {}
    selector = ((gateway_service(ports, scope) or {}).get("spec") or {}).get("selector") or {}
    return {**(template.get("labels") or {}), **selector}


def _opens_the_port(gateway: JSON, labels: Mapping[str, str]) -> bool:
    spec = gateway.get("spec") or {}
    selector = spec.get("selector") or {}
    chosen = bool(selector) and all(labels.get(key) == value for key, value in selector.items())
    return chosen and any(
        (server.get("port") or {}).get("number") == ISTIOD_PORT for server in spec.get("servers") or ()
    )


def _is_bound(route: JSON, gateway: JSON) -> bool:
    home = route["metadata"].get("namespace", "")
    names = (route.get("spec") or {}).get("gateways") or ()
    return _place(gateway) in {name if "/" in name else f"{home}/{name}" for name in names}


def _leads_to(route: JSON, name: str) -> bool:
    """By a match of the port and of istiod's name, or of any; the destination may be a short name or a long one."""
    for entry in (route.get("spec") or {}).get("tls") or ():
        hosts = [str(((item.get("destination")) or {}).get("host", "")) for item in entry.get("route") or ()]
        if not any(host == name or host.startswith(f"{name}.") for host in hosts):
            continue
        for match in entry.get("match") or ():
            if match.get("port") in (ISTIOD_PORT, None) and {"*", name} & set(match.get("sniHosts") or ("*",)):
                return True
    return False


def _place(obj: JSON) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
