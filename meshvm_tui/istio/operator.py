"""The IstioOperator of a control plane that takes VMs: what `istioctl install -f` is given for a new mesh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshvm_tui.istio import yaml_dialect
from meshvm_tui.istio.names import is_revisioned

OPERATOR_API_VERSION = "install.istio.io/v1alpha1"
# On by default since 1.10; written out because an operator who reads the document should see what VMs need.
VM_ENVIRONMENT = {
    "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION": "true",
    "PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS": "true",
}


def control_plane_object(
    *,
    mesh_id: str,
    cluster_id: str,
    network: str = "",
    revision: str = "",
    namespace: str = "istio-system",
    profile: str = "default",
) -> dict[str, Any]:
    """The IstioOperator. A revision of "" or `default` is left out, as is the usual namespace."""
    global_values: dict[str, Any] = {
        "meshID": mesh_id,
        "multiCluster": {"clusterName": cluster_id},
        "network": network,
    }
    spec: dict[str, Any] = {"profile": profile}
    if namespace != "istio-system":
        spec["namespace"] = namespace
        global_values["istioNamespace"] = namespace
    if is_revisioned(revision):
        spec["revision"] = revision
    spec["values"] = {"global": global_values, "pilot": {"env": dict(VM_ENVIRONMENT)}}
    return {
        "apiVersion": OPERATOR_API_VERSION,
        "kind": "IstioOperator",
        "metadata": {"name": "istio-vm-install"},
        "spec": spec,
    }


def control_plane(
    *,
    mesh_id: str,
    cluster_id: str,
    network: str = "",
    revision: str = "",
    namespace: str = "istio-system",
    profile: str = "default",
) -> str:
    """The same as YAML."""
    return yaml_dialect.dump(
        control_plane_object(
            mesh_id=mesh_id,
            cluster_id=cluster_id,
            network=network,
            revision=revision,
            namespace=namespace,
            profile=profile,
        )
    )


# What Istio's chart itself puts into istiod's environment (istio-discovery, deployment.yaml, 1.22 to 1.31): the new
# chart says these anew, and giving them again would name them twice.
CHART_ENVIRONMENT = frozenset(
    {
        "CA_TRUSTED_NODE_ACCOUNTS",
        "CLUSTER_ID",
        "EXTERNAL_ISTIOD",
        "GODEBUG",
        "INJECTION_WEBHOOK_CONFIG_NAME",
        "ISTIOD_ADDR",
        "JWT_POLICY",
        "KUBECONFIG",
        "PILOT_CA_CERT_CONFIGMAP",
        "PILOT_CERT_PROVIDER",
        "PILOT_CRL_CONFIGMAP",
        "PILOT_ENABLE_ANALYSIS",
        "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS",
        "PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_INBOUND",
        "PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_OUTBOUND",
        "PILOT_NODE_UNTAINT_CONTROLLERS_TAINT_NAME",
        "PILOT_TRACE_SAMPLING",
        "PLATFORM",
        "REVISION",
        "VALIDATION_WEBHOOK_CONFIG_NAME",
    }
)
_PUBLIC_HUBS = ("docker.io/istio", "gcr.io/istio-release", "registry.istio.io/release", "registry.istio.io/testing")


def upgraded_control_plane(
    *,
    identity: Mapping[str, str],
    revision: str,
    namespace: str,
    profile: str,
    name: str,
    mesh_config: Mapping[str, Any],
    environment: Mapping[str, str],
    values: Mapping[str, Any],
    resources: Mapping[str, Any],
    scale: Mapping[str, Any],
) -> str:
    """The IstioOperator that brings a running control plane to istioctl's version, and changes nothing else of it.

    `identity` holds mesh_id, cluster_id and network as they run; `mesh_config`, `environment` and `resources` are the
    running MeshConfig, istiod's environment and its container's resources. `values` are those that the mesh was
    installed with; the version's own (tag, and a public hub) are left out of them. `scale` says how many istiods
    run, by values of the chart. `name` is the owner's name that the running objects carry.
    """
    made = control_plane_object(**identity, revision=revision, namespace=namespace, profile=profile)
    made["metadata"]["name"] = name or made["metadata"]["name"]
    given = {key: value for key, value in environment.items() if key not in CHART_ENVIRONMENT}
    own = made["spec"]["values"]
    made["spec"]["values"] = {
        **{key: value for key, value in values.items() if key != "meshConfig"},
        "global": {**_of_the_site(values.get("global") or {}), **own["global"]},
        "pilot": {**(values.get("pilot") or {}), **scale, "env": given},
    }
    if mesh_config:
        made["spec"]["meshConfig"] = dict(mesh_config)
    if resources:
        made["spec"]["components"] = {"pilot": {"k8s": {"resources": dict(resources)}}}
    return yaml_dialect.dump(made)


def _of_the_site(values: Mapping[str, Any]) -> dict[str, Any]:
    """Global values without those of the version that runs."""
    kept = {key: value for key, value in values.items() if key != "tag"}
    if kept.get("hub") in _PUBLIC_HUBS:
        del kept["hub"]
    return kept
