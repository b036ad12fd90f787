"""The inputs are gathered at once: the whole costs about its slowest call, and reading alone makes no token."""

from __future__ import annotations

import threading

import pytest

from meshvm_tui.bootstrap_source import SourceRequest, gather, token_maker
from meshvm_tui.istio.bootstrap import render
from meshvm_tui.istio.workload_group import parse_file
from meshvm_tui.ports import JSON, SERVICE_ACCOUNTS, Resource, Token
from tests.fakes.cluster import FakeCluster
from tests.files.worlds import GROUP, world

EVERY_CALL = 8


class Meeting(FakeCluster):
    """No call is answered before all of them have been asked."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.objects = world().objects
        self._barrier = threading.Barrier(calls, timeout=10)

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> JSON | None:
        self._barrier.wait()
        return super().get(resource, name, namespace)

    def create_token(self, namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        self._barrier.wait()
        assert (audience, seconds) == ("istio-ca", 1800)
        return super().create_token(namespace, service_account, audience=audience, seconds=seconds)


def test_every_call_is_under_way_at_once() -> None:
    cluster = Meeting(EVERY_CALL)
    request = SourceRequest(group=parse_file(GROUP, "g"))
    gathered = gather(cluster, request, create_token=token_maker(cluster, 1800))
    assert gathered.given.token.startswith("token-")
    assert gathered.token_expires == "2099-01-01T00:00:00Z"
    assert len(cluster.reads) + 1 == EVERY_CALL


def test_reading_alone_makes_no_token() -> None:
    cluster = world()
    gathered = gather(cluster, SourceRequest(group=parse_file(GROUP, "g"), ingress_ip="10.0.0.1", revision="default"))
    assert gathered.given.token == ""
    assert cluster.writes == []
    assert render(gathered.given).hosts == "10.0.0.1 istiod.istio-system.svc\n"
    assert gathered.given.token not in repr(gathered) or not gathered.given.token


@pytest.mark.parametrize(
    ("name", "part"),
    [("vm", "vm"), ("system:x", "system:x"), ("../x", "..%2Fx"), ("..", "%2E%2E"), (".", "%2E"), ("é?", "é?")],
)
def test_a_name_stays_one_part_of_a_path(name: str, part: str) -> None:
    assert SERVICE_ACCOUNTS.path("bar", name) == f"/api/v1/namespaces/bar/serviceaccounts/{part}"
    assert SERVICE_ACCOUNTS.path(name) == f"/api/v1/namespaces/{part}/serviceaccounts"
