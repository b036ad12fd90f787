"""Error answers of Google's APIs become problems that say what to do: the reason decides, then the status."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshvm_tui.adapters.google_errors import problem_from, problem_from_body, problem_from_operation
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem, TransientError
from tests.google_auth.error_answers import JSON, ROWS, Row, compute


@pytest.mark.parametrize("row", ROWS)
def test_an_error_answer(row: Row) -> None:
    said = problem_from_body(row.status, json.dumps(row.body).encode(), "doing x")
    assert (type(said), said.code) == (row.kind, row.code)
    assert said.cause == row.body["error"]["message"], "Google's own words"
    assert row.title in said.title
    assert row.action in said.next_action
    assert said.evidence["request"] == "doing x"
    assert said.evidence["status"].startswith(str(row.status))


def test_the_forms_of_a_body_are_all_read() -> None:
    body = compute(409, "alreadyExists", "there already")
    for form in (body, json.dumps(body), json.dumps(body).encode(), json.dumps([body])):
        assert problem_from_body(409, form, "x").code == "MVM-814"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (302, PermanentError, "MVM-840"),
        (401, ActionNeeded, "MVM-802"),
        (403, PermanentError, "MVM-840"),
        (404, PermanentError, "MVM-840"),
        (407, ActionNeeded, "MVM-804"),
        (429, TransientError, "MVM-817"),
        (502, TransientError, "MVM-817"),
    ],
)
def test_a_page_that_is_no_api_s(status: int, kind: type[Problem], code: str) -> None:
    page = b"<html><head><style>p {color: red}</style></head><body><p>Access&nbsp;denied by\n the proxy</p>"
    said = problem_from_body(status, page, "listing zones")
    assert (type(said), said.code) == (kind, code)
    assert "denied by the proxy" in said.cause
    assert "<" not in said.cause
    assert "color" not in said.cause


def operation(code: str, message: str, **more: Any) -> JSON:
    """An operation that ended with one error."""
    error = {"code": code, "message": message} | more
    return {
        "name": "operation-1",
        "status": "DONE",
        "zone": "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a",
        "error": {"errors": [error]},
    }


QUOTA_INFO = {
    "errorDetails": [
        {
            "quotaInfo": {
                "metricName": "compute.googleapis.com/n2_cpus",
                "limitName": "N2-CPUS-per-project-region",
                "dimensions": {"region": "europe-west1"},
                "limit": 8.0,
            }
        }
    ]
}


@pytest.mark.parametrize(
    ("failed", "kind", "code", "action"),
    [
        (
            operation("QUOTA_EXCEEDED", "Quota 'CPUS' exceeded.  Limit: 24.0 in region us-central1."),
            ActionNeeded,
            "MVM-811",
            "more CPUS in us-central1 (its limit is 24.0)",
        ),
        (
            operation("QUOTA_EXCEEDED", "Quota exceeded.", **QUOTA_INFO),
            ActionNeeded,
            "MVM-811",
            "more n2_cpus in europe-west1 (its limit is 8.0)",
        ),
        (
            operation("ZONE_RESOURCE_POOL_EXHAUSTED", "The zone does not have enough resources available"),
            ActionNeeded,
            "MVM-812",
            "another zone than us-central1-a",
        ),
        (operation("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", "stockout"), ActionNeeded, "MVM-812", ""),
        (operation("RESOURCE_ALREADY_EXISTS", "there already"), ActionNeeded, "MVM-814", ""),
        (operation("RESOURCE_NOT_FOUND", "no such network"), ActionNeeded, "MVM-816", ""),
        (operation("CONDITION_NOT_MET", "fingerprint"), TransientError, "MVM-815", ""),
        (
            operation("CONDITION_NOT_MET", "Constraint constraints/compute.trustedImageProjects violated"),
            ActionNeeded,
            "MVM-838",
            "",
        ),
        (
            operation("PERMISSIONS_ERROR", "Required 'compute.subnetworks.use' permission for 'x'"),
            ActionNeeded,
            "MVM-805",
            "",
        ),
        (operation("INTERNAL_ERROR", "Internal error. Please try again"), PermanentError, "MVM-813", ""),
        ({"name": "operation-1", "httpErrorMessage": "BAD REQUEST"}, PermanentError, "MVM-813", ""),
        ({}, PermanentError, "MVM-813", ""),
    ],
)
def test_an_operation_that_failed(failed: JSON, kind: type[Problem], code: str, action: str) -> None:
    said = problem_from_operation(failed, "creating vm-1")
    assert (type(said), said.code) == (kind, code)
    assert action in said.next_action
    assert said.evidence["request"] == "creating vm-1"
    assert said.cause


def test_all_errors_of_an_operation_are_told() -> None:
    failed = operation("INTERNAL_ERROR", "first")
    failed["error"]["errors"].append({"code": "OTHER", "message": "second"})
    said = problem_from_operation(failed, "x")
    assert said.cause == "first\nsecond"
    assert said.evidence["status"] == "INTERNAL_ERROR OTHER"


def api_error(status: int, body: JSON) -> Exception:
    """What a client library raises for an answer."""
    from google.api_core import exceptions
    from requests import Request, Response

    response = Response()
    response.status_code, response._content = status, json.dumps(body).encode()
    response.request = Request("GET", "http://x/y").prepare()
    maker: Any = exceptions.from_http_response
    made: Exception = maker(response)
    return made


@pytest.mark.parametrize("row", ROWS)
def test_a_client_library_s_exception_says_the_same_as_the_answer(row: Row) -> None:
    said = problem_from(api_error(row.status, row.body), "doing x")
    assert said.record() == problem_from_body(row.status, row.body, "doing x").record()


def test_a_client_library_s_exceptions_without_an_answer() -> None:
    from google.api_core import exceptions

    maker: Any = exceptions
    failed = [{"reason": "alreadyExists"}]
    assert problem_from(maker.Conflict("there already", errors=failed), "x").code == "MVM-814"
    assert problem_from(maker.ServiceUnavailable("wait"), "x").code == "MVM-817"
    retried = problem_from(maker.RetryError("Timeout of 1.0s exceeded", maker.PermissionDenied("no")), "x")
    assert retried.code == "MVM-805"
    assert isinstance(problem_from(maker.RetryError("Timeout of 1.0s exceeded", None), "x"), TransientError)


def test_what_the_network_does() -> None:
    import requests
    from google.auth import exceptions

    auth: Any = exceptions
    inner = requests.exceptions.ConnectionError("('Connection aborted.', RemoteDisconnected('x'))")
    for error in (
        inner,
        auth.TransportError(inner),
        auth.RefreshError(auth.TransportError(inner)),
        requests.exceptions.ConnectTimeout("x"),
        requests.exceptions.ChunkedEncodingError("cut"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError("timed out"),
    ):
        said = problem_from(error, "x")
        assert (type(said), said.code) == (TransientError, "MVM-804"), error
    trusted = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain"
    said = problem_from(requests.exceptions.SSLError(trusted), "x")
    assert (type(said), said.code, said.title) == (ActionNeeded, "MVM-804", "Google's certificate is not trusted")
    assert "REQUESTS_CA_BUNDLE" in said.next_action


def test_what_google_auth_says_of_files() -> None:
    from google.auth import exceptions

    auth: Any = exceptions
    assert (
        problem_from(auth.DefaultCredentialsError("Your default credentials were not found. To"), "x").code == "MVM-801"
    )
    said = problem_from(auth.DefaultCredentialsError("File x is not a valid json file.", ValueError("line 1")), "x")
    assert (said.code, said.cause) == ("MVM-803", "File x is not a valid json file. (line 1)")


def test_what_is_a_problem_already_or_none_of_google_s() -> None:
    problem = ActionNeeded("MVM-801", "x")
    assert problem_from(problem, "x") is problem
    assert problem_from(ValueError("Unknown field for Instance: nmae"), "x").code == "MVM-818"
    for error in (Cancelled(), ZeroDivisionError("a fault of ours")):
        with pytest.raises(type(error)):
            problem_from(error, "x")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["error", "errors", "code", "message", "status", "details", "@type", "reason", "metadata", "errorDetails",
         "quotaInfo", "dimensions", "httpErrorStatusCode", "zone"]
    ), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(status=st.integers(100, 599), body=VALUES, raw=st.binary(max_size=40))
def test_any_answer_is_a_problem(status: int, body: Any, raw: bytes) -> None:
    assert isinstance(problem_from_body(status, json.dumps(body), "x"), Problem)
    assert isinstance(problem_from_body(status, raw, "x"), Problem)
    if isinstance(body, dict):
        assert isinstance(problem_from_operation(body, "x"), Problem)
