"""Typed read-only questions of the screens, answered on daemon threads: contexts, revisions, reachability, and what
there is at Google. An answer holds candidates, ready to be picked from; asking reads and changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from meshvm_tui.candidates import Candidate, Found
from meshvm_tui.ports import DEPLOYMENTS, MUTATING_WEBHOOKS
from meshvm_tui.problems import PermanentError, Problem, ProblemRecord

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ClusterReader, Connections

Candidates = tuple[Candidate, ...]


class Topic(StrEnum):
    """What can be asked."""

    CONTEXTS = "contexts"
    REVISIONS = "revisions"
    REACHABILITY = "reachability"
    NAMESPACES = "namespaces"
    SERVICE_ACCOUNTS = "service-accounts"
    WORKLOAD_GROUPS = "workload-groups"
    GATEWAYS = "gateways"
    GOOGLE_DEFAULTS = "google-defaults"
    GKE_CLUSTERS = "gke-clusters"
    GCE_INSTANCES = "gce-instances"
    GCE_ZONES = "gce-zones"
    GCE_MACHINE_TYPES = "gce-machine-types"
    GCE_IMAGES = "gce-images"
    GCE_NETWORKS = "gce-networks"
    GCE_SUBNETS = "gce-subnets"


@dataclass(frozen=True)
class Inquiry:
    """A question. `about` is what stands in the fields that its answer depends on, such as project and zone; `token`
    comes back with the answer."""

    topic: Topic
    about: Mapping[str, str] = field(default_factory=dict)
    token: int = 0


@dataclass(frozen=True)
class Answer:
    """What was found, or the problem that stood in the way."""

    topic: Topic
    token: int = 0
    found: Found = field(default_factory=Found)
    problem: ProblemRecord | None = None


def ask(inquiry: Inquiry, plan: Plan, connections: Connections, answered: Callable[[Answer], None]) -> None:
    """Answers on a thread of its own; `answered` is called there."""

    def work() -> None:
        answered(answer(inquiry, plan, connections))

    threading.Thread(target=work, name=f"meshvm-ask-{inquiry.topic}", daemon=True).start()


def answer(inquiry: Inquiry, plan: Plan, connections: Connections) -> Answer:
    """Answers here and now; every failure is part of the answer."""
    try:
        found = _found(inquiry, plan, connections)
    except Problem as problem:
        return Answer(inquiry.topic, inquiry.token, problem=problem.record())
    except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
        unforeseen = PermanentError("MVM-901", f"{type(error).__name__}: {error}")
        return Answer(inquiry.topic, inquiry.token, problem=unforeseen.record())
    return Answer(inquiry.topic, inquiry.token, found)


def _found(inquiry: Inquiry, plan: Plan, connections: Connections) -> Found:
    if finder := _FINDERS.get(inquiry.topic):
        return Found(finder(plan, connections))
    from meshvm_tui.inquiries_cluster import FINDERS as OF_THE_CLUSTER

    if of_cluster := OF_THE_CLUSTER.get(inquiry.topic):
        return of_cluster(connections.cluster_reader(plan), inquiry.about)
    from meshvm_tui.inquiries_google import FINDERS

    return FINDERS[inquiry.topic](connections.compute_reader(plan), inquiry.about)


def namespace_of(plan: Plan, connections: Connections) -> str:
    """The namespace that the plan's context names, as kubectl takes it; `default` where it names none."""
    for entry in connections.contexts(plan.cluster.kubeconfig):
        if entry.name == plan.cluster.context or (not plan.cluster.context and entry.current):
            return entry.namespace or "default"
    return "default"


def _contexts(plan: Plan, connections: Connections) -> Candidates:
    entries = sorted(connections.contexts(plan.cluster.kubeconfig), key=lambda entry: (not entry.current, entry.name))
    return tuple(Candidate(entry.name, ("current" if entry.current else "", entry.server)) for entry in entries)


def _revisions(plan: Plan, connections: Connections) -> Candidates:
    reader = connections.cluster_reader(plan)
    found = [Candidate("auto", ("the one that runs",))]
    for deployment in reader.list(DEPLOYMENTS, plan.mesh.istio_namespace, labels="app=istiod"):
        metadata = deployment.get("metadata", {})
        revision = metadata.get("labels", {}).get("istio.io/rev", "default")
        ready = deployment.get("status", {}).get("availableReplicas", 0)
        found.append(Candidate(revision, (str(metadata.get("name", "")), f"{ready} available")))
    return (*found, *_tags(reader))


def _tags(reader: ClusterReader) -> Candidates:
    """Revision tags, which stand for a revision; none where webhooks may not be looked at."""
    try:
        hooks = reader.list(MUTATING_WEBHOOKS, labels="istio.io/tag")
    except Problem:
        return ()
    labels = [hook.get("metadata", {}).get("labels", {}) for hook in hooks]
    pairs = {str(item["istio.io/tag"]): str(item.get("istio.io/rev", "")) for item in labels if "istio.io/tag" in item}
    return tuple(Candidate(tag, (f"tag of {revision}",)) for tag, revision in sorted(pairs.items()))


def _reachability(plan: Plan, connections: Connections) -> Candidates:
    reader = connections.cluster_reader(plan)
    return (Candidate(reader.server, (f"Kubernetes {reader.version()}",)),)


_FINDERS: dict[Topic, Callable[[Plan, Connections], Candidates]] = {
    Topic.CONTEXTS: _contexts,
    Topic.REVISIONS: _revisions,
    Topic.REACHABILITY: _reachability,
}
