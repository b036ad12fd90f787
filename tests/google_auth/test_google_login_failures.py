"""Each way in which a login fails is told apart, in the other side's words and with what helps just there."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any, NamedTuple

import certifi
import pytest

from meshvm_tui.adapters import google_credentials
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from tests.google_auth.google_world import (
    ACCOUNT,
    JSON,
    TARGET,
    Answer,
    World,
    google_server,
    pem_of,
    private_key,
    self_signed,
)

GENERATE = f"/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """google.auth asks a token endpoint up to three times, with pauses."""
    fake = types.SimpleNamespace(sleep=lambda seconds: None)
    monkeypatch.setattr("google.auth._exponential_backoff.time", fake)


def failure(world: World, impersonate: str = "auto") -> Problem:
    """What a login says instead of a token; never with a secret in it."""
    with pytest.raises(Problem) as failed:
        world.login(impersonate).access_token()
    said = f"{failed.value} {failed.value.record()}"
    for secret in ("PRIVATE KEY", "1//refresh-token", "secret-of-the-client", "ya29.", "eyJ"):
        assert secret not in said
    return failed.value


def test_nothing_at_all(world: World) -> None:
    said = failure(world)
    assert (type(said), said.code) == (ActionNeeded, "MVM-801")
    assert str(world.folder / "application_default_credentials.json") in said.cause
    assert "gcloud auth application-default login" in said.next_action
    assert "gcloud auth login alone" not in said.cause


def test_gcloud_s_own_login_is_none_for_applications(world: World) -> None:
    world.folder.mkdir()
    (world.folder / "credentials.db").write_bytes(b"")
    assert "gcloud auth login alone makes no application default credentials" in failure(world).cause


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not a valid JSON file"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe", "no UTF-8"),
        (b"{}", "its type is None, expected one of authorized_user, service_account"),
        (b'{"type": "weird"}', "its type is weird, expected one of"),
        (b'{"type": ["x"]}', "expected one of"),
        (b'{"type": "service_account"}', "missing fields"),
        (b'{"type": "authorized_user"}', "missing fields"),
        (b'{"type": "external_account"}', "GOOGLE_APPLICATION_CREDENTIALS"),
        (b'{"type": "external_account_authorized_user"}', "GOOGLE_APPLICATION_CREDENTIALS"),
        (b'{"type": "impersonated_service_account"}', "a field is missing"),
        (b'{"type": "gdch_service_account"}', "expected one of"),
    ],
)
def test_a_file_that_holds_no_credentials(world: World, content: bytes, words: str) -> None:
    path = world.key_file("")
    path.write_bytes(content)
    said = failure(world)
    assert (type(said), said.code) == (ActionNeeded, "MVM-803")
    assert said.cause.startswith(f"GOOGLE_APPLICATION_CREDENTIALS ({path}): ")
    assert words in said.cause


def test_a_file_that_is_not_there(world: World) -> None:
    world.environ["GOOGLE_APPLICATION_CREDENTIALS"] = "/not/there.json"
    said = failure(world)
    assert said.code == "MVM-803"
    assert said.cause == "GOOGLE_APPLICATION_CREDENTIALS (/not/there.json): the file was not found"


def test_a_folder_in_the_place_of_a_file(world: World) -> None:
    world.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(world.folder.parent)
    assert "Is a directory" in failure(world).cause


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        (
            {"private_key": "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"},
            "MVM-803",
            "parsing error",
        ),
        ({"private_key": None}, "MVM-803", "GOOGLE_APPLICATION_CREDENTIALS"),
        ({"token_uri": "http://tokens.example/token"}, "MVM-839", "would send tokens in the clear"),
        ({"universe_domain": "cloud.example"}, "MVM-803", "universe_domain is cloud.example"),
    ],
)
def test_a_key_file_that_cannot_be_used(world: World, changed: dict[str, Any], code: str, words: str) -> None:
    world.key_file(world.service_account(**changed))
    with pytest.raises(ActionNeeded) as failed:
        world.login().access_token()
    assert failed.value.code == code
    assert words in failed.value.cause
    assert "nonsense" not in str(failed.value)
    assert world.server.asked == []


@pytest.mark.parametrize("content", ["", " \n", "two words", "ya29.ü"])
def test_a_token_file_that_holds_none(world: World, content: str) -> None:
    path = world.folder.parent / "token"
    path.write_text(content)
    world.environ["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"] = str(path)
    said = failure(world)
    assert said.code == "MVM-803"
    assert "holds no access token" in said.cause


class Refusal(NamedTuple):
    """What the token endpoint answers, and what is told of it."""

    status: int
    body: JSON | bytes
    kind: type[Problem]
    code: str
    words: str
    action: str = ""


def oauth(status: int, error: str, description: str = "", subtype: str = "") -> tuple[int, JSON]:
    """An error of RFC 6749 with Google's fields."""
    more = {"error_description": description, "error_subtype": subtype}
    return status, {"error": error} | {name: value for name, value in more.items() if value}


