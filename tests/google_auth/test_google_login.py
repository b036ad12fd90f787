"""Every kind of credentials gives a token of OAuth and says who it is, and the order in which they are found."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import types
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshvm_tui.adapters.google_credentials import SCOPES, GoogleLogin
from meshvm_tui.compute_ports import GoogleIdentity, Setting
from meshvm_tui.problems import ActionNeeded
from tests.google_auth.google_world import ACCOUNT, Answer, World, check_assertion


def failing(login: GoogleLogin) -> ActionNeeded:
    """What the login says instead of a token."""
    with pytest.raises(ActionNeeded) as failed:
        login.access_token()
    return failed.value


def test_a_service_account_key_gives_a_token_of_oauth(world: World) -> None:
    path = world.key_file(world.service_account())
    login = world.login()
    token = login.access_token()
    assert token.token == "ya29.token-1"
    assert token.expiry is not None
    assert timedelta(minutes=58) < token.expiry - datetime.now(UTC) < timedelta(minutes=61)
    claims = check_assertion(world.server.asked[0].form["assertion"])
    assert (claims["iss"], set(claims["scope"].split())) == (ACCOUNT, set(SCOPES))
    source = f"GOOGLE_APPLICATION_CREDENTIALS ({path})"
    assert login.identity() == GoogleIdentity("service account", source, ACCOUNT)


def test_a_token_is_asked_for_once_while_it_is_valid(world: World) -> None:
    world.key_file(world.service_account())
    login = world.login()
    gate = threading.Barrier(8)
    seen: list[str] = []

    def ask() -> None:
        gate.wait()
        seen.append(login.access_token().token)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["ya29.token-1"] * 8
    assert world.server.paths() == ["/token"]


def test_a_token_that_ends_soon_is_renewed(world: World) -> None:
    world.key_file(world.service_account())
    world.server.answer(
        "POST",
        "/token",
        Answer(200, {"access_token": "short", "expires_in": 60}),
        Answer(200, {"access_token": "long", "expires_in": 3600}),
    )
    login = world.login()
    assert [login.access_token().token for _ in range(3)] == ["short", "long", "long"]


def test_a_user_of_gcloud_is_told_by_the_id_token(world: World) -> None:
    path = world.adc(world.user())
    claims = base64.urlsafe_b64encode(json.dumps({"email": "me@example.com"}).encode()).rstrip(b"=").decode()
    header = base64.urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"=").decode()
    body = {"access_token": "ya29.u", "expires_in": 3599, "id_token": f"{header}.{claims}.c2ln"}
    world.server.answer("POST", "/token", Answer(200, body))
    assert world.login().identity() == GoogleIdentity(
        "user", f"application default credentials ({path})", "me@example.com"
    )
    form = world.server.asked[0].form
    assert (form["grant_type"], form["refresh_token"]) == ("refresh_token", "1//refresh-token")
    assert "scope" not in form, "a user's scopes were given at login"


def test_a_user_without_an_id_token_is_asked_for(world: World) -> None:
    world.adc(world.user())
    world.server.answer("GET", "/v1/userinfo", Answer(200, {"email": "me@example.com"}))
    login = world.login()
    assert login.identity().email == "me@example.com"
    assert world.server.asked[-1].headers["authorization"] == "Bearer ya29.token-1"
    assert login.identity().email == "me@example.com"
    assert world.server.paths() == ["/token", "/v1/userinfo"], "it is asked for once"


def test_a_user_whose_email_nobody_tells_is_a_user_all_the_same(world: World) -> None:
    world.adc(world.user())
    assert world.login().identity().email == ""


def test_a_token_in_the_file_is_not_taken_for_good(world: World) -> None:
    world.adc(world.user(token="old", expiry="2999-01-01T00:00:00Z"))
    assert world.login().access_token().token == "ya29.token-1"


@pytest.mark.parametrize("by", ["CLOUDSDK_AUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "configuration"])
def test_an_access_token_of_gcloud_stands_before_everything(world: World, by: str) -> None:
    world.key_file(world.service_account())
    path = world.folder.parent / "token"
    path.write_text("ya29.given\n")
    if by == "configuration":
        world.configuration(f"[auth]\naccess_token_file = {path}\n")
    else:
        world.environ[by] = "ya29.given" if by.endswith("TOKEN") else str(path)
    world.server.answer("GET", "/v1/userinfo", Answer(200, {"email": ACCOUNT}))
    login = world.login()
    assert login.access_token() == ("ya29.given", None)
    source = {"CLOUDSDK_AUTH_ACCESS_TOKEN": by, "configuration": f"gcloud configuration default ({path})"}
    expected = source.get(by, f"{by} ({path})")
    assert login.identity() == GoogleIdentity("service account", expected, ACCOUNT)


def test_the_order_of_the_files(world: World) -> None:
    login = world.login
    world.adc(world.service_account(client_email="adc@p.iam.gserviceaccount.com"))
    assert login().identity().email == "adc@p.iam.gserviceaccount.com"
    world.key_file(world.service_account(client_email="key@p.iam.gserviceaccount.com"))
    assert login().identity().email == "key@p.iam.gserviceaccount.com"
    override = world.folder.parent / "override.json"
    override.write_text(json.dumps(world.service_account(client_email="override@p.iam.gserviceaccount.com")))
    world.environ["CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"] = str(override)
    assert login().identity().email == "override@p.iam.gserviceaccount.com"


def test_workload_identity_federation(world: World) -> None:
    subject = world.folder.parent / "subject"
    subject.write_text("subject-token")
    info = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{world.server.url}/sts",
        "credential_source": {"file": str(subject)},
    }
    world.key_file(info)
    body = {
        "access_token": "ya29.federated",
        "expires_in": 3599,
        "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    world.server.answer("POST", "/sts", Answer(200, body))
    login = world.login()
    assert login.access_token().token == "ya29.federated"
    assert login.identity().kind == "external"
    assert world.server.asked[0].form["subject_token"] == "subject-token"


def metadata(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of this test plays the metadata server."""
    host = world.server.url.removeprefix("http://")
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)
    world.environ["GCE_METADATA_HOST"] = host
    del world.environ["NO_GCE_CHECK"]
    flavor = {"Metadata-Flavor": "Google"}
    plain = flavor | {"Content-Type": "application/text"}
    typed = flavor | {"Content-Type": "application/json"}
    base = "/computeMetadata/v1/"
    account = f"{base}instance/service-accounts/default/"
    world.server.answer("GET", f"{base}instance/id", Answer(200, b"123", plain))
    world.server.answer("GET", f"{base}project/project-id", Answer(200, b"here-project", plain))
    world.server.answer("GET", account, Answer(200, {"email": ACCOUNT, "scopes": []}, typed))
    world.server.answer("GET", f"{account}token", Answer(200, {"access_token": "ya29.vm", "expires_in": 900}, typed))


