"""The garbage collector: what belongs to an owner that is gone goes as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshvm_tui.lab.mesh import world

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

OWNERS = {
    "Deployment": world.DEPLOYMENTS,
    "ReplicaSet": world.REPLICA_SETS,
    "WorkloadGroup": world.WORKLOAD_GROUPS,
    "Service": world.SERVICES,
}
OWNED = (world.REPLICA_SETS, world.PODS, world.WORKLOAD_ENTRIES, world.ENDPOINTS)


class GarbageCollector:
    """Deletes objects all of whose owners are gone."""

    keys: Sequence[str] = (*OWNERS.values(), *OWNED)
    tick = 0.0

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def reconcile(self) -> None:
        """One sweep."""
        living = {owner["metadata"]["uid"] for key in OWNERS.values() for owner in self._objects.list(key)}
        for key in OWNED:
            for owned in self._objects.list(key):
                owners = owned["metadata"].get("ownerReferences") or []
                known = [owner for owner in owners if owner["kind"] in OWNERS]
                if known and len(known) == len(owners) and not any(owner["uid"] in living for owner in known):
                    self._objects.delete(key, owned["metadata"]["namespace"], owned["metadata"]["name"])
