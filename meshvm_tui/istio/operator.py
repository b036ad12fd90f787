"""The IstioOperator of a control plane that takes VMs: what `istioctl install -f` is given for a new mesh."""

from __future__ import annotations

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
