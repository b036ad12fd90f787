"""The east-west gateway through which VMs reach istiod, in two forms.

As our own objects (a Deployment whose proxy container istiod's injection fills in, a Service, a ServiceAccount,
a Role and its RoleBinding), or as the IstioOperator that Istio's own gateway script would print.
The ports, labels and names are those of Istio's east-west gateway, so that the usual Gateway selectors match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshvm_tui.istio import yaml_dialect
from meshvm_tui.istio.names import is_revisioned
from meshvm_tui.istio.operator import OPERATOR_API_VERSION

JSON = dict[str, Any]

TOPOLOGY_LABEL = "topology.istio.io/network"
REVISION_LABEL = "istio.io/rev"
# Load balancers of several clouds (Kubernetes documentation, "Internal load balancer"); each ignores the others'.
INTERNAL_ANNOTATIONS = {
    "networking.gke.io/load-balancer-type": "Internal",
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
}
_PORTS = (("status-port", 15021), ("tls", 15443), ("tls-istiod", 15012), ("tls-webhook", 15017))
_ROLE_SUFFIX = "-sds"
_PROXY_UID = 1337


def selector_labels(name: str) -> dict[str, str]:
    """The labels of the gateway's Pods; `istio` is what Gateways select, derived as Istio's chart derives it."""
    return {"app": name, "istio": name.removeprefix("istio-")}


def gateway_objects(
    name: str = "istio-eastwestgateway",
    *,
    namespace: str = "istio-system",
    revision: str = "",
    network: str = "",
    internal: bool = False,
    source_ranges: Sequence[str] = (),
) -> tuple[JSON, ...]:
    """The gateway as our own objects, in the order in which they are applied.

    `network` is set for multi-network meshes only: traffic through the gateway then stays in that network.
    `internal` asks the cloud for a load balancer that only its own network reaches.
    """
    return (
        _service_account(name, namespace),
        _role(name, namespace),
        _role_binding(name, namespace),
        _deployment(name, namespace, revision, network),
        service(name, namespace=namespace, network=network, internal=internal, source_ranges=source_ranges),
    )


def service(
    name: str,
    *,
    namespace: str,
    network: str = "",
    internal: bool = False,
    source_ranges: Sequence[str] = (),
) -> JSON:
    """The gateway's LoadBalancer."""
    spec: JSON = {
        "type": "LoadBalancer",
        "selector": selector_labels(name),
        "ports": [
            {"name": port_name, "port": port, "targetPort": port, "protocol": "TCP"} for port_name, port in _PORTS
        ],
    }
    if source_ranges:
        spec["loadBalancerSourceRanges"] = list(source_ranges)
    made = _object("v1", "Service", name, namespace, _labels(name, network))
    if internal:
        made["metadata"]["annotations"] = dict(INTERNAL_ANNOTATIONS)
    return made | {"spec": spec}


def _labels(name: str, network: str) -> dict[str, str]:
    return selector_labels(name) | ({TOPOLOGY_LABEL: network} if network else {})


def _object(api_version: str, kind: str, name: str, namespace: str, labels: Mapping[str, str]) -> JSON:
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _service_account(name: str, namespace: str) -> JSON:
    return _object("v1", "ServiceAccount", name, namespace, selector_labels(name))


def _role(name: str, namespace: str) -> JSON:
    # A gateway reads the certificates that Gateways name; the same right that Istio's chart gives.
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "watch", "list"]}]
    made = _object("rbac.authorization.k8s.io/v1", "Role", name + _ROLE_SUFFIX, namespace, selector_labels(name))
    return made | {"rules": rules}


def _role_binding(name: str, namespace: str) -> JSON:
    role = name + _ROLE_SUFFIX
    made = _object("rbac.authorization.k8s.io/v1", "RoleBinding", role, namespace, selector_labels(name))
    return made | {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }


def _deployment(name: str, namespace: str, revision: str, network: str) -> JSON:
    pod_labels = _labels(name, network) | {"sidecar.istio.io/inject": "true"}
    if is_revisioned(revision):
        pod_labels[REVISION_LABEL] = revision
    made = _object("apps/v1", "Deployment", name, namespace, _labels(name, network))
    return made | {
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": selector_labels(name)},
            "template": {
                "metadata": {"labels": pod_labels, "annotations": {"inject.istio.io/templates": "gateway"}},
                "spec": _pod_spec(name, network),
            },
        }
    }


def _pod_spec(name: str, network: str) -> JSON:
    container: JSON = {
        "name": "istio-proxy",
        # istiod's injection puts the image of its own version in the place of this word.
        "image": "auto",
        "ports": [{"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": _PROXY_UID,
            "runAsNonRoot": True,
            "runAsUser": _PROXY_UID,
        },
    }
    if network:
        container["env"] = [{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": network}]
    return {"serviceAccountName": name, "containers": [container]}


def gateway_operator_object(
    name: str = "istio-eastwestgateway",
    *,
    namespace: str = "istio-system",
    revision: str = "",
    network: str = "",
    internal: bool = False,
    source_ranges: Sequence[str] = (),
    istio_namespace: str = "",
) -> JSON:
    """The IstioOperator that makes the same gateway by `istioctl install`.

    `istio_namespace` is istiod's, where the gateway's own is another one."""
    istio_namespace = istio_namespace or namespace
    kubernetes: JSON = {"service": {"ports": [{"name": n, "port": p, "targetPort": p} for n, p in _PORTS]}}
    if network:
        kubernetes["env"] = [{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": network}]
    if internal:
        kubernetes["serviceAnnotations"] = dict(INTERNAL_ANNOTATIONS)
    if source_ranges:
        kubernetes["service"]["loadBalancerSourceRanges"] = list(source_ranges)
    gateway = {
        "name": name,
        "namespace": namespace,
        "label": _labels(name, network),
        "enabled": True,
        "k8s": kubernetes,
    }
    values: JSON = {"gateways": {"istio-ingressgateway": {"injectionTemplate": "gateway"}}}
    if network:
        values["global"] = {"network": network}
    if istio_namespace != "istio-system":
        values.setdefault("global", {})["istioNamespace"] = istio_namespace
    spec: JSON = {"profile": "empty", "components": {"ingressGateways": [gateway]}, "values": values}
    if is_revisioned(revision):
        spec["revision"] = revision
    return {
        "apiVersion": OPERATOR_API_VERSION,
        "kind": "IstioOperator",
        "metadata": {"name": "eastwest"},
        "spec": spec,
    }


def gateway_operator(
    name: str = "istio-eastwestgateway",
    *,
    namespace: str = "istio-system",
    revision: str = "",
    network: str = "",
    internal: bool = False,
    source_ranges: Sequence[str] = (),
    istio_namespace: str = "",
) -> str:
    """The same as YAML."""
    return yaml_dialect.dump(
        gateway_operator_object(
            name,
            namespace=namespace,
            revision=revision,
            network=network,
            internal=internal,
            source_ranges=source_ranges,
            istio_namespace=istio_namespace,
        )
    )
