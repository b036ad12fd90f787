"""A session that goes on in another cluster: nothing counts as done there, nor is anything there taken for its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meshvm_tui.cluster_identity import ClusterIdentity, kept_identity
from meshvm_tui.plan import Plan
from meshvm_tui.session import Session, StepRecord
from meshvm_tui.session_leftovers import leftovers
from meshvm_tui.session_store import SessionStore

OTHER = ClusterIdentity("uid-2", "prod", "https://10.0.0.2", "2026-11-23T17:00:00Z")
KEPT: dict[str, Any] = {
    **ClusterIdentity("uid-1", "prod", "https://10.0.0.1", "2026-11-01T08:00:00Z").kept(),
    "control-plane//installed": True,
    "namespace//before/Namespace vm-namespace": None,
    "namespace//uid/Namespace vm-namespace": "7",
    "entry-registered/vm-1/entry": {"name": "hello-vm-10.0.0.5", "uid": "8"},
    "bootstrap-files/vm-1/token-expires": "2026-11-23T18:00:00Z",
    "http-server/vm-1/unit": "meshvm-http.service",
    "machine/vm-1/made": True,
}
RECORDS = (
    StepRecord("namespace", "", "succeeded", changed=True),
    StepRecord("sidecar-package", "vm-1", "succeeded", finished="2026-11-23T16:00:00Z", changed=True),
    StepRecord("probe-vm-to-cluster", "vm-1", "failed", code="MVM-601"),
)


def session() -> Session:
    """One that has done much in its cluster."""
    return Session("s", Plan(), RECORDS, KEPT, {"vm-1/token": "2026-11-23T18:00:00Z"}, cluster_uid="uid-1")


def test_nothing_counts_as_done_in_the_new_cluster() -> None:
    moved = session().in_cluster(OTHER)
    assert moved.records == (
        StepRecord("sidecar-package", "vm-1", changed=True),
        StepRecord("probe-vm-to-cluster", "vm-1"),
    )
    assert moved.clocks == {}
    assert moved.cluster_uid == "uid-2"
    assert kept_identity(moved.kept) == OTHER


def test_what_it_made_in_the_old_cluster_is_never_looked_for_in_the_new_one() -> None:
    places = {item.place: item.things for item in leftovers(session().in_cluster(OTHER))}
    assert "In the cluster" in {item.place for item in leftovers(session())}
    assert places == {
        "On VM vm-1": ("package istio-sidecar", "the service meshvm-http.service"),
        "In Google Cloud": ("instance vm-1",),
    }


def test_the_journal_keeps_where_it_was_and_what_stays_there(tmp_path: Path) -> None:
    held = SessionStore(tmp_path).create("s", Plan())
    held.save(session())
    held.move_to(OTHER)
    held.close()
    assert SessionStore(tmp_path).read("s") == session().in_cluster(OTHER)
    told = json.loads((held.folder / "journal.jsonl").read_text("utf-8"))
    assert (told["kind"], told["from"], told["to"]) == ("cluster", "uid-1", "uid-2")
    assert "Namespace vm-namespace" in told["stays"]


def test_a_session_of_which_only_the_uid_is_known_has_its_cluster() -> None:
    assert kept_identity({"session//cluster-uid": "uid-1"}) == ClusterIdentity("uid-1")
    assert kept_identity({}) is None
