"""Envoy's response flags: from the access log or from the body, each with the code of its cause."""

from __future__ import annotations

import pytest

from meshvm_tui.probing.curl import CurlAnswer
from meshvm_tui.probing.proof import judge
from meshvm_tui.probing.response_flags import MEANINGS, envoy_words
from meshvm_tui.problem_catalog import CATALOG

LINE = (
    '[2026-01-01T00:00:00.000Z] "GET /x?id=7f HTTP/1.1" {status} {flags} {details} - "{reason}" 0 19 0 - "-" "curl/8" '
    '"u" "hello-vm.vm" "-" outbound|80||hello-vm.vm.svc.cluster.local 10.0.0.1:2 10.96.0.7:80 10.0.0.1:3 - -'
)


def line(flags: str, status: int = 503, details: str = "details", reason: str = "-") -> str:
    """A line of the access log as Istio formats it."""
    return LINE.format(flags=flags, status=status, details=details, reason=reason)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ("UH", "MVM-614"),
        ("NC", "MVM-625"),
        ("UO", "MVM-624"),
        ("UF", "MVM-615"),
        ("UF,URX", "MVM-615"),
        ("URX", "MVM-615"),
        ("URX,UO", "MVM-624"),
        ("UC", "MVM-616"),
        ("UR", "MVM-616"),
        ("LR", "MVM-616"),
    ],
)
def test_a_503_is_explained_by_its_flags(flags: str, code: str) -> None:
    verdict = judge(CurlAnswer(0, 503), 200, line(flags))
    assert (verdict.code, verdict.transient) == (code, True)
    assert all(f"{flag} (" in verdict.cause for flag in flags.split(","))
    assert '"GET /x?id=7f HTTP/1.1" 503' in verdict.cause
    assert "outbound|80||hello-vm.vm.svc.cluster.local" in verdict.cause


@pytest.mark.parametrize(
    ("body", "flag"),
    [
        ("no healthy upstream", "UH"),
        ("upstream connect error or disconnect/reset before headers. reset reason: overflow", "UO"),
        (
            "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: "
            "connection timeout",
            "UF",
        ),
        (
            "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, "
            "transport failure reason: delayed connect error: Connection refused",
            "UF",
        ),
        ("upstream connect error or disconnect/reset before headers. reset reason: connection termination", "UC"),
        ("upstream connect error or disconnect/reset before headers. reset reason: remote reset", "UR"),
        ("upstream connect error or disconnect/reset before headers. reset reason: local reset", "LR"),
        ("upstream connect error or disconnect/reset before headers. reset reason: protocol error", "UPE"),
    ],
)
def test_without_an_access_log_the_body_says_the_same(body: str, flag: str) -> None:
    verdict = judge(CurlAnswer(0, 503, body=body), 200)
    assert verdict.code == MEANINGS[flag][0]
    assert f"{flag} (" in verdict.cause and body in verdict.cause


def test_a_missing_route_is_a_404_of_envoy_and_no_answer_of_a_server() -> None:
    assert judge(CurlAnswer(0, 404), 200, line("NR", 404, "route_not_found")).code == "MVM-625"
    served = judge(CurlAnswer(0, 404, body="File not found"), 200, line("-", 404, "via_upstream"))
    assert (served.code, served.transient) == ("MVM-617", False)
    assert "it says: File not found" in served.cause


def test_a_servers_own_words_are_not_taken_for_envoys() -> None:
    assert judge(CurlAnswer(0, 500, body="no healthy upstream"), 200).code == "MVM-617"


def test_an_answer_too_late_is_504_by_envoy_and_28_by_curl() -> None:
    assert judge(CurlAnswer(0, 504, body="upstream request timeout"), 200).code == "MVM-613"
    gave_up = judge(CurlAnswer(28, words="timed out"), 200, line("DC", 0, "downstream_remote_disconnect"))
    assert gave_up.code == "MVM-613"
    assert "DC (the client gave up waiting)" in gave_up.cause


@pytest.mark.parametrize("sign", ["CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER"])
def test_mutual_tls_that_fails_is_no_unreachable_server(sign: str) -> None:
    reason = f"TLS_error:|268435581:SSL routines:OPENSSL_internal:{sign}"
    assert judge(CurlAnswer(0, 503), 200, line("UF", reason=reason)).code == "MVM-626"
    body = f"upstream connect error. reset reason: remote connection failure, transport failure reason: {reason}"
    assert judge(CurlAnswer(0, 503, body=body), 200).code == "MVM-626"


def test_the_last_line_with_a_flag_counts_and_unknown_letters_are_no_flags() -> None:
    assert envoy_words(f"{line('UF,URX')}\n{line('UH')}", "").flags == ("UH",)
    assert envoy_words(line("HTTP"), "").flags == ()
    assert envoy_words(line("-"), "").flags == ()


def test_each_meaning_has_a_code() -> None:
    assert {code for code, _ in MEANINGS.values()} <= CATALOG.keys()
