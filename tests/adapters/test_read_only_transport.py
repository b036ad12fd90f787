"""What gets past the read-only fence and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui import ports
from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, KubernetesReader
from meshvm_tui.adapters.kubernetes_transport import Request
from meshvm_tui.adapters.read_only_transport import ReadOnlyTransport, refuse_unless_reading
from meshvm_tui.ports import Access
from meshvm_tui.problems import PermanentError

from .scripted_api import Answer, Opener, always, problem_of

GROUP: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "WorkloadGroup",
    "metadata": {"name": "g", "namespace": "n"},
}

ALLOWED = [
    ("GET", "/version"),
    ("GET", "/api/v1/namespaces"),
    ("GET", "/api/v1/namespaces/exec"),
    ("GET", "/api/v1/namespaces/n/pods/exec"),
    ("GET", "/api/v1/namespaces/n/pods/p/log"),
    ("GET", "/apis/networking.istio.io/v1/namespaces/proxy/workloadentries/attach"),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
]
REFUSED = [
    ("POST", "/api/v1/namespaces/n/pods"),
    ("POST", "/api/v1/namespaces/n/serviceaccounts/s/token"),
    ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x"),
    ("PATCH", "/apis/networking.istio.io/v1/namespaces/n/workloadgroups/g"),
    ("PUT", "/api/v1/namespaces/n/pods/p"),
    ("DELETE", "/api/v1/namespaces/n/pods/p"),
    ("GET", "/api/v1/namespaces/n/pods/p/exec"),
    ("GET", "/api/v1/namespaces/n/pods/p/attach"),
    ("GET", "/api/v1/namespaces/n/pods/p/portforward"),
    ("GET", "/api/v1/namespaces/n/pods/p/proxy/admin"),
    ("GET", "/api/v1/namespaces/n/services/s:80/proxy"),
    ("GET", "/api/v1/nodes/n/proxy/logs"),
    ("GET", "/api/v1/namespaces/n/pods/p/%65xec"),
    ("GET", "/api/v1/namespaces/n/pods/p/../p/exec"),
    ("GET", "/api/v1/namespaces/n/pods//p/exec"),
    ("get", "/api/v1/namespaces/n/pods"),
]


@pytest.mark.parametrize(("method", "path"), ALLOWED)
def test_read_only_lets_looking_out(method: str, path: str) -> None:
    refuse_unless_reading(Request(method, path))


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_read_only_refuses_everything_else(method: str, path: str) -> None:
    with pytest.raises(PermanentError) as caught:
        refuse_unless_reading(Request(method, path))
    assert caught.value.code == "MVM-120"


def test_no_write_gets_past_the_fence(opened: Opener) -> None:
    api, cluster = opened(always(Answer(201, {"status": {}})))
    fenced = KubernetesCluster(ReadOnlyTransport(cluster._transport))
    fenced.user()
    fenced.allowed([Access("get", ports.PODS)])
    fenced.list(ports.PODS)
    for write in (
        lambda: fenced.apply(GROUP),
        lambda: fenced.create(GROUP),
        lambda: fenced.delete(ports.PODS, "p", "n"),
        lambda: fenced.create_token("n", "s", audience="a", seconds=600),
    ):
        assert problem_of(write).code == "MVM-120"
    assert {(seen.method, seen.path.rsplit("/", 1)[1]) for seen in api.seen} == {
        ("POST", "selfsubjectreviews"),
        ("POST", "selfsubjectaccessreviews"),
        ("GET", "pods"),
    }


def test_a_reader_always_stands_behind_the_fence(opened: Opener) -> None:
    _, cluster = opened(always(Answer()))
    assert isinstance(KubernetesReader(cluster._transport)._transport, ReadOnlyTransport)
