"""What curl wrote, what it proves, and who can testify."""

from __future__ import annotations

import pytest

from meshvm_tui.probing.curl import CurlAnswer, curl_arguments, new_id, parse_output, with_id
from meshvm_tui.probing.curl_pod import SELECTOR, curl_pod, state_of
from meshvm_tui.probing.proof import judge, line_with, proof_words
from meshvm_tui.probing.witness import ServiceName, service_of
from meshvm_tui.problem_catalog import CATALOG

CURL = {"name": "curl", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}


def test_every_id_is_new() -> None:
    assert len({new_id() for _ in range(100)}) == 100


def test_the_id_joins_a_query_that_is_there() -> None:
    assert with_id("http://a/", "7f") == "http://a/?id=7f"
    assert with_id("http://a/?x=1", "7f") == "http://a/?x=1&id=7f"


def test_the_command_is_the_one_whose_output_is_read() -> None:
    assert curl_arguments("http://a?id=1") == [
        "curl", "-sS", "-w", "\\n%{http_code} %{time_total} %{remote_ip}\\n",
        "--max-time", "10", "http://a?id=1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "exit_code", "expected"),
    [
        ("200 0.003100 10.0.0.7\n", 0, CurlAnswer(0, 200, 0.0031, "10.0.0.7")),
        ("200 0,003100 10.0.0.7", 0, CurlAnswer(0, 200, 0.0031, "10.0.0.7")),
        ("503 1.5 fd00::7\n", 0, CurlAnswer(0, 503, 1.5, "fd00::7")),
        (
            "curl: (6) Could not resolve host: a\n000 0.001 \n",
            6,
            CurlAnswer(6, 0, 0.001, "", "curl: (6) Could not resolve host: a"),
        ),
        ("", 137, CurlAnswer(137)),
        ("no healthy upstream\n503 0.1 10.0.0.7\n", 0, CurlAnswer(0, 503, 0.1, "10.0.0.7", "", "no healthy upstream")),
        ("a\tb\x1b[1m\nc\n\n200 0.1 ::1\n", 0, CurlAnswer(0, 200, 0.1, "::1", "", "a b[1m c")),
        ("sh: curl: not found\n", 127, CurlAnswer(127, words="sh: curl: not found")),
    ],
)
def test_output_is_read(text: str, exit_code: int, expected: CurlAnswer) -> None:
    assert parse_output(text, exit_code) == expected


@pytest.mark.parametrize(
    ("answer", "log", "code", "transient"),
    [
        (CurlAnswer(0, 200), "", "", False),
        (CurlAnswer(6, words="Could not resolve host"), "", "MVM-611", True),
        (CurlAnswer(7), "", "MVM-612", True),
        (CurlAnswer(28), "", "MVM-613", True),
        (CurlAnswer(52), "", "MVM-616", True),
        (CurlAnswer(56), "", "MVM-616", True),
        (CurlAnswer(99), "", "MVM-616", True),
        (CurlAnswer(0, 404), "", "MVM-617", False),
        (CurlAnswer(0, 503), "", "MVM-615", True),
        (CurlAnswer(0, 503), '"GET /?id=7 HTTP/1.1" 503 UH no_healthy_upstream - "-"', "MVM-614", True),
        (CurlAnswer(0, 503), '"GET /?id=7 HTTP/1.1" 503 UF,URX upstream_reset', "MVM-615", True),
    ],
)
def test_what_is_wrong_has_a_code_of_its_cause(answer: CurlAnswer, log: str, code: str, transient: bool) -> None:
    verdict = judge(answer, 200, log)
    assert (verdict.code, verdict.transient) == (code, transient)
    assert not code or code in CATALOG


def test_another_status_can_be_what_is_expected() -> None:
    assert judge(CurlAnswer(0, 403), 403).code == ""
    assert judge(CurlAnswer(0, 200), 403).code == "MVM-617"


