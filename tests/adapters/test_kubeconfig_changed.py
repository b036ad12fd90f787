"""A kubeconfig that is written anew, as for a rebuilt cluster: the next question goes to what it says now."""

from __future__ import annotations

from pathlib import Path

from meshvm_tui.plan import Cluster, Plan
from meshvm_tui.wiring import WiredConnections

TEXT = """
clusters: [{name: c, cluster: {server: "https://SERVER:6443"}}]
contexts: [{name: prod, context: {cluster: c}}]
"""


def test_another_server_under_the_same_name_is_another_connection(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(TEXT.replace("SERVER", "127.0.0.2"), encoding="utf-8")
    plan = Plan(cluster=Cluster(kubeconfig=str(file), context="prod"))
    connections = WiredConnections()
    first, changing = connections.cluster_reader(plan), connections.cluster(plan)
    assert connections.cluster_reader(plan) is first
    file.write_text(TEXT.replace("SERVER", "127.0.0.10"), encoding="utf-8")
    assert connections.cluster_reader(plan).server == "https://127.0.0.10:6443"
    assert connections.cluster(plan).server == "https://127.0.0.10:6443"
    assert changing.server == first.server == "https://127.0.0.2:6443"
    connections.close()
