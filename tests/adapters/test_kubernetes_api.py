"""The Kubernetes adapter on the wire: what it sends, what it makes of the answers, what never leaves read-only."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import ports
from meshvm_tui.adapters.kubernetes_api import GRANTED_LASTS, KubernetesReader, connect
from meshvm_tui.ports import Access
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

from .scripted_api import Answer, Opener, Seen, always, problem_of, status

GROUP: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "WorkloadGroup",
    "metadata": {"name": "g", "namespace": "n"},
}


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


def test_a_permission_is_asked_for_again_after_a_while_and_a_missing_one_each_time(
    opened: Opener, tmp_path: Path
) -> None:
    def script(seen: Seen) -> Answer:
        return Answer(201, {"status": {"allowed": seen.body["spec"]["resourceAttributes"]["verb"] in may}})

    api, _ = opened(script)
    now, may = [100.0], {"get"}
    cluster = KubernetesReader(connect(api.kubeconfig(tmp_path)), lambda: now[0])
    questions = [Access("get", ports.PODS, "n"), Access("create", ports.PODS, "n")]

    def asked() -> tuple[tuple[bool, ...], list[str]]:
        api.seen.clear()
        answers = cluster.allowed(questions)
        return answers, sorted(seen.body["spec"]["resourceAttributes"]["verb"] for seen in api.seen)

    assert asked() == ((True, False), ["create", "get"])
    may = {"create"}
    assert asked() == ((True, True), ["create"])
    assert asked() == ((True, True), [])
    now[0] += GRANTED_LASTS
    assert asked() == ((False, True), ["create", "get"])
    assert asked() == ((False, True), ["get"])
    cluster.close()


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
        (
            status(403, "Forbidden", 'admission webhook "w.example" denied the request: [p] no'),
            ActionNeeded,
            "MVM-121",
            "[p] no",
        ),
        (
            status(400, "", 'admission webhook "w.example" denied the request: [p] no'),
            ActionNeeded,
            "MVM-121",
            "[p] no",
        ),
        (
            status(500, "InternalError", 'Internal error occurred: failed calling webhook "w.example": timed out'),
            TransientError,
            "MVM-122",
            "timed out",
        ),
        (status(404, "NotFound", 'namespaces "n" not found'), PermanentError, "MVM-115", 'namespaces "n"'),
        (status(429, "TooManyRequests", "slow down"), TransientError, "MVM-108", "slow down"),
        (status(500, "InternalError", "etcd is sad"), TransientError, "MVM-119", "etcd is sad"),
        (
            status(
                500, "", "failed to create typed patch object (/x; v1, Kind=Service): .spec.prt: field not declared"
            ),
            PermanentError,
            "MVM-109",
            ".spec.prt",
        ),
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
