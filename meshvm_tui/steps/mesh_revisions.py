"""Which control planes run, and which of them the plan means: revisions, revision tags, the default one.

A revision tag is a MutatingWebhookConfiguration with the labels istio.io/tag and istio.io/rev. Names of Istio's
objects carry the revision, never the tag, so a tag is resolved before anything is read by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.istio.names import DEFAULT_REVISION
from meshvm_tui.plan import AUTO
from meshvm_tui.ports import DEPLOYMENTS, MUTATING_WEBHOOKS
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.istiod_deployment import environment_of

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
REVISION_LABEL, TAG_LABEL = "istio.io/rev", "istio.io/tag"


@dataclass(frozen=True)
class Chosen:
    """The revision that the plan means, and the tag that led there; `deployment` is None where none runs."""

    revision: str
    deployment: JSON | None
    tag: str = ""


def running_revisions(ports: ReadPorts, scope: Scope) -> dict[str, JSON]:
    """The istiod Deployments in the plan's Istio namespace by revision."""

    def read() -> dict[str, JSON]:
        found = ports.cluster.list(DEPLOYMENTS, scope.plan.mesh.istio_namespace, labels="app=istiod")
        return {_revision_of(item): item for item in found}

    return scope.recall("istiod-revisions", read)


def revision_tags(ports: ReadPorts, scope: Scope) -> dict[str, str]:
    """Revision tags with the revision that each points at, of those that run here; empty where we may not look."""

    def read() -> dict[str, str]:
        try:
            hooks = ports.cluster.list(MUTATING_WEBHOOKS, labels=TAG_LABEL)
        except Problem:
            return {}
        own = [item for item in hooks if _namespaces(item) <= {scope.plan.mesh.istio_namespace}]
        labels = [(item.get("metadata") or {}).get("labels") or {} for item in own]
        pairs = {str(item.get(TAG_LABEL)): str(item.get(REVISION_LABEL) or "") for item in labels}
        return {tag: revision for tag, revision in pairs.items() if revision in running_revisions(ports, scope)}

    return scope.recall("revision-tags", read)


def chosen_revision(ports: ReadPorts, scope: Scope) -> Chosen:
    """What `mesh.revision` means. ActionNeeded MVM-204 where it leaves open which of several."""
    running = running_revisions(ports, scope)
    wanted = scope.plan.mesh.revision
    if wanted == AUTO:
        wanted = _only_or_default(ports, scope, running)
    wanted = wanted or DEFAULT_REVISION
    if wanted not in running and running and (tagged := revision_tags(ports, scope).get(wanted)):
        return Chosen(tagged, running[tagged], wanted)
    return Chosen(wanted, running.get(wanted))


def revisions_in_words(ports: ReadPorts, scope: Scope) -> str:
    """The revisions that run, and the tags that lead to them: `1-29, 1-30 (tags default and prod)`."""
    tags = revision_tags(ports, scope)
    return ", ".join(_with_tags(revision, tags) for revision in sorted(running_revisions(ports, scope)))


def _with_tags(revision: str, tags: dict[str, str]) -> str:
    own = sorted(tag for tag, target in tags.items() if target == revision)
    if not own:
        return revision
    return f"{revision} ({'tag' if len(own) == 1 else 'tags'} {' and '.join(own)})"


def _only_or_default(ports: ReadPorts, scope: Scope, running: dict[str, JSON]) -> str:
    """Which revision `auto` means: the only one, else the one that the default tag points at."""
    if len(running) <= 1:
        return next(iter(running), DEFAULT_REVISION)
    tagged = revision_tags(ports, scope).get(DEFAULT_REVISION, "")
    if tagged in running:
        return tagged
    if DEFAULT_REVISION in running:
        return DEFAULT_REVISION
    raise ActionNeeded(
        "MVM-204",
        f"several revisions run and none is the default: {revisions_in_words(ports, scope)}",
        next_action="Set mesh.revision to one of them, or to a tag.",
    )


def _namespaces(webhooks: JSON) -> set[str]:
    """Where the istiods behind a webhook configuration run; two meshes may have tags of the same name."""
    services = [(hook.get("clientConfig") or {}).get("service") or {} for hook in webhooks.get("webhooks") or ()]
    return {str(item["namespace"]) for item in services if item.get("namespace")}


def _revision_of(deployment: JSON) -> str:
    labels = (deployment.get("metadata") or {}).get("labels") or {}
    return str(labels.get(REVISION_LABEL) or environment_of(deployment).get("REVISION") or DEFAULT_REVISION)
