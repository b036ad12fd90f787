"""The stage Cluster: the API answers, who we are to it, and what we may do.

A missing permission is a finding here, ahead of the step that will need it, but does not stop the run: what is
there already needs no permission to be made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from meshvm_tui import ports as kinds
from meshvm_tui.checks.cluster_access import missing_permissions, resource_of
from meshvm_tui.checks.cluster_limits import policy_engines
from meshvm_tui.checks.cluster_versions import nodes_beside_server
from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.plan import GatewayMethod
from meshvm_tui.ports import JSON, Access
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.cluster_gke import answered, gke_seen
from meshvm_tui.steps.mesh_preflight import quietly
from meshvm_tui.steps.step import Outcome, Scope, Step

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Ports, ReadPorts, Resource

NODES_SEEN = 50


class ClusterReachable(Step):
    """The context loads and its API server answers to us."""

    id: ClassVar[str] = "cluster-reachable"
    stage: ClassVar[Stage] = Stage.CLUSTER
    title: ClassVar[str] = "Cluster reachable"
    deadline: ClassVar[float] = 20.0

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Version, user, permissions and preflight. Whatever keeps the API from answering is raised by the port."""
        google = gke_seen(ports, scope)
        cluster = ports.cluster
        version = answered(cluster.version, google)
        user = cluster.user()
        questions = questions_for(scope.plan)
        answers = cluster.allowed(questions)
        if user == "system:anonymous":
            raise ActionNeeded("MVM-106", f"{cluster.server} takes us for system:anonymous: no credentials arrived")
        granted = [in_words(asked) for asked, yes in zip(questions, answers, strict=True) if yes]
        lacking = [in_words(asked) for asked, yes in zip(questions, answers, strict=True) if not yes]
        details = (
            ("context", cluster.context),
            ("server", cluster.server),
            ("version", version),
            ("user", user or "not told (before Kubernetes 1.28)"),
            ("permissions", _permissions(len(granted), len(questions))),
            ("may", ", ".join(granted) or "nothing of what the plan needs"),
            *((("may not", ", ".join(lacking)),) if lacking else ()),
            *(google.details if google else ()),
        )
        message = f"{cluster.context}: Kubernetes {version} as {user or 'ourselves'}"
        findings = (*missing_permissions(questions, answers), *_preflight(ports, version))
        findings += google.findings if google else ()
        return Observation(Standing.SATISFIED, "Reachable", message, details, findings=findings)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """Nothing can be changed about it."""
        return ()

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Looks once more."""
        return Outcome(changed=False, observation=self.observe(ports.reading(), scope))


def _permissions(granted: int, asked: int) -> str:
    return f"all {asked} that the plan needs" if granted == asked else f"{granted} of the {asked} that the plan needs"


def _preflight(ports: ReadPorts, version: str) -> tuple[Finding, ...]:
    """What the cluster itself says before anything is asked of it; what may not be looked at is left out."""
    engines = quietly(ports, kinds.VALIDATING_WEBHOOKS)
    return (
        *nodes_beside_server(version, _some_nodes(ports)),
        *policy_engines(item["metadata"]["name"] for item in engines),
    )


def _some_nodes(ports: ReadPorts) -> Sequence[JSON]:
    """A page of them: a large cluster's nodes are many megabytes, and a few tell how old the others are."""
    try:
        return ports.cluster.first(kinds.NODES, NODES_SEEN)
    except Problem:
        return []


def questions_for(plan: Plan) -> tuple[Access, ...]:
    """What the plan's steps will ask of the API server. Objects are looked at, then applied: patch, or create."""
    mesh, home, door = plan.mesh.istio_namespace, plan.workload.namespace, plan.gateway_namespace
    asked = [
        Access("get", kinds.CONFIG_MAPS, mesh),
        Access("list", kinds.DEPLOYMENTS, mesh),
        Access("get", kinds.SERVICES, door),
        *_applied("", kinds.NAMESPACES),
        *_applied(home, kinds.SERVICE_ACCOUNTS),
        Access("create", kinds.SERVICE_ACCOUNTS, home, "token"),
        Access("get", kinds.CONFIG_MAPS, home),
        *_applied(home, kinds.WORKLOAD_GROUPS),
        Access("list", kinds.WORKLOAD_ENTRIES, home),
        Access("watch", kinds.WORKLOAD_ENTRIES, home),
    ]
    if plan.gateway.method is GatewayMethod.APPLY:
        made = (kinds.DEPLOYMENTS, kinds.SERVICES, kinds.SERVICE_ACCOUNTS, kinds.ROLES, kinds.ROLE_BINDINGS)
        asked += _applied(door, *made)
        # Never read: the gateway's own Role grants it, and RBAC lets nobody grant what they do not have.
        asked += [Access(verb, kinds.SECRETS, door) for verb in ("get", "list", "watch")]
    if plan.gateway.expose_istiod or plan.gateway.expose_services:
        asked += _applied(door, kinds.GATEWAYS)
    if plan.gateway.expose_istiod:
        asked += _applied(door, kinds.VIRTUAL_SERVICES)
        asked += [Access("list", kind, at) for at in (mesh, door) for kind in (kinds.GATEWAYS, kinds.VIRTUAL_SERVICES)]
    if hello := plan.services.hello_world:
        asked += _applied(hello.namespace, kinds.DEPLOYMENTS, kinds.SERVICES)
        asked += [Access(verb, kinds.PODS, hello.namespace) for verb in ("create", "delete")]
        asked += [Access("get", kinds.PODS, hello.namespace, "log")]
    if plan.services.vm_service:
        asked += _applied(home, kinds.SERVICES)
    return tuple(dict.fromkeys(asked))


def _applied(namespace: str, *resources: Resource) -> list[Access]:
    return [Access(verb, resource, namespace) for resource in resources for verb in ("get", "create", "patch")]


def in_words(asked: Access) -> str:
    """As `kubectl auth can-i` would be asked: verb, resource[/subresource], namespace."""
    return f"{asked.verb} {resource_of(asked)}" + (f" in {asked.namespace}" if asked.namespace else "")
