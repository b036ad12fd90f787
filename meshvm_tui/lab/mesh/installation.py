"""The objects of an Istio control plane and of a gateway, as istioctl would leave them in a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from meshvm_tui.lab.mesh import world

HUB = "docker.io/istio"
DEFAULT_TAG = "istio-revision-tag-default"  # which revision stands for "default"; the first one installed keeps it


@dataclass(frozen=True)
class ControlPlaneWanted:
    """What an IstioOperator asks for. `revision` is "" for none; `pilot_env` goes to istiod as it is."""

    version: str
    namespace: str = "istio-system"
    revision: str = ""
    mesh_id: str = ""
    cluster_id: str = ""
    network: str = ""
    trust_domain: str = "cluster.local"
    pilot_env: Mapping[str, str] = field(default_factory=dict)
    mesh_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ending(self) -> str:
        """What a revision adds to names."""
        return f"-{self.revision}" if self.revision else ""


@dataclass(frozen=True)
class GatewayWanted:
    """One entry of an IstioOperator's ingressGateways."""

    name: str
    namespace: str
    version: str
    revision: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Mapping[str, Any], ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)


def control_plane_objects(wanted: ControlPlaneWanted) -> list[tuple[str, world.JSON]]:
    """Every object of a control plane but the CustomResourceDefinitions, with the key of its kind."""
    account = _object("v1", "ServiceAccount", f"istiod{wanted.ending}", wanted)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wanted.namespace}}
    if wanted.network:
        namespace["metadata"] = {"name": wanted.namespace, "labels": {"topology.istio.io/network": wanted.network}}
    return [
        (world.NAMESPACES, namespace),
        (world.SERVICE_ACCOUNTS, account),
        (world.CONFIG_MAPS, _mesh_config(wanted)),
        (world.CONFIG_MAPS, _injector(wanted)),
        (world.SERVICES, _istiod_service(wanted)),
        (world.DEPLOYMENTS, _istiod(wanted)),
        (world.WEBHOOKS, _injection_webhook(wanted, _ending(wanted))),
        (world.WEBHOOKS, _default_tag(wanted)),
        (world.VALIDATORS, _validator(wanted)),
    ]


def gateway_objects(wanted: GatewayWanted) -> list[tuple[str, world.JSON]]:
    """A gateway's ServiceAccount, Service and Deployment."""
    meta = {"name": wanted.name, "namespace": wanted.namespace, "labels": dict(wanted.labels)}
    account = f"{wanted.name}-service-account"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**meta, "annotations": dict(wanted.annotations)},
        "spec": {
            "type": "LoadBalancer",
            "selector": dict(wanted.labels),
            "ports": [dict(port) for port in wanted.ports],
        },
    }
    pod_labels = {**wanted.labels, "sidecar.istio.io/inject": "true"}
    if wanted.revision:
        pod_labels["istio.io/rev"] = wanted.revision
    container = {
        "name": "istio-proxy",
        "image": "auto",
        "env": [{"name": name, "value": value} for name, value in wanted.environment.items()],
        "ports": [{"containerPort": _target(port), "protocol": "TCP"} for port in wanted.ports],
    }
    template = {
        "metadata": {"labels": pod_labels, "annotations": {"inject.istio.io/templates": "gateway"}},
        "spec": {"serviceAccountName": account, "containers": [container]},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {"replicas": 1, "selector": {"matchLabels": dict(wanted.labels)}, "template": template},
    }
    holder = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**meta, "name": account}}
    return [(world.SERVICE_ACCOUNTS, holder), (world.SERVICES, service), (world.DEPLOYMENTS, deployment)]


def _object(api_version: str, kind: str, name: str, wanted: ControlPlaneWanted) -> world.JSON:
    labels = {"app": "istiod", "istio.io/rev": wanted.revision or "default", "release": "istio"}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": wanted.namespace, "labels": labels},
    }


def _mesh_config(wanted: ControlPlaneWanted) -> world.JSON:
    given = dict(wanted.mesh_config)
    defaults = {
        "discoveryAddress": f"istiod{wanted.ending}.{wanted.namespace}.svc:15012",
        **({"meshId": wanted.mesh_id} if wanted.mesh_id else {}),
        **(given.pop("defaultConfig", None) or {}),
    }
    mesh = {
        "defaultConfig": defaults,
        "defaultProviders": {"metrics": ["prometheus"]},
        "enablePrometheusMerge": True,
        "rootNamespace": wanted.namespace,
        "trustDomain": wanted.trust_domain,
        **given,
    }
    made = _object("v1", "ConfigMap", f"istio{wanted.ending}", wanted)
    return {**made, "data": {"mesh": yaml.safe_dump(mesh), "meshNetworks": "networks: {}"}}


