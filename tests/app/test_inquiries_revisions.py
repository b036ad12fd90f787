"""The revisions that a form offers: those that run, and the tags that stand for them."""

from __future__ import annotations

from typing import Any, cast

from meshvm_tui.inquiries import Topic, answer
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


def choices(cluster: FakeCluster) -> Any:
    return answer(Topic.REVISIONS, Plan(), cast("Connections", Connected(cluster))).choices


def test_tags_are_offered_beside_the_revisions_that_run() -> None:
    cluster = FakeCluster(
        *(obj for obj in a_mesh(revision="1-30") if obj["kind"] == "Deployment"), a_tag("prod", "1-30")
    )
    assert choices(cluster) == (
        ("auto", "the one that runs"),
        ("1-30", "istiod-1-30, 0 available"),
        ("prod", "tag of 1-30"),
    )
    cluster.denied = {("list", "mutatingwebhookconfigurations")}
    assert choices(cluster) == (("auto", "the one that runs"), ("1-30", "istiod-1-30, 0 available"))
