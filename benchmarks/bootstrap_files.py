"""Collecting and writing the five files, beside the slowest single call of that collection (the token)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.timing import Ratio, side_by_side
from meshvm_tui.bootstrap_folder import write_folder
from meshvm_tui.bootstrap_source import SourceRequest, gather, token_maker
from meshvm_tui.istio.bootstrap import render
from meshvm_tui.istio.workload_group import WorkloadGroup
from meshvm_tui.wiring import open_cluster

SLOW_SECONDS = 0.3
GROUP = WorkloadGroup(name="bench", namespace="default", service_account="default")


def measure(rounds: int) -> Ratio:
    """A new connection each time, to an API that answers every call after 0.3 s."""
    with tempfile.TemporaryDirectory() as place, _lab(Path(place) / "lab") as kubeconfig:

        def files() -> float:
            start = time.perf_counter()
            cluster = open_cluster(kubeconfig=kubeconfig, context="meshvm-lab")
            request = SourceRequest(group=GROUP, revision="default", ingress_ip="10.0.0.1")
            made = render(gather(cluster, request, create_token=token_maker(cluster, 3600)).given)
            write_folder(Path(place) / "files", made.contents())
            spent = time.perf_counter() - start
            cluster.close()
            return spent

        def slowest_call() -> float:
            start = time.perf_counter()
            cluster = open_cluster(kubeconfig=kubeconfig, context="meshvm-lab")
            cluster.create_token("default", "default", audience="istio-ca", seconds=3600)
            spent = time.perf_counter() - start
            cluster.close()
            return spent

        ours, theirs = side_by_side(files, slowest_call, rounds)
    return Ratio("five files / the slowest single API call", ours, theirs, 1.2)


@contextmanager
def _lab(state: Path) -> Iterator[str]:
    """A lab with Istio whose API is as slow as a distant one; gives its kubeconfig."""
    lab = subprocess.Popen(
        [sys.executable, "-m", "meshvm_tui.lab", "serve", "--state", str(state), "--fault", "istio-present"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        kubeconfig = str(state / "kubeconfig")
        while not (state / "ready").exists():
            if lab.poll() is not None:
                sys.exit("the lab did not start")
            time.sleep(0.02)
        _wait_for_root_certificate(kubeconfig)
        (state / "faults").write_text(f"istio-present\napi-slow:{SLOW_SECONDS}\n", encoding="utf-8")
        yield kubeconfig
    finally:
        lab.terminate()
        lab.wait()


def _wait_for_root_certificate(kubeconfig: str) -> None:
    from meshvm_tui.ports import CONFIG_MAPS, SERVICE_ACCOUNTS

    cluster = open_cluster(kubeconfig=kubeconfig, context="meshvm-lab")
    for _ in range(600):
        certificate = cluster.get(CONFIG_MAPS, "istio-ca-root-cert", "default")
        if certificate and cluster.get(SERVICE_ACCOUNTS, "default", "default"):
            break
        time.sleep(0.05)
    cluster.close()
