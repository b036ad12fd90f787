"""The end of a namespace: what is in it goes first, then its finalizer, then the namespace."""

from __future__ import annotations

import asyncio

from meshvm_tui.lab.cluster_api.writes import Write
from meshvm_tui.lab.objects import Objects

_KEY = "core/namespaces"
_RETRY_SECONDS = 0.5


async def empty_terminating(objects: Objects) -> None:
    """Runs until cancelled: empties every namespace that is being deleted, and lets it go."""
    queue = objects.subscribe(_KEY)
    try:
        while True:
            waiting = [name for name in _terminating(objects) if not _empty(objects, name)]
            try:
                await asyncio.wait_for(queue.get(), _RETRY_SECONDS if waiting else None)
            except TimeoutError:
                continue
    finally:
        objects.unsubscribe(_KEY, queue)


def _terminating(objects: Objects) -> list[str]:
    return [
        record.obj["metadata"]["name"]
        for record in objects.records(_KEY)
        if record.obj.get("status", {}).get("phase") == "Terminating"
    ]


def _empty(objects: Objects, name: str) -> bool:
    """Deletes what is in a namespace; once nothing is left, the namespace too. Tells whether it is gone."""
    left = 0
    for kind in objects.kinds.all():
        if not kind.namespaced:
            continue
        for record in list(objects.records(kind.key, name)):
            _, gone = objects.begin_deletion(kind, record.obj)
            left += not gone
    if left:
        return False
    kind = objects.kind(_KEY)
    live = objects.need(kind, "", name)
    finalizers = [held for held in live.get("spec", {}).get("finalizers", ()) if held != "kubernetes"]
    made = {**live, "spec": {**live.get("spec", {}), "finalizers": finalizers}}
    objects.replace(kind, live, made, Write("kube-controller-manager", whole=True))
    return objects.record(_KEY, "", name) is None