GRANT = "invalid_grant"
SHORT = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
    " Check your iat and exp values in the JWT claim."
)
REFUSALS = [
    Refusal(*oauth(400, GRANT, subtype="invalid_rapt"), ActionNeeded, "MVM-802", "Reauthentication"),
    Refusal(*oauth(400, GRANT, subtype="rapt_required"), ActionNeeded, "MVM-802", "Reauthentication"),
    Refusal(*oauth(400, GRANT, "Token has been expired or revoked."), ActionNeeded, "MVM-802", "expired or revoked"),
    Refusal(*oauth(400, GRANT, "Bad Request"), ActionNeeded, "MVM-802", GRANT),
    Refusal(*oauth(400, GRANT, "Invalid JWT Signature."), ActionNeeded, "MVM-803", "JWT Signature", "new key"),
    Refusal(*oauth(400, GRANT, "Invalid grant: account not found"), ActionNeeded, "MVM-803", "account", "new key"),
    Refusal(*oauth(400, GRANT, SHORT), ActionNeeded, "MVM-803", "short-lived", "clock"),
    Refusal(*oauth(401, "invalid_client"), ActionNeeded, "MVM-803", "invalid_client"),
    Refusal(*oauth(401, "unauthorized_client", "x"), ActionNeeded, "MVM-803", "unauthorized"),
    Refusal(*oauth(400, "admin_policy_enforced"), ActionNeeded, "MVM-838", "admin_policy", "administrator"),
    Refusal(*oauth(503, "temporarily_unavailable"), TransientError, "MVM-817", "temporarily_unavailable"),
    Refusal(*oauth(429, "rate_limited"), TransientError, "MVM-817", "rate_limited"),
    Refusal(500, b"oops", TransientError, "MVM-817", "oops"),
    Refusal(502, b"<html>Bad Gateway</html>", TransientError, "MVM-817", "Bad Gateway"),
    Refusal(404, b"<html>Not Found</html>", PermanentError, "MVM-840", "Not Found"),
    Refusal(200, b"<html>The hotel's wifi</html>", PermanentError, "MVM-840", "login page"),
    Refusal(200, {"hello": "world"}, PermanentError, "MVM-840", "No access token"),
]


