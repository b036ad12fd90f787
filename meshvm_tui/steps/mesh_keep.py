"""keep: what about a running mesh stands in the way of VMs, with the exact command and diff that would mend it.

Nothing is mended here: the control plane belongs to whoever installed it.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from meshvm_tui.plan import AUTO
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.commands import kubectl
from meshvm_tui.steps.istiod_deployment import discovery_container
from meshvm_tui.steps.mesh_facts import AUTO_REGISTRATION_VARIABLE
from meshvm_tui.steps.mesh_manager import how_to_set, manager_of
from meshvm_tui.steps.object_compare import unified_diff, without_server_fields

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.steps.mesh_facts import MeshFacts

JSON = dict[str, Any]
DNS_CAPTURE = "ISTIO_META_DNS_CAPTURE"
HEALTH_CHECKS_VARIABLE = "PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS"


def objection(plan: Plan, facts: MeshFacts) -> Problem | None:
    """What about the running mesh the operator must settle, if anything."""
    if not facts.auto_registration:
        value = facts.environment.get(AUTO_REGISTRATION_VARIABLE, "false")
        words = (
            f"Deployment {facts.deployment} sets {AUTO_REGISTRATION_VARIABLE}={value}, so no VM gets a WorkloadEntry"
        )
        return _switched_off(plan, facts, "MVM-203", words, AUTO_REGISTRATION_VARIABLE)
    if plan.workload.probe and is_off(facts, HEALTH_CHECKS_VARIABLE):
        words = f"Deployment {facts.deployment} sets {HEALTH_CHECKS_VARIABLE}=false, so the plan's probe has no effect"
        return _switched_off(plan, facts, "MVM-225", words, HEALTH_CHECKS_VARIABLE)
    return _other_ids(plan, facts)


def is_off(facts: MeshFacts, variable: str) -> bool:
    """Whether istiod's environment switches off what is on by default (since 1.10)."""
    return facts.environment.get(variable, "").lower() == "false"


def hints(plan: Plan, facts: MeshFacts) -> tuple[str, ...]:
    """Settings that only change what VMs get, and need no decision."""
    said = []
    if not plan.workload.probe and is_off(facts, HEALTH_CHECKS_VARIABLE):
        said.append("health checks of WorkloadEntries are switched off in istiod: a probe has no effect")
    metadata = (facts.config.get("defaultConfig") or {}).get("proxyMetadata") or {}
    if not plan.sidecar.capture_dns and str(metadata.get(DNS_CAPTURE)).lower() == "true":
        said.append(f"the mesh sets {DNS_CAPTURE} for every proxy: sidecar.captureDNS: false does not undo that")
    return tuple(said)


def _other_ids(plan: Plan, facts: MeshFacts) -> Problem | None:
    pairs = (
        ("meshID", plan.mesh.mesh_id, facts.mesh_id),
        ("clusterID", plan.mesh.cluster_id, facts.cluster_id),
        ("network", plan.mesh.network, facts.network),
    )
    wrong = [
        f"mesh.{name} is {planned!r}, the mesh has {has!r}"
        for name, planned, has in pairs
        if planned not in (AUTO, has)
    ]
    return ActionNeeded("MVM-205", "; ".join(wrong)) if wrong else None


def _switched_off(plan: Plan, facts: MeshFacts, code: str, words: str, variable: str) -> Problem:
    manager = manager_of(facts.live)
    switch = f"{variable}=true"
    by_kubectl = kubectl(plan, "-n", facts.istio_namespace, "set", "env", f"deployment/{facts.deployment}", switch)
    by_tool = how_to_set(manager, facts.istio_namespace, facts.version, variable, "true")
    advice = (
        f"{manager.tool} manages it: {by_tool}"
        if by_tool
        else f"Set it in the tool that manages Istio, or run: {by_kubectl}"
    )
    before = without_server_fields(dict(facts.live))
    after = copy.deepcopy(before)
    for entry in discovery_container(after).get("env") or ():
        if entry.get("name") == variable:
            entry["value"] = "true"
    diff = unified_diff(before, after, f"Deployment {facts.istio_namespace}/{facts.deployment}")
    return ActionNeeded(code, words, next_action=advice, evidence={"diff": diff, "managed by": manager.words()})
