"""Typed read-only questions of the screens, answered on daemon threads: contexts, revisions, reachability.

An answer is a tuple of (value, what is said beside it), ready to be picked from; it reads and changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from meshvm_tui.ports import DEPLOYMENTS, MUTATING_WEBHOOKS
from meshvm_tui.problems import PermanentError, Problem, ProblemRecord

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ClusterReader, Connections

Choices = tuple[tuple[str, str], ...]


class Topic(StrEnum):
    """What can be asked."""

    CONTEXTS = "contexts"
    REVISIONS = "revisions"
    REACHABILITY = "reachability"


@dataclass(frozen=True)
class Answer:
    """What was found, or the problem that stood in the way."""

    topic: Topic
    choices: Choices = ()
    problem: ProblemRecord | None = None


def ask(topic: Topic, plan: Plan, connections: Connections, answered: Callable[[Answer], None]) -> None:
    """Answers on a thread of its own; `answered` is called there."""

    def work() -> None:
        answered(answer(topic, plan, connections))

    threading.Thread(target=work, name=f"meshvm-ask-{topic}", daemon=True).start()


def answer(topic: Topic, plan: Plan, connections: Connections) -> Answer:
    """Answers here and now; every failure is part of the answer."""
    try:
        return Answer(topic, _FINDERS[topic](plan, connections))
    except Problem as problem:
        return Answer(topic, problem=problem.record())
    except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
        return Answer(topic, problem=PermanentError("MVM-901", f"{type(error).__name__}: {error}").record())


def namespace_of(plan: Plan, connections: Connections) -> str:
    """The namespace that the plan's context names, as kubectl takes it; `default` where it names none."""
    for entry in connections.contexts(plan.cluster.kubeconfig):
        if entry.name == plan.cluster.context or (not plan.cluster.context and entry.current):
            return entry.namespace or "default"
    return "default"


def _contexts(plan: Plan, connections: Connections) -> Choices:
    entries = sorted(connections.contexts(plan.cluster.kubeconfig), key=lambda entry: (not entry.current, entry.name))
    return tuple((entry.name, f"{'current  ' if entry.current else ''}{entry.server}") for entry in entries)


def _revisions(plan: Plan, connections: Connections) -> Choices:
    reader = connections.cluster_reader(plan)
    found = [("auto", "the one that runs")]
    for deployment in reader.list(DEPLOYMENTS, plan.mesh.istio_namespace, labels="app=istiod"):
        metadata = deployment.get("metadata", {})
        revision = metadata.get("labels", {}).get("istio.io/rev", "default")
        ready = deployment.get("status", {}).get("availableReplicas", 0)
        found.append((revision, f"{metadata.get('name', '')}, {ready} available"))
    return (*found, *_tags(reader))


def _tags(reader: ClusterReader) -> Choices:
    """Revision tags, which stand for a revision; none where webhooks may not be looked at."""
    try:
        hooks = reader.list(MUTATING_WEBHOOKS, labels="istio.io/tag")
    except Problem:
        return ()
    labels = [hook.get("metadata", {}).get("labels", {}) for hook in hooks]
    pairs = {str(item["istio.io/tag"]): str(item.get("istio.io/rev", "")) for item in labels if "istio.io/tag" in item}
    return tuple((tag, f"tag of {revision}") for tag, revision in sorted(pairs.items()))


def _reachability(plan: Plan, connections: Connections) -> Choices:
    reader = connections.cluster_reader(plan)
    return ((reader.server, f"Kubernetes {reader.version()}"),)


_FINDERS: dict[Topic, Callable[[Plan, Connections], Choices]] = {
    Topic.CONTEXTS: _contexts,
    Topic.REVISIONS: _revisions,
    Topic.REACHABILITY: _reachability,
}
