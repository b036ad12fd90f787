"""The lab's objects: one store behind the API server and the lab's own controllers, with a log of changes to watch.

Belongs to one asyncio loop. Stored objects are never changed in place; what goes in and out through the public
methods is copied. `core/pods`, `apps/deployments`, `networking.istio.io/workloadgroups` are keys of kinds.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshvm_tui.lab.authority import write_secret
from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.cluster_api import patches
from meshvm_tui.lab.cluster_api.errors import (
    Cause,
    already_exists,
    forbidden,
    no_such_path,
    not_found,
)
from meshvm_tui.lab.cluster_api.kinds import CRD_KEY, Kind, Kinds
from meshvm_tui.lab.cluster_api.managed_fields import Owners
from meshvm_tui.lab.cluster_api.selectors import LabelSelector
from meshvm_tui.lab.cluster_api.writes import Write, check_body, copied, prepare_new, prepare_update

JSON = dict[str, Any]
_LOG_LENGTH = 4000  # changes per kind that a watch can go back
_SAVE_DELAY = 0.5  # seconds


@dataclass
class Record:
    """A stored object with its JSON, made once per version."""

    obj: JSON
    revision: int
    _raw: dict[str, bytes] = field(default_factory=dict)

    def raw(self, api_version: str) -> bytes:
        """The object's JSON as this version shows it; without its type for "", as lists of built-in kinds do."""
        found = self._raw.get(api_version)
        if found is None:
            shown = {**self.obj, "apiVersion": api_version}
            if not api_version:
                del shown["apiVersion"], shown["kind"]
            found = self._raw[api_version] = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
        return found


@dataclass(frozen=True)
class Change:
    """One change: ADDED, MODIFIED or DELETED, the object after it, and what it was before (None for ADDED)."""

    type: str
    record: Record
    before: Record | None

    @property
    def revision(self) -> int:
        """The resourceVersion that the change made."""
        return self.record.revision


