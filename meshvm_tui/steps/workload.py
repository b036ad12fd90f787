"""The stage Workload: the namespace, the ServiceAccount and the WorkloadGroup that the machines share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from meshvm_tui.events import Observation, Stage
from meshvm_tui.istio.workload_group import workload_group
from meshvm_tui.ports import NAMESPACES, SERVICE_ACCOUNTS, WORKLOAD_ENTRIES, WORKLOAD_GROUPS
from meshvm_tui.problems import TransientError
from meshvm_tui.steps.commands import istioctl, kubectl, kubectl_apply
from meshvm_tui.steps.kubernetes_objects import Found, ObjectStep, Wanted
from meshvm_tui.steps.step import Outcome, Scope, different, unknown

if TYPE_CHECKING:
    from meshvm_tui.plan import Workload
    from meshvm_tui.ports import Ports, ReadPorts

JSON = dict[str, Any]
GROUP_ANNOTATION = "istio.io/autoRegistrationGroup"


class Namespace(ObjectStep):
    """The workload's namespace. One that exists is taken as it is."""

    id: ClassVar[str] = "namespace"
    stage: ClassVar[Stage] = Stage.WORKLOAD
    title: ClassVar[str] = "Namespace"
    deadline: ClassVar[float] = 120.0
    needs: ClassVar[tuple[str, ...]] = ("cluster-reachable",)

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """The namespace, bare: it is never labelled for injection."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scope.plan.workload.namespace}}
        return (Wanted(NAMESPACES, body, adopt=True),)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """A namespace that is being deleted is not there for us."""
        if _is_terminating(self.find(ports, scope)[0].live):
            return different(f"namespace {scope.plan.workload.namespace} is being deleted", reason="Terminating")
        return None

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """As the guide does it."""
        return (kubectl(scope.plan, "create", "namespace", scope.plan.workload.namespace),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Creates it; waits first, by being tried again, for an old one to be gone."""
        live = self.find(ports.reading(), scope)[0].live
        if _is_terminating(live):
            words = f"namespace {scope.plan.workload.namespace} is being deleted{_held_by(live or {})}"
            raise TransientError("MVM-117", words)
        return super().apply(ports, scope)


class ServiceAccount(ObjectStep):
    """The identity of the workload. One that exists is taken as it is."""

    id: ClassVar[str] = "service-account"
    stage: ClassVar[Stage] = Stage.WORKLOAD
    title: ClassVar[str] = "ServiceAccount"
    needs: ClassVar[tuple[str, ...]] = ("namespace",)

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """The ServiceAccount; it needs no rights."""
        metadata = {"name": scope.plan.workload.service_account, "namespace": scope.plan.workload.namespace}
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        return (Wanted(SERVICE_ACCOUNTS, body, adopt=True),)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """Nothing can be in a namespace that is not there."""
        return waits_for_namespace(ports, scope)

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """As the guide does it."""
        workload = scope.plan.workload
        return (kubectl(scope.plan, "create", "serviceaccount", workload.service_account, "-n", workload.namespace),)


