"""upgrade: a control plane that istioctl made is brought to another version in place, and nothing else of it changes.

Everything that must hold is looked at before a change is listed, and once more before it is made:
the mesh is istioctl's own; istioctl on PATH is of the wanted version; the step is one that Istio supports (up, one
minor at a time: "In-place upgrades"); precheck is clean; the generated manifest keeps meshID, clusterID, network and
trust domain, and neither adds nor drops a workload. The manifest's diff is what the operator is shown, and the name
of the cluster, typed into the plan, is what allows it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.events import Change
from meshvm_tui.istio import operator
from meshvm_tui.istio.names import revisioned
from meshvm_tui.istio.releases import is_supported, version_parts
from meshvm_tui.ports import CONFIG_MAPS, HORIZONTAL_POD_AUTOSCALERS
from meshvm_tui.problems import ActionNeeded, PermanentError
from meshvm_tui.steps.commands import istioctl
from meshvm_tui.steps.istiod_deployment import discovery_container, environment_of
from meshvm_tui.steps.mesh_facts import TRUST_DOMAIN
from meshvm_tui.steps.mesh_manager import ISTIOCTL, manager_of, operators_of
from meshvm_tui.steps.mesh_manifest import (
    OWNER_LABEL,
    Beside,
    beside_what_runs,
    left_behind,
    new_workloads,
    object_named,
)
from meshvm_tui.steps.object_compare import diff_of_new
from meshvm_tui.steps.step import fingerprint

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.mesh_facts import MeshFacts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
OPERATOR_FILE = "istio-upgrade.yaml"
# Global values that belong to the site and not to the version.
_KEPT_VALUES = ("caAddress", "hub", "imagePullPolicy", "imagePullSecrets", "logAsJson", "pilotCertProvider")


def wanted_version(ports: ReadPorts, scope: Scope) -> str:
    """The plan's version, or istioctl's own where the plan names none."""
    return scope.plan.mesh.version or scope.recall("istioctl-version", ports.istioctl.version)


def changes_of_upgrade(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> tuple[Change, ...]:
    """istioctl's run, and every object that it would change; a Problem where the upgrade is not one to be made."""
    document = checked_document(ports, scope, facts)
    by_hand = (
        istioctl(scope.plan, "x", "precheck"),
        istioctl(scope.plan, "manifest", "generate", "--cluster-specific", "-f", OPERATOR_FILE),
        istioctl(scope.plan, "install", "-f", OPERATOR_FILE),
    )
    target = f"Istio {facts.version} to {wanted_version(ports, scope)} in {facts.istio_namespace}"
    run = Change("run", target, diff_of_new(document, OPERATOR_FILE), by_hand, fingerprint(document))
    found = _manifest(ports, scope, facts, document)
    return (run, *(change for item in found if (change := item.change())))


