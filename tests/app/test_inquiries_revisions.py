"""The revisions that a form offers: those that run, and the tags that stand for them."""

from __future__ import annotations

from typing import Any, cast

from meshvm_tui.candidates import Candidate
from meshvm_tui.inquiries import Inquiry, Topic, answer
from meshvm_tui.plan import Plan
from meshvm_tui.ports import Connections
from tests.fakes.cluster import FakeCluster
from tests.not_ours.meshes import a_mesh, a_tag


class Connected:
    """Connections to one cluster."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster

    def cluster_reader(self, plan: Plan) -> FakeCluster:
        return self.cluster


def candidates(cluster: FakeCluster) -> Any:
    return answer(Inquiry(Topic.REVISIONS), Plan(), cast("Connections", Connected(cluster))).found.candidates


def test_tags_are_offered_beside_the_revisions_that_run() -> None:
    cluster = FakeCluster(
        *(obj for obj in a_mesh(revision="1-30") if obj["kind"] == "Deployment"), a_tag("prod", "1-30")
    )
    runs = (Candidate("auto", ("the one that runs",)), Candidate("1-30", ("istiod-1-30", "0 available")))
    assert candidates(cluster) == (*runs, Candidate("prod", ("tag of 1-30",)))
    cluster.denied = {("list", "mutatingwebhookconfigurations")}
    assert candidates(cluster) == runs