@pytest.mark.parametrize("who", ["user", "service_account"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_the_token_endpoint_says(world: World, who: str, refusal: Refusal) -> None:
    world.adc(getattr(world, who)())
    world.server.answer("POST", "/token", Answer(refusal.status, refusal.body))
    said = failure(world)
    assert (type(said), said.code) == (refusal.kind, refusal.code)
    # google.auth has words of its own where a user has to log in again.
    words = GRANT if who == "service_account" and refusal.words == "Reauthentication" else refusal.words
    assert words in said.cause
    assert refusal.action in said.next_action
    assert said.evidence["credentials"].startswith("application default credentials (")


def test_the_token_endpoint_is_asked_three_times_at_most(world: World) -> None:
    world.adc(world.user())
    world.server.answer("POST", "/token", Answer(503, {"error": "temporarily_unavailable"}))
    failure(world)
    assert world.server.paths() == ["/token"] * 3


def test_what_renews_a_login_depends_on_where_it_is(world: World) -> None:
    world.server.answer("POST", "/token", Answer(400, {"error": "invalid_grant"}))
    world.adc(world.user())
    assert failure(world).next_action == "Run gcloud auth application-default login, then retry."
    path = world.key_file(world.user())
    expected = f"Renew the login in {path}, or unset GOOGLE_APPLICATION_CREDENTIALS, then retry."
    assert failure(world).next_action == expected


def test_no_network(world: World) -> None:
    world.adc(world.service_account(token_uri="http://127.0.0.1:1/token"))
    said = failure(world)
    assert (type(said), said.code) == (TransientError, "MVM-804")
    assert "127.0.0.1:1: " in said.cause
    assert "Connection refused" in said.cause
    assert "0x" not in said.cause, "no addresses of objects"


def test_a_token_endpoint_that_never_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_credentials, "TIMEOUT", (1.0, 0.05))
    world.adc(world.service_account())
    world.server.routes["POST", "/token"] = world.server.hold
    said = failure(world)
    assert (type(said), said.code) == (TransientError, "MVM-804")
    assert "no answer in time" in said.cause


def test_an_endpoint_that_speaks_no_tls(world: World) -> None:
    world.adc(world.service_account(token_uri=world.server.url.replace("http:", "https:") + "/token"))
    said = failure(world)
    assert said.code == "MVM-839"
    assert "does not speak TLS" in said.cause


def test_a_proxy_that_opens_tls(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    certificate = tmp_path / "proxy.pem"
    with google_server(self_signed(certificate)) as proxy:
        world.adc(world.service_account(token_uri=f"{proxy.url}/token"))
        said = failure(world)
        assert (type(said), said.code, said.title) == (ActionNeeded, "MVM-804", "Google's certificate is not trusted")
        assert "CERTIFICATE_VERIFY_FAILED" in said.cause
        assert "REQUESTS_CA_BUNDLE" in said.next_action
        assert proxy.asked == [], "nothing was sent to it"
        world.environ["CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"] = str(certificate)
        login = world.login()
        assert login.access_token().token == "ya29.token-1", "gcloud's own setting trusts it"
        login.close()


def test_a_file_of_authorities_that_is_not_there(world: World) -> None:
    world.environ["CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"] = "/not/there.pem"
    world.adc(world.service_account(token_uri="https://127.0.0.1:1/token"))
    said = failure(world)
    assert (type(said), said.code) == (ActionNeeded, "MVM-804")
    assert "/not/there.pem" in said.cause


def refused(status: int, reason: str, message: str, **metadata: str) -> Answer:
    """An error as Google's newer APIs say it."""
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": metadata}
    error = {"code": status, "message": message, "status": "PERMISSION_DENIED", "details": [detail]}
    return Answer(status, {"error": error})


IMPERSONATION = [
    (
        refused(
            403,
            "IAM_PERMISSION_DENIED",
            "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
            permission="iam.serviceAccounts.getAccessToken",
        ),
        ActionNeeded,
        "MVM-808",
        "roles/iam.serviceAccountTokenCreator",
    ),
    (
        Answer(404, {"error": {"code": 404, "message": f"Not found; Gaia id not found for email {TARGET}"}}),
        ActionNeeded,
        "MVM-808",
        "",
    ),
    (
        refused(
            403,
            "SERVICE_DISABLED",
            "IAM Service Account Credentials API has not been used in project 12 before or it is disabled.",
            service="iamcredentials.googleapis.com",
            consumer="projects/12",
        ),
        ActionNeeded,
        "MVM-806",
        "gcloud services enable iamcredentials.googleapis.com --project=12",
    ),
    (Answer(503, {"error": {"code": 503, "message": "Backend error"}}), TransientError, "MVM-817", ""),
    (Answer(502, b"<html>Bad Gateway</html>"), TransientError, "MVM-817", ""),
    (Answer(403, b"<html>Not from here</html>"), PermanentError, "MVM-840", ""),
]


@pytest.mark.parametrize(("answer", "kind", "code", "action"), IMPERSONATION)
def test_a_refused_impersonation(world: World, answer: Answer, kind: type[Problem], code: str, action: str) -> None:
    world.adc(world.service_account())
    world.server.answer("POST", GENERATE, answer)
    said = failure(world, TARGET)
    assert (type(said), said.code) == (kind, code)
    assert action in said.next_action
    assert said.evidence["credentials"].endswith(f", impersonating {TARGET}")


def test_the_login_beneath_an_impersonation_may_fail_as_well(world: World) -> None:
    world.adc(world.user())
    world.server.answer("POST", "/token", Answer(400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}))
    assert failure(world, TARGET).code == "MVM-802"


def test_impersonation_without_an_account(world: World) -> None:
    world.adc(world.service_account())
    assert failure(world, "a@p.iam.gserviceaccount.com, ").code == "MVM-808"


def test_a_file_of_impersonation_that_names_nobody(world: World) -> None:
    inner = world.service_account()
    url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/x@y:signJwt"
    info = {"type": "impersonated_service_account", "service_account_impersonation_url": url}
    world.adc(info | {"source_credentials": inner})
    assert "names no service account" in failure(world).cause
    good = url.replace("signJwt", "generateAccessToken")
    nested = info | {"service_account_impersonation_url": good, "source_credentials": inner}
    world.adc(info | {"service_account_impersonation_url": good, "source_credentials": nested})
    assert "impersonated themselves" in failure(world).cause


def test_no_secret_is_in_any_representation(world: World) -> None:
    world.key_file(world.service_account())
    login = world.login()
    token = login.access_token()
    login.identity()
    credentials = login.credentials()
    made = login._current(google_credentials.SCOPES)
    said = f"{login!r} {login} {token!r} {token} {[token]} {credentials!r} {made!r} {login._found!r} {login.settings!r}"
    assert token.token.startswith("ya29.")
    assert "ya29." not in said
    assert "PRIVATE" not in said
    assert pem_of(private_key()).splitlines()[1] not in said
    assert ACCOUNT in json.dumps(said)
