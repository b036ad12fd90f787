"""How istiod, and in multi-network meshes the services, become reachable through the east-west gateway.

Istio's samples hard-wire the namespace istio-system; here the mesh's own namespace stands in every host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshvm_tui.istio.gateway import selector_labels
from meshvm_tui.istio.names import CLUSTER_DOMAIN, ISTIOD_PORT, is_revisioned, revisioned

JSON = dict[str, Any]

API_VERSION = "networking.istio.io/v1"
ISTIOD_GATEWAY = "istiod-gateway"
ISTIOD_VIRTUAL_SERVICE = "istiod-vs"
SERVICES_GATEWAY = "cross-network-gateway"
_WEBHOOK_PORT = 15017
_SERVICE_PORT_OF_WEBHOOK = 443


def expose_istiod(
    *,
    istio_namespace: str = "istio-system",
    revision: str = "",
    selector: Mapping[str, str] | None = None,
    gateway_namespace: str = "",
) -> tuple[JSON, JSON]:
    """The Gateway and the VirtualService that pass TLS on to istiod, untouched.

    `selector` are labels of the gateway's Pods (those of istio-eastwestgateway where none are given). A revision
    gets a VirtualService of its own that matches its host names only, so that revisions share the gateway.
    `gateway_namespace` is where the gateway runs (the Istio namespace where none is given).
    """
    namespace = gateway_namespace or istio_namespace
    return (
        _gateway(
            ISTIOD_GATEWAY,
            namespace,
            selector,
            [_passthrough("tls-istiod", ISTIOD_PORT), _passthrough("tls-istiodwebhook", _WEBHOOK_PORT)],
        ),
        _virtual_service(istio_namespace, namespace, revision),
    )


def expose_services(
    *,
    namespace: str = "istio-system",
    selector: Mapping[str, str] | None = None,
) -> tuple[JSON]:
    """The Gateway through which another network reaches every service, by the name in the TLS handshake."""
    server = {
        "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": ["*.local"],
    }
    return (_gateway(SERVICES_GATEWAY, namespace, selector, [server]),)


def _gateway(name: str, namespace: str, selector: Mapping[str, str] | None, servers: list[JSON]) -> JSON:
    chosen = selector or {"istio": selector_labels("istio-eastwestgateway")["istio"]}
    return {
        "apiVersion": API_VERSION,
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": dict(chosen), "servers": servers},
    }


def _passthrough(name: str, port: int) -> JSON:
    return {
        "port": {"name": name, "number": port, "protocol": "tls"},
        "tls": {"mode": "PASSTHROUGH"},
        "hosts": ["*"],
    }


def _virtual_service(istio_namespace: str, namespace: str, revision: str) -> JSON:
    host = f"{revisioned('istiod', revision)}.{istio_namespace}"
    names = [f"{host}.svc", f"{host}.{CLUSTER_DOMAIN}"] if is_revisioned(revision) else ["*"]
    routes = [
        {
            "match": [{"port": port, "sniHosts": list(names)}],
            "route": [{"destination": {"host": f"{host}.{CLUSTER_DOMAIN}", "port": {"number": target}}}],
        }
        for port, target in ((ISTIOD_PORT, ISTIOD_PORT), (_WEBHOOK_PORT, _SERVICE_PORT_OF_WEBHOOK))
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "VirtualService",
        "metadata": {"name": revisioned(ISTIOD_VIRTUAL_SERVICE, revision), "namespace": namespace},
        "spec": {"hosts": ["*"], "gateways": [ISTIOD_GATEWAY], "tls": routes},
    }
