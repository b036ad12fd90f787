"""Deployments: a ReplicaSet for the template, its Pods, and the status that tells when they are Available."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.cluster_events import ClusterEvents
from meshvm_tui.lab.mesh.injection import InjectionFailed
from meshvm_tui.lab.mesh.pacing import Pacing

if TYPE_CHECKING:
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.objects import Objects

ACTOR = "kube-controller-manager"
HASH_LABEL = "pod-template-hash"
INJECTOR_RETRY = 0.5


class Deployments:
    """Makes and removes Pods until each Deployment has what it asks for."""

    keys: Sequence[str] = (world.DEPLOYMENTS, world.REPLICA_SETS, world.PODS)
    tick = INJECTOR_RETRY  # a refused Pod is tried again without any change

    def __init__(self, objects: Objects, events: ClusterEvents, clock: Clock, pacing: Pacing) -> None:
        self._objects = objects
        self._events = events
        self._clock = clock
        self._pacing = pacing
        self._refusals: dict[str, str] = {}

    def reconcile(self) -> None:
        """Looks after every Deployment."""
        for deployment in self._objects.list(world.DEPLOYMENTS):
            self._reconcile(deployment)

    def _reconcile(self, deployment: world.JSON) -> None:
        namespace = deployment["metadata"]["namespace"]
        wanted = int(deployment["spec"].get("replicas", 1))
        template_hash = _template_hash(deployment)
        sets = [one for one in self._objects.list(world.REPLICA_SETS, namespace) if _owned_by(one, deployment)]
        current = next((one for one in sets if one["metadata"]["name"].endswith(template_hash)), None)
        if current is None:
            current = self._objects.create(world.REPLICA_SETS, _replica_set(deployment, template_hash), ACTOR)
        pods = [pod for pod in self._objects.list(world.PODS, namespace) if _owned_by(pod, current) and not _going(pod)]
        for _ in range(len(pods), wanted):
            if not self._create_pod(deployment, current):
                break
        for pod in pods[wanted:]:
            self._objects.delete(world.PODS, namespace, pod["metadata"]["name"])
        ready = [pod for pod in pods[:wanted] if world.pod_ready(pod)]
        if len(ready) >= wanted:
            for old in sets:
                if old["metadata"]["uid"] != current["metadata"]["uid"]:
                    self._objects.delete(world.REPLICA_SETS, namespace, old["metadata"]["name"])
        self._tell_status(deployment, len(pods), len(ready), wanted)

    def _create_pod(self, deployment: world.JSON, owner: world.JSON) -> bool:
        template = owner["spec"]["template"]
        metadata = {
            "name": f"{owner['metadata']['name']}-{self._pacing.suffix()}",
            "namespace": owner["metadata"]["namespace"],
            "labels": dict(template["metadata"].get("labels") or {}),
            "annotations": dict(template["metadata"].get("annotations") or {}),
            "ownerReferences": [_reference(owner, "ReplicaSet")],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        uid = deployment["metadata"]["uid"]
        try:
            self._objects.create(world.PODS, pod, ACTOR)
        except InjectionFailed as error:
            if self._refusals.get(uid) != str(error):
                self._refusals[uid] = str(error)
                message = f"Error creating: {error}"
                self._events.tell(owner, "Warning", "FailedCreate", message, "replicaset-controller")
            return False
        self._refusals.pop(uid, None)
        return True

    def _tell_status(self, deployment: world.JSON, made: int, ready: int, wanted: int) -> None:
        meta, old = deployment["metadata"], deployment.get("status") or {}
        is_available = ready >= wanted
        told = self._refusals.get(meta["uid"], "")
        conditions = [
            self._condition(
                old,
                "Available",
                is_available,
                "MinimumReplicasAvailable" if is_available else "MinimumReplicasUnavailable",
                "Deployment has minimum availability."
                if is_available
                else "Deployment does not have minimum availability.",
            ),
            self._condition(
                old,
                "Progressing",
                True,
                "NewReplicaSetAvailable" if is_available else "ReplicaSetUpdated",
                "The ReplicaSet has successfully progressed." if is_available else "The ReplicaSet is progressing.",
            ),
        ]
        if told:
            conditions.append(self._condition(old, "ReplicaFailure", True, "FailedCreate", told))
        status = {
            "observedGeneration": meta.get("generation", 1),
            "replicas": made,
            "updatedReplicas": made,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(wanted - ready, 0),
            "conditions": conditions,
        }
        if {**old, **status} != old:
            self._objects.patch(world.DEPLOYMENTS, meta["namespace"], meta["name"], {"status": status}, ACTOR, "status")

    def _condition(self, old: world.JSON, kind: str, holds: bool, reason: str, message: str) -> world.JSON:
        status = "True" if holds else "False"
        earlier: list[world.JSON] = old.get("conditions") or []
        before = next((one for one in earlier if one["type"] == kind), None)
        if before and (before["status"], before["reason"], before["message"]) == (status, reason, message):
            return before
        now = self._clock.timestamp()
        since = before["lastTransitionTime"] if before and before["status"] == status else now
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastUpdateTime": now,
            "lastTransitionTime": since,
        }


def _template_hash(deployment: world.JSON) -> str:
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "".join(
        Pacing.ALPHABET[int(pair, 16) % len(Pacing.ALPHABET)]
        for pair in map("".join, zip(*[iter(digest[:20])] * 2, strict=True))
    )


def _replica_set(deployment: world.JSON, template_hash: str) -> world.JSON:
    template = json.loads(json.dumps(deployment["spec"]["template"]))
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels[HASH_LABEL] = template_hash
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{template_hash}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": dict(labels),
            "ownerReferences": [_reference(deployment, "Deployment")],
        },
        "spec": {
            "replicas": int(deployment["spec"].get("replicas", 1)),
            "selector": deployment["spec"]["selector"],
            "template": template,
        },
    }


def _reference(owner: world.JSON, kind: str) -> world.JSON:
    meta = owner["metadata"]
    return {"apiVersion": "apps/v1", "kind": kind, "name": meta["name"], "uid": meta["uid"], "controller": True}


def _owned_by(obj: world.JSON, owner: world.JSON) -> bool:
    references = obj["metadata"].get("ownerReferences") or []
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in references)


def _going(pod: world.JSON) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))
