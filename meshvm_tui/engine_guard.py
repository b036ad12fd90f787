"""A session stays with its cluster: the uid of kube-system, kept at the first run, must be the same at every other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.events import Mode
from meshvm_tui.ports import NAMESPACES
from meshvm_tui.problems import ActionNeeded, Problem

if TYPE_CHECKING:
    from meshvm_tui.engine_run import Run

CLUSTER_STEP = "cluster-reachable"
CLUSTER_UID = "session//cluster-uid"


def check_same_cluster(run: Run) -> None:
    """Keeps the cluster's uid in APPLY, and raises ActionNeeded MVM-714 where it is another one than before.

    A cluster whose kube-system may not be read is not told apart; its uid stays unknown.
    """
    cluster = run.connections.cluster_reader(run.request.plan)
    try:
        namespace = cluster.get(NAMESPACES, "kube-system")
    except Problem:
        return
    uid = str((namespace or {}).get("metadata", {}).get("uid", ""))
    known = run.kept.get(CLUSTER_UID, "")
    if uid and known and uid != known:
        raise ActionNeeded(
            "MVM-714",
            f"Behind context {cluster.context} ({cluster.server}) stands another cluster than this session was made "
            f"for: its kube-system has uid {uid}, not {known}.",
        )
    if uid and run.request.mode is Mode.APPLY:
        run.keep(CLUSTER_UID, uid)