def _injector(wanted: ControlPlaneWanted) -> world.JSON:
    multi = {"enabled": False, "clusterName": wanted.cluster_id}
    values = {
        "global": {
            "istioNamespace": wanted.namespace,
            "meshID": wanted.mesh_id,
            "multiCluster": multi,
            "network": wanted.network,
            "tag": wanted.version,
            "hub": HUB,
        },
        "revision": wanted.revision,
    }
    made = _object("v1", "ConfigMap", f"istio-sidecar-injector{wanted.ending}", wanted)
    return {**made, "data": {"config": "policy: enabled\n", "values": json.dumps(values, indent=2)}}


def _istiod_service(wanted: ControlPlaneWanted) -> world.JSON:
    ports = [
        {"name": "grpc-xds", "port": 15010, "protocol": "TCP"},
        {"name": "https-dns", "port": 15012, "protocol": "TCP"},
        {"name": "https-webhook", "port": 443, "targetPort": 15017, "protocol": "TCP"},
        {"name": "http-monitoring", "port": 15014, "protocol": "TCP"},
    ]
    selector = {"app": "istiod", "istio.io/rev": wanted.revision or "default"}
    made = _object("v1", "Service", f"istiod{wanted.ending}", wanted)
    return {**made, "spec": {"ports": ports, "selector": selector}}


def _istiod(wanted: ControlPlaneWanted) -> world.JSON:
    labels = {"app": "istiod", "istio.io/rev": wanted.revision or "default"}
    environment = {
        "REVISION": wanted.revision or "default",
        "CLUSTER_ID": wanted.cluster_id or "Kubernetes",
        **wanted.pilot_env,
    }
    container = {
        "name": "discovery",
        "image": f"{HUB}/pilot:{wanted.version}",
        "args": ["discovery"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [{"containerPort": 15012, "protocol": "TCP"}, {"containerPort": 15017, "protocol": "TCP"}],
    }
    template = {
        "metadata": {"labels": {**labels, "sidecar.istio.io/inject": "false"}},
        "spec": {"serviceAccountName": f"istiod{wanted.ending}", "containers": [container]},
    }
    made = _object("apps/v1", "Deployment", f"istiod{wanted.ending}", wanted)
    return {**made, "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}}


def _injection_webhook(wanted: ControlPlaneWanted, ending: str) -> world.JSON:
    hook = {
        "name": "object.sidecar-injector.istio.io",
        "clientConfig": _client(wanted, "/inject"),
        "failurePolicy": "Fail",
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }
    return _webhooks("MutatingWebhookConfiguration", f"istio-sidecar-injector{ending}", wanted, hook)


def _default_tag(wanted: ControlPlaneWanted) -> world.JSON:
    made = _injection_webhook(wanted, "")
    ending = "" if wanted.namespace == "istio-system" else f"-{wanted.namespace}"
    made["metadata"]["name"] = f"{DEFAULT_TAG}{ending}"
    made["metadata"]["labels"]["istio.io/tag"] = "default"
    return made


def _validator(wanted: ControlPlaneWanted) -> world.JSON:
    groups = ["security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io"]
    hook = {
        "name": "rev.validation.istio.io",
        "clientConfig": _client(wanted, "/validate"),
        "failurePolicy": "Ignore",
        "rules": [{"apiGroups": groups, "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["*"]}],
    }
    name = f"istio-validator{wanted.ending}-{wanted.namespace}"
    return _webhooks("ValidatingWebhookConfiguration", name, wanted, hook)


def _webhooks(kind: str, name: str, wanted: ControlPlaneWanted, hook: world.JSON) -> world.JSON:
    app = "sidecar-injector" if kind.startswith("Mutating") else "istiod"
    labels = {"app": app, "istio.io/rev": wanted.revision or "default", "release": "istio"}
    shared = {"admissionReviewVersions": ["v1"], "sideEffects": "None"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "webhooks": [{**hook, **shared}],
    }


def _client(wanted: ControlPlaneWanted, path: str) -> world.JSON:
    name = f"istiod{wanted.ending}"
    return {"service": {"name": name, "namespace": wanted.namespace, "path": path, "port": 443}}


def _ending(wanted: ControlPlaneWanted) -> str:
    return wanted.ending or ("" if wanted.namespace == "istio-system" else f"-{wanted.namespace}")


def _target(port: Mapping[str, Any]) -> int:
    target = port.get("targetPort", port["port"])
    return int(target)
