"""Many WorkloadEntries in a lab, a process of its own: made, told as `ready`, and changed until its input ends.

`python -m benchmarks.stall_world KUBECONFIG NAMESPACE COUNT`
"""

from __future__ import annotations

import itertools
import select
import sys
from typing import Any

from meshvm_tui.wiring import open_cluster

EVERY = 0.01
"""Seconds between two changes."""


def entry(namespace: str, number: int, connected: int) -> dict[str, Any]:
    """An entry as istiod writes it, of a proxy that has connected so many times."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {
            "name": f"bench-{number}",
            "namespace": namespace,
            "annotations": {
                "istio.io/autoRegistrationGroup": "bench",
                "istio.io/connectedAt": f"2026-11-22T20:{connected // 60 % 60:02}:{connected % 60:02}Z",
            },
        },
        "spec": {"address": f"10.9.{number // 250}.{number % 250}", "labels": {"app": "bench"}},
    }


def main(kubeconfig: str, namespace: str, count: int) -> None:
    """Makes them, then changes one after another."""
    cluster = open_cluster(kubeconfig=kubeconfig, context="meshvm-lab")
    for number in range(count):
        cluster.apply(entry(namespace, number, 0))
    print("ready", flush=True)
    for turn in itertools.count(1):
        if select.select([sys.stdin], [], [], EVERY)[0]:
            break
        cluster.apply(entry(namespace, turn % count, turn))
    cluster.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
