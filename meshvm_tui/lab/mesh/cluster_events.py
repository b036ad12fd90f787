"""Kubernetes Events of the lab's controllers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from meshvm_tui.lab.mesh import world

if TYPE_CHECKING:
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.objects import Objects


class ClusterEvents:
    """Tells Events about objects."""

    def __init__(self, objects: Objects, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock
        self._numbers = itertools.count(int(clock.now() * 1000))

    def tell(self, about: world.JSON, kind: str, reason: str, message: str, source: str) -> None:
        """One Event; `kind` is Normal or Warning."""
        meta = about["metadata"]
        now = self._clock.timestamp()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{next(self._numbers):x}",
                "namespace": meta["namespace"],
            },
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": source},
            "reportingComponent": source,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
        }
        self._objects.create(world.EVENTS, event, source)