def checked_document(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> str:
    """The IstioOperator of the upgrade, once all that must hold holds."""
    _refuse_a_foreign_mesh(ports, scope, facts)
    version = wanted_version(ports, scope)
    _refuse_another_istioctl(ports, scope, version)
    _refuse_an_unsupported_step(facts.version, version)
    scope.recall("precheck", lambda: ports.istioctl.precheck(istio_namespace=facts.istio_namespace))
    document = upgrade_document(ports, scope, facts)
    found = _manifest(ports, scope, facts, document)
    _refuse_another_identity(facts, found)
    _refuse_more_than_an_upgrade(ports, facts, found, scope.plan.mesh.profile)
    return document


def refuse_unconfirmed(ports: ReadPorts, scope: Scope) -> None:
    """ActionNeeded MVM-218 unless the plan names the version, and the cluster whose control plane may get it."""
    typed, context = scope.plan.mesh.upgrade_cluster, ports.cluster.context
    if not scope.plan.mesh.version:
        # A plan that is kept would else upgrade by itself on the day that a newer istioctl is on PATH.
        own = wanted_version(ports, scope)
        raise ActionNeeded(
            "MVM-218",
            f"mesh.version is empty, and istioctl is {own}",
            next_action=f"Set mesh.version: {own} and mesh.upgradeCluster: {context} in the plan.",
        )
    if typed == context:
        return
    said = f"mesh.upgradeCluster is {typed!r}" if typed else "mesh.upgradeCluster is empty"
    raise ActionNeeded(
        "MVM-218",
        f"{said}; the cluster is {context!r} ({ports.cluster.server}), where every workload depends on this istiod",
        next_action=f"Read the diff (--dry-run shows it), then set mesh.upgradeCluster: {context} in the plan.",
    )


def upgrade_document(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> str:
    """What runs, said as an IstioOperator: IDs, trust domain and settings are the running istiod's, not the plan's."""
    owner = ((facts.live.get("metadata") or {}).get("labels") or {}).get(OWNER_LABEL, "")
    return operator.upgraded_control_plane(
        identity={"mesh_id": facts.mesh_id, "cluster_id": facts.cluster_id, "network": facts.network},
        revision=facts.revision,
        namespace=facts.istio_namespace,
        profile=scope.plan.mesh.profile,
        name="" if owner == "unknown" else owner,
        mesh_config=facts.config,
        environment=facts.environment,
        values=_installed_values(ports, facts),
        scale=_scale(ports, facts),
        resources=discovery_container(dict(facts.live)).get("resources") or {},
    )


def _installed_values(ports: ReadPorts, facts: MeshFacts) -> JSON:
    """The values that the mesh was installed with: its chart keeps them since 1.25 or so; else those that we know."""
    found = ports.cluster.get(CONFIG_MAPS, revisioned("values", facts.revision), facts.istio_namespace) or {}
    original = (found.get("data") or {}).get("original-values")
    if original:
        return _parsed(found, "original-values")
    kept = {key: facts.values[key] for key in _KEPT_VALUES if facts.values.get(key)}
    return {"global": kept} if kept else {}


def _scale(ports: ReadPorts, facts: MeshFacts) -> JSON:
    """How many istiods run, as the chart's values say it: by an autoscaler's bounds, or by a fixed number."""
    found = ports.cluster.get(HORIZONTAL_POD_AUTOSCALERS, facts.deployment, facts.istio_namespace)
    if found is None:
        replicas = (facts.live.get("spec") or {}).get("replicas", 1)
        return {"autoscaleEnabled": False, "replicaCount": replicas}
    spec = found.get("spec") or {}
    return {"autoscaleEnabled": True, "autoscaleMin": spec.get("minReplicas", 1), "autoscaleMax": spec["maxReplicas"]}


def _manifest(ports: ReadPorts, scope: Scope, facts: MeshFacts, document: str) -> tuple[Beside, ...]:
    def read() -> tuple[Beside, ...]:
        return beside_what_runs(ports, ports.istioctl.manifest(document, revision=facts.revision))

    return scope.recall("upgrade-manifest", read)


def _refuse_a_foreign_mesh(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> None:
    managers = scope.recall("mesh-managers", lambda: (manager_of(facts.live), *operators_of(ports)))
    others = [manager for manager in managers if manager.tool != ISTIOCTL]
    if others:
        words = ", ".join(manager.words() for manager in others)
        raise ActionNeeded(
            "MVM-217",
            f"Deployment {facts.istio_namespace}/{facts.deployment} is managed by {words}",
            next_action=f"Upgrade it with {others[0].tool}, or choose install: keep, which takes it as it is.",
        )


def _refuse_another_istioctl(ports: ReadPorts, scope: Scope, version: str) -> None:
    own = scope.recall("istioctl-version", ports.istioctl.version)
    if own != version:
        raise ActionNeeded("MVM-219", f"istioctl on PATH is {own}, mesh.version is {version}")


def _refuse_an_unsupported_step(running: str, wanted: str) -> None:
    now, then = version_parts(running), version_parts(wanted)
    if not now or not then:
        raise ActionNeeded("MVM-206", f"istiod is {running or 'of unknown version'}, wanted {wanted}: no step is known")
    if then < now:
        raise ActionNeeded("MVM-206", f"istiod is {running}, wanted {wanted}, which is older")
    if then[1] - now[1] > 1 or then[0] != now[0]:
        raise ActionNeeded(
            "MVM-206",
            f"istiod is {running}, wanted {wanted}: Istio upgrades in place by one minor version at a time",
            next_action=f"Upgrade to {now[0]}.{now[1] + 1} first, with the istioctl of that version.",
        )
    if not is_supported(then):
        raise ActionNeeded("MVM-206", f"Istio {wanted} is not one that this was made for (1.22 to 1.31)")


def _refuse_another_identity(facts: MeshFacts, found: tuple[Beside, ...]) -> None:
    """Read from the manifest itself: what istioctl really would apply counts, not what it was asked for."""
    deployment = object_named(found, "Deployment", facts.deployment)
    if not deployment:
        raise PermanentError("MVM-209", f"istioctl's manifest has no Deployment {facts.deployment}")
    config = _parsed(object_named(found, "ConfigMap", revisioned("istio", facts.revision)), "mesh")
    values = _parsed(object_named(found, "ConfigMap", revisioned("istio-sidecar-injector", facts.revision)), "values")
    shared = values.get("global") or {}
    default_config = config.get("defaultConfig") or {}
    would_be = (
        ("meshID", facts.mesh_id, str(default_config.get("meshId") or shared.get("meshID") or "")),
        ("clusterID", facts.cluster_id, environment_of(deployment).get("CLUSTER_ID", "")),
        ("network", facts.network, str(shared.get("network") or "")),
        ("trust domain", facts.trust_domain, str(config.get("trustDomain") or TRUST_DOMAIN)),
    )
    moved = [f"{name} {has!r} would become {becomes!r}" for name, has, becomes in would_be if has != becomes]
    if moved:
        raise ActionNeeded("MVM-222", "; ".join(moved))


def _refuse_more_than_an_upgrade(ports: ReadPorts, facts: MeshFacts, found: tuple[Beside, ...], profile: str) -> None:
    added, dropped = new_workloads(found), left_behind(ports, found, dict(facts.live))
    said = [f"it would add {', '.join(added)}"] if added else []
    said += [f"it would leave {', '.join(dropped)} behind at {facts.version}"] if dropped else []
    if said:
        raise ActionNeeded("MVM-223", f"with profile {profile}, " + "; ".join(said))


def _parsed(config_map: JSON, key: str) -> JSON:
    text = str((config_map.get("data") or {}).get(key) or "")
    try:
        found = json.loads(text) if key != "mesh" and text else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        name = (config_map.get("metadata") or {}).get("name")
        raise PermanentError("MVM-216", f"ConfigMap {name}, key {key}: {error}") from None
    return found if isinstance(found, dict) else {}
