"""The Kubernetes adapter on the wire: what it sends, what it makes of the answers, what never leaves read-only."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import ports
from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, KubernetesReader, connect
from meshvm_tui.adapters.kubernetes_transport import Request
from meshvm_tui.adapters.read_only_transport import ReadOnlyTransport, refuse_unless_reading
from meshvm_tui.ports import Access
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

from .scripted_api import Answer, Script, ScriptedApi, Seen, certificate, status

Opener = Callable[..., tuple[ScriptedApi, KubernetesCluster]]
GROUP: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "WorkloadGroup",
    "metadata": {"name": "g", "namespace": "n"},
}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    closers: list[Callable[[], None]] = []

    def open_api(script: Script, **given: Any) -> tuple[ScriptedApi, KubernetesCluster]:
        api = ScriptedApi(tmp_path, script)
        api.__enter__()
        cluster = KubernetesCluster(connect(api.kubeconfig(tmp_path, **given)))
        closers.extend((cluster.close, api.__exit__))
        return api, cluster

    yield open_api
    for close in closers:
        close()


def always(answer: Answer) -> Script:
    return lambda seen: answer


def problem_of(call: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


def test_get_sends_the_token_and_nothing_is_none(opened: Opener) -> None:
    answers = iter([Answer(body={"metadata": {"name": "g"}}), status(404, "NotFound", "no g")])
    api, cluster = opened(lambda seen: next(answers))
    assert cluster.get(ports.WORKLOAD_GROUPS, "g", "n") == {"metadata": {"name": "g"}}
    assert cluster.get(ports.WORKLOAD_GROUPS, "g", "n") is None
    assert api.seen[0].path == "/apis/networking.istio.io/v1/namespaces/n/workloadgroups/g"
    assert api.seen[0].header("Authorization") == ["Bearer t0ken"]
    assert api.seen[0].header("User-Agent")[0].startswith("meshvm-tui/")


def test_list_pages_and_starts_again_after_410(opened: Opener) -> None:
    def page(token: str, metadata: dict[str, Any]) -> Answer:
        listed = {"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": token}}
        return Answer(body={**listed, "items": [{"metadata": metadata}]})

    expired = status(410, "Expired", "the provided continue parameter is too old")
    named = {"name": "a", "managedFields": [1]}
    pages = iter([page("t", {"name": "old"}), expired, page("u", named), page("", {"name": "b"})])
    api, cluster = opened(lambda seen: next(pages))
    found = cluster.list(ports.PODS, "n", labels="app=x")
    assert [(item["kind"], item["metadata"]) for item in found] == [("Pod", {"name": "a"}), ("Pod", {"name": "b"})]
    assert [seen.query.get("continue") for seen in api.seen] == [None, "t", None, "u"]
    assert api.seen[0].query["limit"] == "500"
    assert api.seen[3].query["labelSelector"] == "app=x"


def test_list_of_a_kind_that_is_not_served_is_empty(opened: Opener) -> None:
    _, cluster = opened(always(Answer(404, b"404 page not found")))
    assert cluster.list(ports.WORKLOAD_ENTRIES) == []


def test_apply_is_server_side_never_forced_and_without_server_fields(opened: Opener) -> None:
    api, cluster = opened(always(Answer(201, {"ok": True})))
    obj = {
        **GROUP,
        "status": {"x": 1},
        "metadata": {**GROUP["metadata"], "uid": "u", "managedFields": [], "resourceVersion": "1"},
    }
    assert cluster.apply(obj, dry_run=True) == {"ok": True}
    sent = api.seen[0]
    assert (sent.method, sent.path) == ("PATCH", "/apis/networking.istio.io/v1/namespaces/n/workloadgroups/g")
    assert sent.query == {"fieldManager": "meshvm-tui", "force": "false", "fieldValidation": "Strict", "dryRun": "All"}
    assert sent.header("Content-Type") == ["application/apply-patch+yaml"]
    assert sent.body == GROUP


def test_kinds_that_are_not_known_are_found_by_discovery(opened: Opener) -> None:
    def script(seen: Seen) -> Answer:
        if seen.method == "GET":
            return Answer(
                body={
                    "resources": [{"name": "widgets/status", "kind": "Widget"}, {"name": "widgets", "kind": "Widget"}]
                }
            )
        return Answer(body={})

    api, cluster = opened(script)
    cluster.apply({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w"}})
    assert [seen.path for seen in api.seen] == ["/apis/x.io/v1", "/apis/x.io/v1/widgets/w"]


def test_delete_names_the_uid_and_is_done_where_it_is_gone(opened: Opener) -> None:
    api, cluster = opened(always(status(404, "NotFound", "gone")))
    cluster.delete(ports.PODS, "p", "n", uid="u1")
    assert api.seen[0].body["preconditions"] == {"uid": "u1"}


def test_token_request(opened: Opener) -> None:
    api, cluster = opened(
        always(Answer(201, {"status": {"token": "jwt", "expirationTimestamp": "2026-01-01T00:00:00Z"}}))
    )
    token = cluster.create_token("n", "sa", audience="istio-ca", seconds=3600)
    assert (token.value, token.expires) == ("jwt", "2026-01-01T00:00:00Z")
    assert api.seen[0].path == "/api/v1/namespaces/n/serviceaccounts/sa/token"
    assert api.seen[0].body["spec"] == {"audiences": ["istio-ca"], "expirationSeconds": 3600}
    assert "jwt" not in repr(token)


def test_who_we_are_and_what_we_may_do(opened: Opener) -> None:
    def script(seen: Seen) -> Answer:
        if seen.path.endswith("selfsubjectreviews"):
            return Answer(201, {"status": {"userInfo": {"username": "ann"}}})
        wanted = seen.body["spec"]["resourceAttributes"]
        return Answer(201, {"status": {"allowed": wanted["verb"] == "get" and wanted.get("subresource") is None}})

    _, cluster = opened(script)
    questions = [
        Access("get", ports.PODS, "n"),
        Access("create", ports.PODS, "n"),
        Access("get", ports.PODS, "n", "log"),
    ]
    assert cluster.user() == "ann"
    assert cluster.allowed(questions * 4) == (True, False, False) * 4


def test_who_we_are_on_an_old_server_is_unknown(opened: Opener) -> None:
    _, cluster = opened(always(Answer(404, b"not here")))
    assert cluster.user() == ""


def test_server_time_by_the_date_header(opened: Opener) -> None:
    _, cluster = opened(always(Answer(body={"gitVersion": "v1.36.0"}, headers={})))
    assert cluster.version() == "v1.36.0"
    found = cluster.server_time()
    assert found is not None and abs(found - time.time()) < 30


def test_pod_log(opened: Opener) -> None:
    api, cluster = opened(always(Answer(200, b"200 0.01\n")))
    assert cluster.pod_log("n", "p", "curl", tail_lines=5) == "200 0.01\n"
    assert (api.seen[0].path, api.seen[0].query) == (
        "/api/v1/namespaces/n/pods/p/log",
        {"container": "curl", "tailLines": "5"},
    )


FORBIDDEN = 'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "n"'


@pytest.mark.parametrize(
    ("answer", "kind", "code", "words"),
    [
        (status(401, "Unauthorized", "Unauthorized"), ActionNeeded, "MVM-106", "Unauthorized"),
        (status(403, "Forbidden", FORBIDDEN), ActionNeeded, "MVM-107", "missing: list pods in namespace n"),
        (
            status(403, "Forbidden", FORBIDDEN.replace("ann", "system:anonymous")),
            ActionNeeded,
            "MVM-106",
            "without credentials",
        ),
        (status(403, "Forbidden", "x", causes=[{"reason": "NamespaceTerminating"}]), TransientError, "MVM-117", "x"),
        (status(403, "Forbidden", "exceeded quota: q"), ActionNeeded, "MVM-118", "exceeded quota"),
        (status(409, "AlreadyExists", 'pods "p" already exists'), PermanentError, "MVM-116", "already exists"),
        (status(409, "Conflict", "the UID in the precondition"), ActionNeeded, "MVM-111", "precondition"),
        (
            status(422, "Invalid", "p is invalid", causes=[{"field": "spec.x", "message": "must be y"}]),
            PermanentError,
            "MVM-109",
            "spec.x: must be y",
        ),
        (status(404, "NotFound", 'namespaces "n" not found'), PermanentError, "MVM-115", 'namespaces "n"'),
        (status(429, "TooManyRequests", "slow down"), TransientError, "MVM-108", "slow down"),
        (status(500, "InternalError", "etcd is sad"), TransientError, "MVM-119", "etcd is sad"),
        (Answer(503, b"upstream down"), TransientError, "MVM-119", "upstream down"),
        (Answer(302, b"", {"Location": "https://login"}), PermanentError, "MVM-119", "redirect to https://login"),
        (Answer(200, b"<html>"), PermanentError, "MVM-119", "no JSON"),
    ],
)
def test_error_answers(opened: Opener, answer: Answer, kind: type[Problem], code: str, words: str) -> None:
    api, cluster = opened(always(answer))
    problem = problem_of(lambda: cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n"}}))
    assert (type(problem), problem.code) == (kind, code)
    assert words in str(problem)
    assert len(api.seen) == 1, "no hidden retry"


def test_a_field_conflict_names_manager_and_field(opened: Opener) -> None:
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl-edit" using v1',
        "field": ".spec.template.ports",
    }
    _, cluster = opened(always(status(409, "Conflict", "Apply failed with 1 conflict", causes=[cause])))
    problem = problem_of(lambda: cluster.apply(GROUP))
    assert problem.code == "MVM-110"
    assert "kubectl-edit owns .spec.template.ports" in problem.title
    assert problem.evidence["manager"] == "kubectl-edit"


def test_401_runs_the_plugin_once_more(opened: Opener, tmp_path: Path) -> None:
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    path = tmp_path / "plugin"
    line = json.dumps({**answer, "status": {"token": "tN"}})
    path.write_text(
        f"#!/bin/sh\necho >> {tmp_path}/runs\nn=$(wc -l < {tmp_path}/runs)\necho '{line}' | sed s/tN/t$n/\n"
    )
    path.chmod(0o755)
    user = {"exec": {"apiVersion": answer["apiVersion"], "command": str(path), "interactiveMode": "Never"}}

    def script(seen: Seen) -> Answer:
        return (
            Answer(body={}) if seen.header("Authorization") == ["Bearer t2"] else status(401, "Unauthorized", "expired")
        )

    api, cluster = opened(script, user=user)
    assert cluster.get(ports.PODS, "p", "n") == {}
    assert [seen.header("Authorization") for seen in api.seen] == [["Bearer t1"], ["Bearer t2"]]


def test_token_file_is_read_again_after_401(opened: Opener, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    def script(seen: Seen) -> Answer:
        token.write_text("new\n")
        return (
            Answer(body={})
            if seen.header("Authorization") == ["Bearer new"]
            else status(401, "Unauthorized", "expired")
        )

    api, cluster = opened(script, user={"tokenFile": str(token)})
    cluster.get(ports.PODS, "p", "n")
    assert len(api.seen) == 2


def test_basic_and_impersonation_headers(opened: Opener) -> None:
    user = {"username": "u", "password": "p", "as": "bob", "as-groups": ["g1", "g2"], "as-user-extra": {"why": ["x"]}}
    api, cluster = opened(always(Answer(body={})), user=user)
    cluster.get(ports.PODS, "p", "n")
    seen = api.seen[0]
    assert seen.header("Authorization") == ["Basic " + base64.b64encode(b"u:p").decode()]
    assert (seen.header("Impersonate-User"), seen.header("Impersonate-Group")) == (["bob"], ["g1", "g2"])
    assert seen.header("Impersonate-Extra-why") == ["x"]


def test_untrusted_certificate(opened: Opener, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    foreign, _ = certificate(other, ("localhost",))
    cluster = {"certificate-authority-data": base64.b64encode(foreign).decode()}
    _, found = opened(always(Answer()), cluster=cluster)
    assert problem_of(found.version).code == "MVM-104"


def test_tls_server_name_and_its_mismatch(opened: Opener) -> None:
    _, good = opened(always(Answer(body={"gitVersion": "v1"})), cluster={"tls-server-name": "localhost"})
    assert good.version() == "v1"
    _, bad = opened(always(Answer()), cluster={"tls-server-name": "elsewhere"})
    assert problem_of(bad.version).code == "MVM-104"


def test_insecure_skips_verification(opened: Opener) -> None:
    cluster = {"certificate-authority-data": "", "insecure-skip-tls-verify": True}
    _, found = opened(always(Answer(body={"gitVersion": "v1"})), cluster=cluster)
    assert found.version() == "v1"


def test_client_certificates_lie_in_a_folder_of_ours_until_closed(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    stale = tmp_path / "tmp" / "meshvm-tui-4194999-gone"
    stale.mkdir()
    api, _ = opened(always(Answer(body={"gitVersion": "v1"})))
    chain = base64.b64encode((tmp_path / "chain.pem").read_bytes()).decode()
    user = {"client-certificate-data": chain, "client-key-data": chain}
    cluster = KubernetesReader(connect(api.kubeconfig(tmp_path, user=user)))
    assert cluster.version() == "v1"
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    cluster.close()
    assert not list((tmp_path / "tmp").iterdir())


def test_proxy_url_is_used(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        said: list[bytes] = []

        def refuse() -> None:
            connection, _ = proxy.accept()
            with connection:
                said.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        api, cluster = opened(always(Answer()), cluster={"proxy-url": f"http://127.0.0.1:{proxy.getsockname()[1]}"})
        problem = problem_of(cluster.version)
        thread.join()
    assert said[0].startswith(f"CONNECT 127.0.0.1:{api.port}".encode())
    assert (problem.code, "proxy" in problem.cause) == ("MVM-103", True)


@pytest.mark.parametrize("server", ["https://127.0.0.1:1", "https://no-such-host.invalid:6443"])
def test_unreachable_is_transient_with_its_words(opened: Opener, server: str) -> None:
    _, cluster = opened(always(Answer()), cluster={"server": server})
    problem = problem_of(cluster.version)
    assert (type(problem), problem.code) == (TransientError, "MVM-103")
    assert server in problem.cause
    assert "object at 0x" not in problem.cause


def test_plain_http_behind_https_is_told(opened: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        _, cluster = opened(always(Answer()), cluster={"server": f"https://127.0.0.1:{plain.getsockname()[1]}"})

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert problem_of(cluster.version).code == "MVM-103"
        thread.join()


def test_close_ends_a_call_under_way(opened: Opener) -> None:
    asked, release = threading.Event(), threading.Event()

    def script(seen: Seen) -> Answer:
        asked.set()
        release.wait(20)
        return Answer()

    _, cluster = opened(script)
    ended: list[Problem] = []
    thread = threading.Thread(target=lambda: ended.append(problem_of(cluster.version)))
    thread.start()
    assert asked.wait(10)
    cluster.close()
    thread.join(timeout=5)
    release.set()
    assert [problem.code for problem in ended] == ["MVM-103"]


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