class WorkloadGroup(ObjectStep):
    """The WorkloadGroup, applied server-side: a field of another manager is never taken over."""

    id: ClassVar[str] = "workload-group"
    stage: ClassVar[Stage] = Stage.WORKLOAD
    title: ClassVar[str] = "WorkloadGroup"
    needs: ClassVar[tuple[str, ...]] = ("control-plane", "namespace", "service-account")

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """The plan's workload as Istio writes it."""
        return (Wanted(WORKLOAD_GROUPS, workload_group(scope.plan.workload)),)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """The kind comes with Istio, the place with the namespace."""
        if not ports.cluster.serves(WORKLOAD_GROUPS):
            return unknown("control-plane", "WorkloadGroups are not served before Istio is installed")
        return waits_for_namespace(ports, scope)

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """The guide's pipe, where it can say all of the group, and the apply that says it all."""
        applied = kubectl_apply(scope.plan, found.body)
        by_istioctl = _group_create(scope.plan.workload)
        if not by_istioctl:
            return (applied,)
        return (f"{istioctl(scope.plan, *by_istioctl)} | {kubectl(scope.plan, 'apply', '-f', '-')}", applied)

    def warnings(self, ports: ReadPorts, scope: Scope, found: tuple[Found, ...]) -> tuple[str, ...]:
        """Istio copies the template into an entry once, so existing entries keep what they have."""
        if found[0].live is None or found[0].is_right:
            return ()
        kept = _kept_by_entries(ports, scope.plan.workload)
        return (kept,) if kept else ()

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Applies it and says what existing entries keep."""
        outcome = super().apply(ports, scope)
        kept = _kept_by_entries(ports.reading(), scope.plan.workload) if outcome.changed else ""
        if kept:
            scope.say("cluster", kept)
            return Outcome(outcome.changed, f"{outcome.message}; {kept}", outcome.observation)
        return outcome


def waits_for_namespace(ports: ReadPorts, scope: Scope) -> Observation | None:
    """The observation of everything in a namespace that is not there yet."""
    name = scope.plan.workload.namespace
    live = scope.recall(f"namespace/{name}", lambda: ports.cluster.get(NAMESPACES, name))
    if live is None or _is_terminating(live):
        return unknown("namespace", f"namespace {name} is not there yet")
    return None


def _kept_by_entries(ports: ReadPorts, workload: Workload) -> str:
    """The sentence about entries whose labels or ports are not the group's; "" where there is none."""
    entries = [
        entry
        for entry in ports.cluster.list(WORKLOAD_ENTRIES, workload.namespace)
        if (entry["metadata"].get("annotations") or {}).get(GROUP_ANNOTATION) == workload.name
    ]
    old = sorted(entry["metadata"]["name"] for entry in entries if _keeps_something(entry, workload))
    if not old:
        return ""
    if len(old) == 1:
        return f"1 existing WorkloadEntry keeps its labels and ports until it reconnects as a new one: {old[0]}"
    names = ", ".join(old)
    return f"{len(old)} existing WorkloadEntries keep their labels and ports until they reconnect as new ones: {names}"


def _keeps_something(entry: JSON, workload: Workload) -> bool:
    spec = entry.get("spec") or {}
    labels = spec.get("labels") or {}
    return (
        any(labels.get(key) != value for key, value in workload.labels.items())
        or (spec.get("ports") or {}) != workload.ports
        or (spec.get("serviceAccount") or "") != workload.service_account
    )


def _group_create(workload: Workload) -> list[str]:
    """`istioctl x workload group create` with its flags; empty where the group says more than it can."""
    if workload.probe or workload.annotations:
        return []
    command = ["x", "workload", "group", "create", "--name", workload.name, "--namespace", workload.namespace]
    if workload.labels:
        command += ["--labels", ",".join(f"{key}={value}" for key, value in workload.labels.items())]
    if workload.ports:
        command += ["--ports", ",".join(f"{name}={port}" for name, port in workload.ports.items())]
    command += ["--serviceAccount", workload.service_account]
    for flag, value in (("--network", workload.network), ("--locality", workload.locality)):
        command += [flag, value] if value else []
    return [*command, "--weight", str(workload.weight)] if workload.weight else command


def _held_by(namespace: JSON) -> str:
    """What keeps a namespace from going: its finalizers, and what its controller says of what is left in it."""
    finalizers = (namespace.get("metadata") or {}).get("finalizers") or []
    said = [
        str(condition.get("message") or "")
        for condition in (namespace.get("status") or {}).get("conditions") or ()
        if condition.get("status") == "True"
    ]
    held = [f"held by {', '.join(map(str, finalizers))}"] if finalizers else []
    return "".join(f"; {words}" for words in held + said if words)


def _is_terminating(live: JSON | None) -> bool:
    return bool(live) and bool(((live or {}).get("metadata") or {}).get("deletionTimestamp"))
