"""What the running mesh is: revision, IDs, network, and how VMs will reach it. Read once per run.

Where istiod does not run, the facts say what the plan would make of it, so that later steps can be planned.
Sources: the istiod Deployment (labels, env), the ConfigMaps istio[-rev] and istio-sidecar-injector[-rev].
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.istio.names import DEFAULT_REVISION, default_tag_webhook, is_revisioned, istiod_address, revisioned
from meshvm_tui.plan import AUTO
from meshvm_tui.ports import CONFIG_MAPS, DEPLOYMENTS, MUTATING_WEBHOOKS, SERVICES
from meshvm_tui.problems import ActionNeeded, PermanentError

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
NEW_MESH_ID, NEW_CLUSTER_ID, NEW_NETWORK = "mesh1", "Kubernetes", ""
TRUST_DOMAIN = "cluster.local"
AUTO_REGISTRATION_VARIABLE = "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION"
_REVISION_LABEL = "istio.io/rev"


@dataclass(frozen=True)
class MeshFacts:
    """The mesh as steps need it. `revision` is "default" for the unrevisioned one; `config` is its MeshConfig.

    `installed` says whether an istiod of that revision is there, `available` whether it serves."""

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
    read = lambda: ports.cluster.get(SERVICES, plan.gateway.name, plan.mesh.istio_namespace)  # noqa: E731
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


def running_revisions(ports: ReadPorts, scope: Scope) -> dict[str, JSON]:
    """The istiod Deployments in the plan's Istio namespace by revision."""

    def read() -> dict[str, JSON]:
        found = ports.cluster.list(DEPLOYMENTS, scope.plan.mesh.istio_namespace, labels="app=istiod")
        return {_revision_of(item): item for item in found}

    return scope.recall("istiod-revisions", read)


def _read(ports: ReadPorts, scope: Scope) -> MeshFacts:
    running = running_revisions(ports, scope)
    wanted = scope.plan.mesh.revision
    if wanted == AUTO:
        wanted = _only_or_default(ports, scope.plan.mesh.istio_namespace, running)
    deployment = running.get(wanted or DEFAULT_REVISION)
    if deployment is None:
        return planned_facts(scope.plan, wanted or DEFAULT_REVISION)
    return _of_deployment(ports, scope.plan, wanted or DEFAULT_REVISION, deployment)


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


def _of_deployment(ports: ReadPorts, plan: Plan, revision: str, deployment: JSON) -> MeshFacts:
    namespace = plan.mesh.istio_namespace
    environment = _environment(deployment)
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
        version=_version(deployment),
        installed=True,
        config=config,
        discovery_address=str(default_config.get("discoveryAddress") or istiod_address(namespace, revision)),
        auto_registration=environment.get(AUTO_REGISTRATION_VARIABLE, "true").lower() != "false",
        available=is_available(deployment),
        deployment=str(deployment["metadata"]["name"]),
        environment=environment,
    )


def is_available(deployment: JSON) -> bool:
    """Whether a Deployment's own condition says that it serves."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return any(item.get("type") == "Available" and item.get("status") == "True" for item in conditions)


def _only_or_default(ports: ReadPorts, istio_namespace: str, running: Mapping[str, JSON]) -> str:
    """Which revision `auto` means: the only one, else the one that the default tag points at."""
    if len(running) <= 1:
        return next(iter(running), DEFAULT_REVISION)
    tag = ports.cluster.get(MUTATING_WEBHOOKS, default_tag_webhook(istio_namespace))
    tagged = str((((tag or {}).get("metadata") or {}).get("labels") or {}).get(_REVISION_LABEL) or "")
    if tagged in running:
        return tagged
    if DEFAULT_REVISION in running:
        return DEFAULT_REVISION
    raise ActionNeeded(
        "MVM-204",
        f"several revisions run and none is the default: {', '.join(sorted(running))}",
        next_action="Set mesh.revision to one of them.",
    )


def _revision_of(deployment: JSON) -> str:
    labels = (deployment.get("metadata") or {}).get("labels") or {}
    return str(labels.get(_REVISION_LABEL) or _environment(deployment).get("REVISION") or DEFAULT_REVISION)


def _environment(deployment: JSON) -> dict[str, str]:
    """The plain values of istiod's environment; those from fields and secrets are left out."""
    containers = _containers(deployment)
    chosen = next((item for item in containers if item.get("name") == "discovery"), containers[0] if containers else {})
    return {item["name"]: str(item["value"]) for item in chosen.get("env") or () if item.get("value") is not None}


def _containers(deployment: JSON) -> list[JSON]:
    template = (deployment.get("spec") or {}).get("template") or {}
    return list((template.get("spec") or {}).get("containers") or ())


def _version(deployment: JSON) -> str:
    labels = (deployment.get("metadata") or {}).get("labels") or {}
    for key in ("app.kubernetes.io/version", "operator.istio.io/version"):
        if labels.get(key):
            return str(labels[key])
    for container in _containers(deployment):
        name, _, tag = str(container.get("image", "")).partition("@")[0].rpartition(":")
        if name and "/" not in tag:
            return tag.removesuffix("-distroless").removesuffix("-debug")
    return ""


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