class Objects:
    """The store. Errors are `cluster_api.errors.ApiError`, as the API server answers them."""

    def __init__(self, directory: Path | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.kinds = Kinds()
        self.revision = 1000
        self.mutate_pod: Callable[[JSON], JSON] | None = None
        self._file = directory / "objects.json" if directory else None
        self._records: dict[str, dict[tuple[str, str], Record]] = {}
        self._log: dict[str, deque[Change]] = {}
        self._horizon: dict[str, int] = {}
        self._queues: dict[str, set[asyncio.Queue[Change]]] = {}
        self._subscribers: dict[str, set[asyncio.Queue[tuple[str, JSON]]]] = {}
        self._saving: asyncio.TimerHandle | None = None
        self._load()
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            if self.record("core/namespaces", "", name) is None:
                self.create("core/namespaces", {"metadata": {"name": name}}, "kube-apiserver")

    # -- what the lab's controllers use

    def kind(self, key: str) -> Kind:
        """The kind behind a key; 404 where it is not served."""
        kind = self.kinds.get(key)
        if kind is None:
            raise no_such_path()
        return kind

    def get(self, key: str, namespace: str, name: str) -> JSON | None:
        """One object, or None; "" is the namespace of cluster-wide kinds."""
        record = self.record(key, namespace, name)
        return copied(record.obj) if record else None

    def list(self, key: str, namespace: str | None = None, selector: str = "") -> list[JSON]:
        """All objects of a kind, of one namespace or of all; empty where the kind is not served."""
        wanted = LabelSelector(selector)
        return [copied(record.obj) for record in self.records(key, namespace) if wanted.matches(record.obj)]

    def create(self, key: str, obj: JSON, actor: str = "lab") -> JSON:
        """Creates an object with all that it says, its status too."""
        kind = self.kind(key)
        namespace = (obj.get("metadata") or {}).get("namespace", "")
        # Controllers may hold an object in any of the kind's versions.
        body = check_body(
            kind, kind.versions[0], {**obj, "apiVersion": kind.api_version(), "kind": kind.kind}, namespace
        )
        return copied(self.insert(kind, body, Write(actor, whole=True)))

    def update(self, key: str, obj: JSON, actor: str = "lab") -> JSON:
        """Replaces an object, its status too; a stale resourceVersion is a 409."""
        kind = self.kind(key)
        metadata = obj["metadata"]
        live = self.need(kind, metadata.get("namespace", ""), metadata["name"])
        return copied(self.replace(kind, live, obj, Write(actor, whole=True)))

    def patch(  # noqa: PLR0917 - as a controller names an object
        self, key: str, namespace: str, name: str, merge: JSON, actor: str = "lab", subresource: str = ""
    ) -> JSON:
        """Merge-patches an object; with `subresource="status"` only its status."""
        kind = self.kind(key)
        live = self.need(kind, namespace, name)
        body = patches.merge_patch(live, merge)
        return copied(self.replace(kind, live, body, Write(actor, subresource=subresource, whole=not subresource)))

    def delete(self, key: str, namespace: str, name: str) -> bool:
        """Deletes an object, in two phases where it has finalizers; False where there is none."""
        kind = self.kinds.get(key)
        record = self.record(key, namespace, name)
        if kind is None or record is None:
            return False
        self.begin_deletion(kind, record.obj)
        return True

    def subscribe(self, key: str) -> asyncio.Queue[tuple[str, JSON]]:
        """A queue of (type, object) of every change of a kind from now on."""
        queue: asyncio.Queue[tuple[str, JSON]] = asyncio.Queue()
        self._subscribers.setdefault(key, set()).add(queue)
        return queue

    def unsubscribe(self, key: str, queue: asyncio.Queue[tuple[str, JSON]]) -> None:
        """Ends a subscription."""
        self._subscribers.get(key, set()).discard(queue)

    def serve(self, crd: JSON) -> None:
        """Creates a CustomResourceDefinition, or replaces it, so that its kind is served."""
        name = crd["metadata"]["name"]
        if self.record(CRD_KEY, "", name) is None:
            self.create(CRD_KEY, crd, "lab")
        else:
            self.patch(CRD_KEY, "", name, {"spec": crd["spec"]})

    # -- what the API server uses: nothing is copied, nothing of it may be changed

    def record(self, key: str, namespace: str, name: str) -> Record | None:
        """One stored record."""
        return self._records.get(key, {}).get((namespace, name))

    def records(self, key: str, namespace: str | None = None) -> Iterator[Record]:
        """The records of a kind in order of namespace and name."""
        stored = self._records.get(key, {})
        names = sorted(stored if namespace is None else (name for name in stored if name[0] == namespace))
        return (stored[name] for name in names)

    def need(self, kind: Kind, namespace: str, name: str) -> JSON:
        """One object as stored; 404 where there is none."""
        record = self.record(kind.key, namespace, name)
        if record is None:
            raise not_found(kind.group, kind.plural, name)
        return record.obj

    def insert(self, kind: Kind, body: JSON, write: Write, owners: Owners | None = None) -> JSON:
        """Creates an object from a checked body."""
        self._check_namespace(kind, body["metadata"])
        if kind.kind == "Pod" and self.mutate_pod is not None:
            body = self.mutate_pod(copied(body))
        obj = prepare_new(kind, body, write, self.clock.timestamp(), lambda: self._siblings(kind), owners=owners)
        place = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if place in self._records.get(kind.key, {}):
            raise already_exists(kind.group, kind.plural, place[1])
        if write.dry_run:
            return obj
        return self._commit(kind, "ADDED", obj, None)

    def replace(self, kind: Kind, live: JSON, body: JSON, write: Write, owners: Owners | None = None) -> JSON:
        """Replaces a stored object by a checked body; ends its deletion where the last finalizer went."""
        now = self.clock.timestamp()
        obj = prepare_update(kind, live, body, write, now, lambda: self._siblings(kind), owners=owners)
        if write.dry_run or obj is live:
            return obj
        before = self.record(kind.key, live["metadata"].get("namespace", ""), live["metadata"]["name"])
        obj = self._commit(kind, "MODIFIED", obj, before)
        if "deletionTimestamp" in obj["metadata"] and _held(kind, live) and not _held(kind, obj):
            return self._remove(kind, obj)
        return obj

    def begin_deletion(self, kind: Kind, live: JSON, *, grace: int = 0, dry_run: bool = False) -> tuple[JSON, bool]:
        """Marks an object as being deleted, or removes it where nothing holds it; tells whether it is gone."""
        if not _held(kind, live) and not grace:
            return (live if dry_run else self._remove(kind, live)), True
        if "deletionTimestamp" in live["metadata"]:
            return live, False
        metadata = {
            **live["metadata"],
            "deletionTimestamp": self.clock.timestamp(),
            **({} if kind.key == "core/namespaces" else {"deletionGracePeriodSeconds": grace}),
        }
        if kind.has_generation:
            metadata["generation"] = metadata.get("generation", 1) + 1
        obj = {**live, "metadata": metadata}
        if kind.kind == "Namespace" and not kind.custom:
            obj["status"] = {**live.get("status", {}), "phase": "Terminating"}
        if dry_run:
            return obj, False
        before = self.record(kind.key, metadata.get("namespace", ""), metadata["name"])
        return self._commit(kind, "MODIFIED", obj, before), False

    def follow(self, key: str) -> asyncio.Queue[Change]:
        """A queue of every change of a kind from now on, for a watch."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._queues.setdefault(key, set()).add(queue)
        return queue

    def unfollow(self, key: str, queue: asyncio.Queue[Change]) -> None:
        """Ends it."""
        self._queues.get(key, set()).discard(queue)

    def changes_since(self, key: str, revision: int) -> Sequence[Change] | None:
        """The changes after a resourceVersion; None where they are no longer known."""
        if revision < self._horizon.get(key, 0):
            return None
        return [change for change in self._log.get(key, ()) if change.revision > revision]

    def forget_changes(self) -> None:
        """Drops the log of changes: every resourceVersion before now is too old, as after etcd's compaction."""
        self._log.clear()
        for kind in self.kinds.all():
            self._horizon[kind.key] = self.revision

    # -- on disk

    def save(self) -> None:
        """Writes everything to disk; there are Secrets in it, so the file is its owner's alone."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        if self._file is None:
            return
        stored = {key: [record.obj for record in records.values()] for key, records in self._records.items()}
        temporary = self._file.with_suffix(".tmp")
        write_secret(temporary, json.dumps({"revision": self.revision, "objects": stored}, separators=(",", ":")))
        temporary.replace(self._file)

    def close(self) -> None:
        """Saves for the last time."""
        self.save()

    def _load(self) -> None:
        if self._file is None or not self._file.exists():
            return
        stored = json.loads(self._file.read_text())
        self.revision = stored["revision"]
        for crd in stored["objects"].get(CRD_KEY, ()):
            self.kinds.serve(crd)
        for key, objects in stored["objects"].items():
            self._records[key] = {
                (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): Record(
                    obj, int(obj["metadata"]["resourceVersion"])
                )
                for obj in objects
            }
        self.forget_changes()

    # -- inside

    def _siblings(self, kind: Kind) -> Sequence[JSON]:
        return [record.obj for record in self._records.get(kind.key, {}).values()]

    def _check_namespace(self, kind: Kind, metadata: JSON) -> None:
        if not kind.namespaced:
            return
        namespace = metadata.get("namespace", "")
        record = self.record("core/namespaces", "", namespace)
        if record is None:
            raise not_found("", "namespaces", namespace)
        if record.obj.get("status", {}).get("phase") == "Terminating":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")
            raise forbidden(kind.group, kind.plural, metadata.get("name", ""), why, [cause])

    def _commit(self, kind: Kind, type_: str, obj: JSON, before: Record | None) -> JSON:
        self.revision += 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        record = Record(obj, self.revision)
        place = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if type_ == "DELETED":
            del self._records[kind.key][place]
        else:
            self._records.setdefault(kind.key, {})[place] = record
        if kind.key == CRD_KEY:
            self._serve_definition(type_, obj)
        self._tell(kind, Change(type_, record, before))
        return obj

    def _serve_definition(self, type_: str, obj: JSON) -> None:
        if type_ != "DELETED":
            self.kinds.serve(obj)
            return
        self._records.pop(self.kinds.withdraw(obj), None)

    def _remove(self, kind: Kind, live: JSON) -> JSON:
        place = (live["metadata"].get("namespace", ""), live["metadata"]["name"])
        return self._commit(kind, "DELETED", live, self._records[kind.key][place])

    def _tell(self, kind: Kind, change: Change) -> None:
        log = self._log.setdefault(kind.key, deque())
        log.append(change)
        while len(log) > _LOG_LENGTH:
            self._horizon[kind.key] = log.popleft().revision
        for queue in self._queues.get(kind.key, ()):
            queue.put_nowait(change)
        for subscriber in self._subscribers.get(kind.key, ()):
            subscriber.put_nowait((change.type, copied(change.record.obj)))
        self._save_soon()

    def _save_soon(self) -> None:
        if self._file is None or self._saving is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # before the loop runs: `close` saves
        self._saving = loop.call_later(_SAVE_DELAY, self.save)


def _held(kind: Kind, obj: JSON) -> bool:
    if obj["metadata"].get("finalizers"):
        return True
    return kind.kind == "Namespace" and not kind.custom and bool(obj.get("spec", {}).get("finalizers"))