def test_the_metadata_server_of_a_vm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata(world, monkeypatch)
    login = world.login()
    assert login.access_token().token == "ya29.vm"
    assert login.identity() == GoogleIdentity("metadata", "metadata server", ACCOUNT)
    assert login.defaults().project == Setting("here-project", "metadata server")
    assert login.defaults(project="p").project == Setting("p", "--project")
    assert world.server.asked[0].headers["metadata-flavor"] == "Google"


def test_a_vm_without_a_service_account(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata(world, monkeypatch)
    for path in ("", "token"):
        del world.server.routes["GET", f"/computeMetadata/v1/instance/service-accounts/default/{path}"]
    monkeypatch.setattr("google.auth._exponential_backoff.time", types.SimpleNamespace(sleep=lambda seconds: None))
    said = failing(world.login())
    assert said.code == "MVM-801"
    assert "this VM has no service account" in said.cause


def test_the_metadata_server_is_left_alone_where_it_is_said_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata(world, monkeypatch)
    world.environ["NO_GCE_CHECK"] = "true"
    assert failing(world.login()).code == "MVM-801"
    assert world.login().defaults().project == Setting()
    assert world.server.asked == []


def test_any_server_at_that_address_is_no_metadata_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata(world, monkeypatch)
    world.server.answer("GET", "/computeMetadata/v1/instance/id", Answer(200, b"<html>hotel wifi</html>"))
    assert failing(world.login()).code == "MVM-801"


def test_a_metadata_server_that_is_silent_costs_its_timeout_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata(world, monkeypatch)
    world.environ["GCE_METADATA_TIMEOUT"] = "0.05"
    world.server.routes["GET", "/computeMetadata/v1/instance/id"] = world.server.hold
    assert failing(world.login()).code == "MVM-801"


def test_the_plan_s_words_stand_before_gcloud_s(world: World) -> None:
    world.environ["CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"] = "gcloud@p.iam.gserviceaccount.com"
    world.environ["CLOUDSDK_BILLING_QUOTA_PROJECT"] = "of-gcloud"
    found = world.login("plan@p.iam.gserviceaccount.com", "of-plan").defaults()
    assert found.impersonate_service_account == Setting("plan@p.iam.gserviceaccount.com", "the plan")
    assert found.quota_project == Setting("of-plan", "the plan")
    assert world.login("", "").defaults().impersonate_service_account == Setting()
    assert world.login("", "").quota_project() == ""
    assert world.login().quota_project() == "of-gcloud"


def test_importing_loads_nothing_of_google() -> None:
    names = [
        "google_settings",
        "google_endpoints",
        "google_errors",
        "google_credentials",
        "google_rest",
        "google_bearer",
    ]
    code = (
        f"import sys\nfor name in {names}: __import__('meshvm_tui.adapters.' + name)\n"
        "import meshvm_tui.commands.google\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('google', 'requests', 'urllib3', 'cryptography')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_finding_a_login_starts_no_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """google.auth.default would ask gcloud for the project."""

    def refuse(*given: Any, **named: Any) -> None:
        raise AssertionError(f"a process was started: {given}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    world.adc(world.user(account="me@example.com"))
    login = world.login()
    assert login.identity().email == "me@example.com"
    login.defaults()


@pytest.mark.parametrize(("named", "sent"), [("", ""), ("pays", "pays")])
def test_the_quota_project_goes_with_each_request(world: World, named: str, sent: str) -> None:
    from google.auth.transport.requests import AuthorizedSession

    world.key_file(world.service_account())
    world.server.answer("GET", "/v1/x", Answer(200, {}))
    session: Any = AuthorizedSession
    with session(world.login(quota_project=named).credentials()) as opened:
        assert opened.get(f"{world.server.url}/v1/x").status_code == 200
    headers = world.server.asked[-1].headers
    assert headers["authorization"] == "Bearer ya29.token-1"
    assert headers.get("x-goog-user-project", "") == sent
    assert "x-allowed-locations" not in headers
