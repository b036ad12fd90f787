"""The stage Cluster: the API answers, who we are to it, and what we may do.

A missing permission is named here, ahead of the step that will need it, but does not stop the run: what is there
already needs no permission to be made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from meshvm_tui import ports as kinds
from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.plan import GatewayMethod
from meshvm_tui.ports import Access
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.step import Outcome, Scope, Step

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Ports, ReadPorts


class ClusterReachable(Step):
    """The context loads and its API server answers to us."""

    id: ClassVar[str] = "cluster-reachable"
    stage: ClassVar[Stage] = Stage.CLUSTER
    title: ClassVar[str] = "Cluster reachable"
    deadline: ClassVar[float] = 20.0

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Version, user and permissions. Whatever keeps the API from answering is raised by the port."""
        cluster = ports.cluster
        version = cluster.version()
        user = cluster.user()
        questions = questions_for(scope.plan)
        answers = cluster.allowed(questions)
        lacking = [in_words(asked) for asked, yes in zip(questions, answers, strict=True) if not yes]
        if user == "system:anonymous":
            raise ActionNeeded("MVM-106", f"{cluster.server} takes us for system:anonymous: no credentials arrived")
        granted = [in_words(asked) for asked, yes in zip(questions, answers, strict=True) if yes]
        details = (
            ("context", cluster.context),
            ("server", cluster.server),
            ("version", version),
            ("user", user or "not told (before Kubernetes 1.28)"),
            ("may", ", ".join(granted) or "nothing of what the plan needs"),
            *((("may not", ", ".join(lacking)),) if lacking else ()),
        )
        message = f"{cluster.context}: Kubernetes {version} as {user or 'ourselves'}"
        warnings = tuple(f"not allowed: {asked}" for asked in lacking)
        return Observation(Standing.SATISFIED, "Reachable", message, details, warnings=warnings)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """Nothing can be changed about it."""
        return ()

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Looks once more."""
        return Outcome(changed=False, observation=self.observe(ports.reading(), scope))


def questions_for(plan: Plan) -> tuple[Access, ...]:
    """What the plan's steps will ask of the API server, writes with the verb that server-side apply needs."""
    mesh, home, door = plan.mesh.istio_namespace, plan.workload.namespace, plan.gateway_namespace
    asked = [
        Access("get", kinds.CONFIG_MAPS, mesh),
        Access("list", kinds.DEPLOYMENTS, mesh),
        Access("get", kinds.SERVICES, door),
        Access("patch", kinds.NAMESPACES),
        Access("patch", kinds.SERVICE_ACCOUNTS, home),
        Access("create", kinds.SERVICE_ACCOUNTS, home, "token"),
        Access("get", kinds.CONFIG_MAPS, home),
        Access("patch", kinds.WORKLOAD_GROUPS, home),
        Access("list", kinds.WORKLOAD_ENTRIES, home),
        Access("watch", kinds.WORKLOAD_ENTRIES, home),
    ]
    if plan.gateway.method is GatewayMethod.APPLY:
        made = (kinds.DEPLOYMENTS, kinds.SERVICES, kinds.SERVICE_ACCOUNTS, kinds.ROLES, kinds.ROLE_BINDINGS)
        asked += [Access("patch", resource, door) for resource in made]
    if plan.gateway.expose_istiod or plan.gateway.expose_services:
        asked += [Access("patch", kinds.GATEWAYS, door)]
    if plan.gateway.expose_istiod:
        asked += [Access("patch", kinds.VIRTUAL_SERVICES, door)]
    if hello := plan.services.hello_world:
        asked += [Access("patch", kinds.DEPLOYMENTS, hello.namespace), Access("patch", kinds.SERVICES, hello.namespace)]
        asked += [Access("create", kinds.PODS, hello.namespace), Access("get", kinds.PODS, hello.namespace, "log")]
    if plan.services.vm_service:
        asked += [Access("patch", kinds.SERVICES, home)]
    return tuple(dict.fromkeys(asked))


def in_words(asked: Access) -> str:
    """As `kubectl auth can-i` would be asked: verb, resource[/subresource], namespace."""
    group = f".{asked.resource.group}" if asked.resource.group else ""
    part = f"/{asked.subresource}" if asked.subresource else ""
    place = f" in {asked.namespace}" if asked.namespace else ""
    return f"{asked.verb} {asked.resource.plural}{group}{part}{place}"