def test_the_line_with_the_id_is_the_request() -> None:
    log = 'x "GET / HTTP/1.1" 200 -\n10.0.0.1 - - [now] "GET /?id=7f3a HTTP/1.1" 200 -'
    assert line_with(log, "7f3a") == "GET /?id=7f3a"
    assert line_with("served 7f3a", "7f3a") == "served 7f3a"
    assert line_with(log, "beef") == ""


def test_proof_says_status_time_and_witness() -> None:
    assert proof_words(CurlAnswer(0, 200, 0.0031), "seen there") == "200 in 3.1 ms; seen there"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://hello-world.default", ServiceName("hello-world", "default")),
        ("http://hello-world", ServiceName("hello-world", "own")),
        ("http://a.b.svc.cluster.local:8080/x", ServiceName("a", "b")),
        ("http://www.example.com", None),
        ("http://10.0.0.1:80", None),
    ],
)
def test_a_url_names_a_service(url: str, expected: ServiceName | None) -> None:
    assert service_of(url, "own") == expected


def test_the_pod_asks_for_a_sidecar_and_no_more_than_it_needs() -> None:
    pod = curl_pod("http://a?id=1", namespace="default", image="curl:1", revision="1-30")
    assert pod["metadata"]["labels"]["istio.io/rev"] == "1-30"
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    assert all(part.split("=")[1] in pod["metadata"]["labels"].values() for part in SELECTOR.split(","))
    spec = pod["spec"]
    assert (spec["restartPolicy"], spec["automountServiceAccountToken"]) == ("Never", False)
    assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False
    assert "istio.io/rev" not in curl_pod("u", namespace="d", image="i", revision="")["metadata"]["labels"]


@pytest.mark.parametrize(
    ("status", "exit_code", "hopeless", "waits"),
    [
        ({"containerStatuses": [CURL]}, 0, "", ""),
        (
            {"phase": "Running", "containerStatuses": [{"name": "istio-proxy", "state": {"running": {}}}, CURL]},
            0,
            "",
            "",
        ),
        (
            {"containerStatuses": [{"name": "curl", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            None,
            "ImagePullBackOff",
            "",
        ),
        (
            {"containerStatuses": [{"name": "curl", "state": {"waiting": {"reason": "PodInitializing"}}}]},
            None,
            "",
            "PodInitializing",
        ),
        ({"containerStatuses": [{"name": "curl", "state": {"running": {}}}]}, None, "", "curl runs"),
        ({"phase": "Failed", "reason": "DeadlineExceeded", "message": "too long"}, None, "DeadlineExceeded", ""),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no nodes"}
                ]
            },
            None,
            "",
            "Unschedulable: no nodes",
        ),
    ],
)
def test_what_became_of_a_pod(status: dict[str, object], exit_code: int | None, hopeless: str, waits: str) -> None:
    state = state_of({"spec": {"containers": [{"name": "curl"}]}, "status": status})
    assert state.exit_code == exit_code
    assert state.hopeless.startswith(hopeless) and bool(state.hopeless) == bool(hopeless)
    assert waits in state.waits


@pytest.mark.parametrize("reason", ["CrashLoopBackOff", "ErrImagePull"])
def test_a_sidecar_that_does_not_start_is_named_with_its_last_words(reason: str) -> None:
    waiting = {"waiting": {"reason": reason, "message": "back-off 10s"}}
    ended = {"terminated": {"exitCode": 1, "message": "iptables: Permission denied"}}
    status = {"initContainerStatuses": [{"name": "istio-init", "state": waiting, "lastState": ended}]}
    state = state_of({"spec": {"initContainers": [{"name": "istio-proxy"}]}, "status": status})
    assert state.sidecar_failed
    assert state.hopeless == (
        f"container istio-init: {reason}: back-off 10s; it ended with 1: iptables: Permission denied"
    )


def test_a_native_sidecar_counts_as_one() -> None:
    assert state_of({"spec": {"initContainers": [{"name": "istio-proxy"}]}}).injected
    assert not state_of({"spec": {"containers": [{"name": "curl"}]}}).injected
