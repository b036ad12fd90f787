"""A session stays with its cluster: the one that it has changed once must be the one that answers, in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.cluster_identity import another_cluster, identity_of, kept_identity
from meshvm_tui.events import Mode

if TYPE_CHECKING:
    from meshvm_tui.engine_run import Run

CLUSTER_STEP = "cluster-reachable"


def check_same_cluster(run: Run) -> None:
    """Keeps in APPLY who answers, and raises ActionNeeded MVM-714 where it is another one than before.

    A cluster whose kube-system may not be read is not told apart.
    """
    reader = run.connections.cluster_reader(run.request.plan)
    now = identity_of(reader)
    if now is None:
        return
    known = kept_identity(run.kept)
    if known and known.uid != now.uid:
        raise another_cluster(known, now)
    run.checked = reader
    if run.request.mode is Mode.APPLY:
        for key, value in now.kept().items():
            run.keep(key, value)


def check_still_the_same(run: Run) -> None:
    """Before a step may change something: where the kubeconfig leads elsewhere than at the run's start, asks again."""
    if run.checked is not None and run.connections.cluster_reader(run.request.plan) is not run.checked:
        check_same_cluster(run)
