"""What the running mesh is: revision, IDs, network, and how VMs will reach it. Read once per run.

Where istiod does not run, the facts say what the plan would make of it, so that later steps can be planned.
Sources: the istiod Deployment (labels, env), the ConfigMaps istio[-rev] and istio-sidecar-injector[-rev].
IDs, network and trust domain are those of the running istiod wherever it runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.istio.names import DEFAULT_REVISION, is_revisioned, istiod_address, revisioned
from meshvm_tui.plan import AUTO
from meshvm_tui.ports import CONFIG_MAPS, SERVICES
from meshvm_tui.problems import PermanentError
from meshvm_tui.steps.istiod_deployment import environment_of, is_available, version_of
from meshvm_tui.steps.mesh_revisions import Chosen, chosen_revision

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
NEW_MESH_ID, NEW_CLUSTER_ID, NEW_NETWORK = "mesh1", "Kubernetes", ""
TRUST_DOMAIN = "cluster.local"
AUTO_REGISTRATION_VARIABLE = "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION"
GO_FALSE = ("false", "f", "0")
"""What Go's strconv.ParseBool, with which istiod reads its variables, takes for false."""


@dataclass(frozen=True)
class MeshFacts:
    """The mesh as steps need it. `revision` is "default" for the unrevisioned one; `config` is its MeshConfig.

    `installed` says whether an istiod of that revision is there, `available` whether it serves. `values` are the
    global values of its injection, `live` is istiod's Deployment, `tag` the revision tag by which the plan names it.
    """

    revision: str
    istio_namespace: str
    mesh_id: str
    cluster_id: str
    network: str
    trust_domain: str
    version: str
    installed: bool
    config: Mapping[str, Any]
    discovery_address: str
    auto_registration: bool
    available: bool = False
    deployment: str = "istiod"
    environment: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    live: Mapping[str, Any] = field(default_factory=dict)
    tag: str = ""

    @property
    def is_revisioned(self) -> bool:
        """Whether names carry the revision."""
        return is_revisioned(self.revision)


def mesh_facts(ports: ReadPorts, scope: Scope) -> MeshFacts:
    """The facts of the plan's revision. ActionNeeded MVM-204 where the plan leaves open which of several."""
    return scope.recall("mesh-facts", lambda: _read(ports, scope))


def gateway_ip(ports: ReadPorts, scope: Scope) -> str:
    """The address through which VMs reach istiod; "" while there is none, or only a host name."""
    if scope.plan.gateway.address != AUTO:
        return scope.plan.gateway.address
    service = gateway_service(ports, scope)
    address = load_balancer_address(service) if service else ""
    return resolved(scope, address) if address else ""


def gateway_service(ports: ReadPorts, scope: Scope) -> JSON | None:
    """The east-west gateway's Service."""
    plan = scope.plan
    read = lambda: ports.cluster.get(SERVICES, plan.gateway.name, plan.gateway_namespace)  # noqa: E731
    return scope.recall("gateway-service", read)


def load_balancer_address(service: JSON) -> str:
    """The IP, else the host name, at which a Service can be reached from outside; "" while it has none."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    for key in ("ip", "hostname"):
        for entry in ingress:
            if entry.get(key):
                return str(entry[key])
    external = (service.get("spec") or {}).get("externalIPs") or []
    return str(external[0]) if external else ""


def resolved(scope: Scope, address: str) -> str:
    """The IP of an address that may be a host name; "" where it cannot be resolved (yet)."""
    from meshvm_tui.steps.name_lookup import is_ip, look_up

    if is_ip(address):
        return address
    return scope.recall(f"name/{address}", lambda: look_up(address, scope.is_cancelled))


def _read(ports: ReadPorts, scope: Scope) -> MeshFacts:
    chosen = chosen_revision(ports, scope)
    if chosen.deployment is None:
        return planned_facts(scope.plan, chosen.revision)
    return _of_deployment(ports, scope.plan, chosen, chosen.deployment)


def planned_facts(plan: Plan, revision: str = DEFAULT_REVISION) -> MeshFacts:
    """What a new installation would be."""
    namespace = plan.mesh.istio_namespace
    return MeshFacts(
        revision=revision,
        istio_namespace=namespace,
        mesh_id=_or(plan.mesh.mesh_id, NEW_MESH_ID),
        cluster_id=_or(plan.mesh.cluster_id, NEW_CLUSTER_ID),
        network=_or(plan.mesh.network, NEW_NETWORK),
        trust_domain=TRUST_DOMAIN,
        version=plan.mesh.version,
        installed=False,
        config={},
        discovery_address=istiod_address(namespace, revision),
        auto_registration=True,
        deployment=revisioned("istiod", revision),
    )


def _of_deployment(ports: ReadPorts, plan: Plan, chosen: Chosen, deployment: JSON) -> MeshFacts:
    namespace, revision = plan.mesh.istio_namespace, chosen.revision
    environment = environment_of(deployment)
    config = _mesh_config(ports, revisioned("istio", revision), namespace)
    default_config = config.get("defaultConfig") or {}
    values = _injector_values(ports, revisioned("istio-sidecar-injector", revision), namespace)
    cluster_name = (values.get("multiCluster") or {}).get("clusterName")
    return MeshFacts(
        revision=revision,
        istio_namespace=namespace,
        mesh_id=str(default_config.get("meshId") or values.get("meshID") or ""),
        cluster_id=str(environment.get("CLUSTER_ID") or cluster_name or NEW_CLUSTER_ID),
        network=str(values.get("network") or ""),
        trust_domain=str(config.get("trustDomain") or TRUST_DOMAIN),
        version=version_of(deployment),
        installed=True,
        config=config,
        discovery_address=str(default_config.get("discoveryAddress") or istiod_address(namespace, revision)),
        auto_registration=environment.get(AUTO_REGISTRATION_VARIABLE, "true").lower() not in GO_FALSE,
        available=is_available(deployment),
        deployment=str(deployment["metadata"]["name"]),
        environment=environment,
        values=values,
        live=deployment,
        tag=chosen.tag,
    )


def _mesh_config(ports: ReadPorts, name: str, namespace: str) -> JSON:
    text = _data(ports, name, namespace, "mesh")
    try:
        parsed = yaml.safe_load(text) if text else {}
    except yaml.YAMLError as error:
        raise PermanentError("MVM-216", f"ConfigMap {namespace}/{name}, key mesh, is no YAML: {error}") from None
    return parsed if isinstance(parsed, dict) else {}


def _injector_values(ports: ReadPorts, name: str, namespace: str) -> JSON:
    text = _data(ports, name, namespace, "values")
    try:
        parsed = json.loads(text) if text else {}
    except ValueError as error:
        raise PermanentError("MVM-216", f"ConfigMap {namespace}/{name}, key values, is no JSON: {error}") from None
    return dict((parsed or {}).get("global") or {})


def _data(ports: ReadPorts, name: str, namespace: str, key: str) -> str:
    found = ports.cluster.get(CONFIG_MAPS, name, namespace) or {}
    return str((found.get("data") or {}).get(key) or "")


def _or(value: str, default: str) -> str:
    return default if value == AUTO else value
