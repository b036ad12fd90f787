"""`--accept-cluster`: the typed word that a session goes on in another cluster than the one that it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from meshvm_tui.cluster_identity import ClusterIdentity
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections
    from meshvm_tui.session import Session


def other_cluster(session: Session, plan: Plan, connections: Connections, name: str) -> ClusterIdentity | None:
    """The cluster that answers under this name, where it is another one than the session's; None where there is
    nothing to accept. A usage error where the name is not that of the plan's cluster. Raises Problem."""
    from meshvm_tui.cluster_identity import identity_of, kept_identity

    if not name:
        return None
    reader = connections.cluster_reader(plan)
    if name != reader.context:
        raise click.UsageError(f"--accept-cluster {name}: the plan's cluster is called {reader.context}.")
    known, now = kept_identity(session.kept), identity_of(reader)
    return now if known and now and known.uid != now.uid else None
