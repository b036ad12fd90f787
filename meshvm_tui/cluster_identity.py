"""Which cluster it is, whatever its context is called: the uid of its namespace kube-system, which no other one has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.ports import NAMESPACES
from meshvm_tui.problems import ActionNeeded, Problem

if TYPE_CHECKING:
    from meshvm_tui.ports import ClusterReader
    from meshvm_tui.problems import ProblemRecord

CODE = "MVM-714"
UID_KEY = "session//cluster-uid"
CLUSTER_KEY = "session//cluster"


@dataclass(frozen=True)
class ClusterIdentity:
    """A cluster by the uid of its kube-system, and when that was made; `context` and `server` are the way there."""

    uid: str
    context: str = ""
    server: str = ""
    made: str = ""

    def kept(self) -> dict[str, Any]:
        """As it stands among the values that a session keeps."""
        return {UID_KEY: self.uid, CLUSTER_KEY: asdict(self)}


def identity_of(reader: ClusterReader) -> ClusterIdentity | None:
    """Who answers; None where kube-system may not be read: then clusters cannot be told apart."""
    try:
        namespace = reader.get(NAMESPACES, "kube-system")
    except Problem:
        return None
    metadata = (namespace or {}).get("metadata") or {}
    uid = str(metadata.get("uid") or "")
    made = str(metadata.get("creationTimestamp") or "")
    return ClusterIdentity(uid, reader.context, reader.server, made) if uid else None


def kept_identity(kept: Mapping[str, Any]) -> ClusterIdentity | None:
    """The cluster that a session changed; None where it has changed none yet."""
    uid = str(kept.get(UID_KEY) or "")
    if not uid:
        return None
    told = kept.get(CLUSTER_KEY)
    told = told if isinstance(told, Mapping) and told.get("uid") == uid else {}
    return ClusterIdentity(uid, *(str(told.get(name) or "") for name in ("context", "server", "made")))


def another_cluster(known: ClusterIdentity, now: ClusterIdentity) -> ActionNeeded:
    """What is different, as the problem that stops a run."""
    made = f" and was made {now.made}, not {known.made}" if known.made and now.made != known.made else ""
    was = f"; it was changed as {known.context} at {known.server}" if _moved(known, now) else ""
    return ActionNeeded(
        CODE,
        f"{now.context} is not the cluster that this session changed: its kube-system has uid {now.uid}, "
        f"not {known.uid},{made or ' so it is another one or was built anew'}{was}.",
        evidence={"context": now.context, "server": now.server, "uid": now.uid, "made": now.made, "before": known.uid},
    )


def met_identity(problem: ProblemRecord) -> ClusterIdentity | None:
    """The cluster that a problem of this kind met; None for every other problem."""
    if problem.code != CODE:
        return None
    told = dict(problem.evidence)
    return ClusterIdentity(*(told.get(name, "") for name in ("uid", "context", "server", "made")))


def _moved(known: ClusterIdentity, now: ClusterIdentity) -> bool:
    return bool(known.context) and (known.context, known.server) != (now.context, now.server)
