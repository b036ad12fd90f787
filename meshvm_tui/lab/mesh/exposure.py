"""Which istiod, if any, answers behind an east-west gateway: Gateway, VirtualService and Service together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meshvm_tui.lab.mesh import world

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects


def gateway_pods(objects: Objects, service: Mapping[str, Any]) -> list[world.JSON]:
    """The Ready gateway Pods behind a load balancer's Service."""
    home, selector = service["metadata"]["namespace"], service["spec"].get("selector")
    return [
        pod
        for pod in objects.list(world.PODS, home)
        if world.pod_ready(pod) and world.selects(selector, pod["metadata"].get("labels"))
    ]


def target_port(service: Mapping[str, Any]) -> int | None:
    """The port on the gateway's Pods behind 15012 of its Service; None where it has no such port."""
    for port in service["spec"].get("ports") or []:
        if port["port"] == world.XDS_PORT:
            target = port.get("targetPort", world.XDS_PORT)
            return target if isinstance(target, int) else world.XDS_PORT
    return None


def routed_istiod(objects: Objects, pods: list[world.JSON], port: int, server_name: str) -> world.ControlPlane | None:
    """The control plane to which a TLS connection with this server name is passed through; None where it is cut."""
    for gateway in objects.list(world.GATEWAYS):
        spec = gateway.get("spec") or {}
        chosen = any(world.selects(spec.get("selector"), pod["metadata"].get("labels")) for pod in pods)
        if chosen and any(_passes(server, port, server_name) for server in spec.get("servers") or []):
            host = _destination(objects, gateway, port, server_name)
            plane = _istiod_behind(objects, host)
            if plane is not None and plane.available:
                return plane
    return None


def _passes(server: Mapping[str, Any], port: int, server_name: str) -> bool:
    declared = server.get("port") or {}
    speaks_tls = str(declared.get("protocol", "")).upper() == "TLS"
    passthrough = (server.get("tls") or {}).get("mode") == "PASSTHROUGH"
    hosts = [str(host).rpartition("/")[2] for host in server.get("hosts") or []]
    return declared.get("number") == port and speaks_tls and passthrough and _matches(hosts, server_name)


def _destination(objects: Objects, gateway: world.JSON, port: int, server_name: str) -> str:
    home, name = gateway["metadata"]["namespace"], gateway["metadata"]["name"]
    for service in objects.list(world.VIRTUAL_SERVICES):
        spec = service.get("spec") or {}
        attached = {
            ref if "/" in ref else f"{service['metadata']['namespace']}/{ref}" for ref in spec.get("gateways") or []
        }
        if f"{home}/{name}" not in attached:
            continue
        for rule in spec.get("tls") or []:
            if any(_rule_matches(match, port, server_name) for match in rule.get("match") or []):
                destination = ((rule.get("route") or [{}])[0].get("destination")) or {}
                if (destination.get("port") or {}).get("number") == world.XDS_PORT:
                    return _full_host(str(destination.get("host", "")), service["metadata"]["namespace"])
    return ""


def _rule_matches(match: Mapping[str, Any], port: int, server_name: str) -> bool:
    return match.get("port", port) == port and _matches(match.get("sniHosts") or [], server_name)


def _matches(hosts: list[str], name: str) -> bool:
    for host in hosts:
        if host == "*" or host.lower() == name:
            return True
        if host.startswith("*.") and name.endswith(host[1:].lower()):
            return True
    return False


def _full_host(host: str, namespace: str) -> str:
    return host if "." in host else f"{host}.{namespace}.svc.cluster.local"


def _istiod_behind(objects: Objects, host: str) -> world.ControlPlane | None:
    name, _, rest = host.partition(".")
    namespace = rest.partition(".")[0]
    if not namespace or objects.get(world.SERVICES, namespace, name) is None:
        return None
    planes = [plane for plane in world.control_planes(objects) if plane.namespace == namespace]
    return next((plane for plane in planes if plane.service == name), None)
