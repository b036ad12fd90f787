"""Objects of a mesh that runs, for tables of steps."""

from __future__ import annotations

import json
from typing import Any

JSON = dict[str, Any]
AVAILABLE = {"conditions": [{"type": "Available", "status": "True"}]}


def istiod(revision: str = "", *, available: bool = True, env: dict[str, str] | None = None) -> JSON:
    """istiod's Deployment."""
    name = f"istiod-{revision}" if revision else "istiod"
    variables = {"CLUSTER_ID": "Kubernetes", **(env or {})}
    listed = [{"name": key, "value": value} for key, value in variables.items()]
    container = {"name": "discovery", "image": "docker.io/istio/pilot:1.30.3-distroless", "env": listed}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "istio-system",
            "labels": {"app": "istiod", "istio.io/rev": revision or "default"},
        },
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": AVAILABLE if available else {},
    }


def mesh(revision: str = "", *, network: str = "", mesh_id: str = "mesh1", **given: Any) -> tuple[JSON, ...]:
    """istiod with its two ConfigMaps."""
    suffix = f"-{revision}" if revision else ""
    config = f"trustDomain: cluster.local\ndefaultConfig:\n  meshId: {mesh_id}\n"
    values = json.dumps({"global": {"network": network, "multiCluster": {"clusterName": ""}}})
    return (
        istiod(revision, **given),
        config_map(f"istio{suffix}", {"mesh": config}),
        config_map(f"istio-sidecar-injector{suffix}", {"values": values}),
    )


def config_map(name: str, data: dict[str, str]) -> JSON:
    """A ConfigMap of Istio."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "istio-system"},
        "data": data,
    }


def gateway_service(*ports: int, ingress: JSON | None = None, **metadata: Any) -> JSON:
    """A gateway's Service that somebody else made."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "istio-eastwestgateway", "namespace": "istio-system", **metadata},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"istio": "eastwestgateway"},
            "ports": [{"name": f"p{port}", "port": port} for port in ports],
        },
        "status": {"loadBalancer": {"ingress": [ingress] if ingress else []}},
    }


def deployment(name: str, *, available: bool = True, labels: dict[str, str] | None = None) -> JSON:
    """A Deployment in the Istio namespace."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "istio-system"},
        "spec": {"template": {"metadata": {"labels": labels or {}}}},
        "status": AVAILABLE if available else {},
    }


def namespace(name: str, **metadata: Any) -> JSON:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}
