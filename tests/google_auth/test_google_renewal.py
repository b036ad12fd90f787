"""A login that expires in the middle of a session is renewed in another terminal, and the same session goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshvm_tui.adapters.google_credentials import GoogleLogin
from meshvm_tui.adapters.google_rest import GoogleRest
from meshvm_tui.problems import ActionNeeded, TransientError
from tests.google_auth.google_world import TARGET, Answer, Asked, World, check_assertion

GENERATE = f"/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"


def expired(subtype: str) -> Answer:
    """What Google says of a refresh token that has ended."""
    return Answer(400, {"error": "invalid_grant", "error_subtype": subtype, "error_description": "reauth"})


def by_refresh_token(world: World, **answers: Answer) -> None:
    """Answers by the refresh token that is sent: `a`, `b`."""
    world.server.routes["POST", "/token"] = lambda asked: answers[asked.form["refresh_token"]]


@pytest.mark.parametrize("subtype", ["invalid_rapt", "rapt_required", ""])
def test_the_same_session_goes_on_after_a_login_in_another_terminal(world: World, subtype: str) -> None:
    good = Answer(200, {"access_token": "ya29.new", "expires_in": 3599})
    by_refresh_token(world, a=expired(subtype), b=good)
    world.server.answer("GET", "/v1/x", Answer(200, {"it": "works"}))
    world.adc(world.user(refresh_token="a"))
    rest = GoogleRest(world.login())
    for _ in range(2):
        with pytest.raises(ActionNeeded) as failed:
            rest.get("container", "v1/x", doing="reading x")
        assert failed.value.code == "MVM-802"
        assert failed.value.next_action == "Run gcloud auth application-default login, then retry."
    world.adc(world.user(refresh_token="b"))
    assert rest.get("container", "v1/x", doing="reading x") == {"it": "works"}
    assert world.server.asked[-1].headers["authorization"] == "Bearer ya29.new"
    rest.close()


def test_a_login_that_is_made_only_now(world: World) -> None:
    login = world.login()
    with pytest.raises(ActionNeeded, match="MVM-801"):
        login.identity()
    world.adc(world.user(account="me@example.com"))
    assert login.identity().email == "me@example.com"


def test_another_account_is_taken_while_the_first_one_s_token_is_valid(world: World) -> None:
    world.adc(world.service_account(client_email="first@p.iam.gserviceaccount.com"))
    login = world.login()
    credentials = login.credentials()
    assert login.identity().email == "first@p.iam.gserviceaccount.com"
    world.adc(world.service_account(client_email="second@p.iam.gserviceaccount.com"))
    headers: dict[str, str] = {}
    credentials.before_request(None, "GET", "http://x", headers)
    assert headers["authorization"] == "Bearer ya29.token-2"
    assert login.identity().email == "second@p.iam.gserviceaccount.com"


def test_a_file_that_is_being_written_is_told_and_read_again(world: World) -> None:
    path = world.adc("{")
    login = world.login()
    with pytest.raises(ActionNeeded, match="MVM-803"):
        login.access_token()
    path.write_text(json.dumps(world.user()))
    assert login.access_token().token == "ya29.token-1"


def test_forgetting_asks_again(world: World) -> None:
    world.adc(world.user())
    login = world.login()
    assert [login.access_token().token, login.access_token().token] == ["ya29.token-1"] * 2
    login.forget()
    assert login.access_token().token == "ya29.token-2"
    login.renew()
    assert login.access_token().token == "ya29.token-3"


def test_a_refused_token_is_renewed_once_for_all_who_were_refused(world: World) -> None:
    world.adc(world.user())
    login = world.login()
    first = login.access_token()
    assert login.access_token(refused=first.token).token == "ya29.token-2"
    assert login.access_token(refused=first.token).token == "ya29.token-2", "it is the new one that is given"
    assert world.server.paths() == ["/token"] * 2


def test_a_token_file_is_read_anew(world: World) -> None:
    path = world.folder.parent / "token"
    path.write_text("ya29.first")
    world.environ["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"] = str(path)
    login = world.login()
    assert login.access_token().token == "ya29.first"
    with pytest.raises(ActionNeeded) as failed:
        login.access_token(refused="ya29.first")
    assert failed.value.code == "MVM-802"
    assert failed.value.next_action == f"Write a new access token to {path}, then retry."
    assert "ya29" not in str(failed.value)
    path.write_text("ya29.second-one")
    assert login.access_token(refused="ya29.first").token == "ya29.second-one"


def test_a_token_that_another_thread_has_replaced_is_not_refused(world: World) -> None:
    """Two requests go out with the first token; while one waits, the file is written anew and the other takes it."""
    path = world.folder.parent / "token"
    path.write_text("ya29.first")
    world.environ["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"] = str(path)
    credentials = world.login().credentials()
    headers: dict[str, str] = {}
    credentials.before_request(None, "GET", "http://x", headers)
    path.write_text("ya29.second-one")
    other = threading.Thread(target=lambda: credentials.before_request(None, "GET", "http://x", {}))
    other.start()
    other.join()
    credentials.refresh(None)
    assert credentials.token == "ya29.second-one"


def impersonated(token: str, minutes: int = 60) -> Answer:
    """What iamcredentials gives."""
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    return Answer(200, {"accessToken": token, "expireTime": until.strftime("%Y-%m-%dT%H:%M:%SZ")})


@pytest.mark.parametrize("by", ["plan", "variable", "configuration"])
def test_impersonation_by_the_plan_or_by_gcloud_s_property(world: World, by: str) -> None:
    world.adc(world.service_account())
    world.server.answer("POST", GENERATE, impersonated("ya29.target"))
    if by == "variable":
        world.environ["CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"] = TARGET
    if by == "configuration":
        world.configuration(f"[auth]\nimpersonate_service_account = {TARGET}\n")
    login = world.login(TARGET if by == "plan" else "auto")
    assert login.access_token().token == "ya29.target"
    token, generate = world.server.asked
    assert check_assertion(token.form["assertion"])["scope"] == "https://www.googleapis.com/auth/iam"
    assert generate.headers["authorization"] == "Bearer ya29.token-1"
    asked = json.loads(generate.body)
    assert set(asked["scope"]) == {
        "https://www.googleapis.com/auth/cloud-platform",
        "https://www.googleapis.com/auth/userinfo.email",
    }
    assert asked["lifetime"] == "3600s"
    who = login.identity()
    assert (who.kind, who.email) == ("impersonated service account", TARGET)
    assert who.source.endswith(f"application_default_credentials.json), impersonating {TARGET}")


def test_no_impersonation_where_the_plan_says_so(world: World) -> None:
    world.adc(world.service_account())
    world.environ["CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"] = TARGET
    assert world.login(impersonate="").access_token().token == "ya29.token-1"


def test_a_chain_of_delegates(world: World) -> None:
    world.adc(world.user())
    world.server.answer("POST", GENERATE, impersonated("ya29.target"))
    assert world.login(f"one@p.iam.gserviceaccount.com, {TARGET}").access_token().token == "ya29.target"
    expected = ["projects/-/serviceAccounts/one@p.iam.gserviceaccount.com"]
    assert json.loads(world.server.asked[-1].body)["delegates"] == expected


def test_a_file_of_impersonation_is_served_by_the_same_endpoint(world: World) -> None:
    """google.auth itself would ask iamcredentials.googleapis.com, whatever gcloud's override says."""
    info = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"https://iamcredentials.googleapis.com{GENERATE}",
        "delegates": ["projects/-/serviceAccounts/one@p.iam.gserviceaccount.com"],
        "source_credentials": world.user(),
    }
    world.adc(info)
    world.server.answer("POST", GENERATE, impersonated("ya29.target"))
    login = world.login()
    assert login.access_token().token == "ya29.target"
    assert (login.identity().kind, login.identity().email) == ("impersonated service account", TARGET)
    assert len(json.loads(world.server.asked[-1].body)["delegates"]) == 1


def test_an_access_token_may_impersonate_too(world: World) -> None:
    world.environ["CLOUDSDK_AUTH_ACCESS_TOKEN"] = "ya29.given"
    world.server.answer("POST", GENERATE, impersonated("ya29.a", 1), impersonated("ya29.b"))
    login = world.login(TARGET)
    assert [login.access_token().token for _ in range(3)] == ["ya29.a", "ya29.b", "ya29.b"]
    assert world.server.asked[0].headers["authorization"] == "Bearer ya29.given"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")
def test_gcloud_itself_impersonates_at_the_same_place(world: World) -> None:
    path = world.folder.parent / "token"
    path.write_text("ya29.given")
    world.environ |= {
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(path),
        "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": f"one@p.iam.gserviceaccount.com, {TARGET}",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
    }
    world.server.answer("POST", GENERATE, impersonated("ya29.target"))
    environ = {"PATH": os.environ["PATH"], **world.environ}
    command = ["gcloud", "auth", "print-access-token"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "ya29.target" == world.login().access_token().token
    theirs, ours = world.server.asked
    assert (theirs.path, theirs.headers["authorization"]) == (ours.path, ours.headers["authorization"])
    delegates = [[name.rpartition("/")[2] for name in json.loads(asked.body)["delegates"]] for asked in (theirs, ours)]
    assert delegates == [["one@p.iam.gserviceaccount.com"]] * 2


def test_closing_ends_a_token_request_under_way(world: World) -> None:
    arrived = threading.Event()

    def hold(asked: Asked) -> Answer:
        arrived.set()
        return world.server.hold(asked)

    world.adc(world.user())
    world.server.routes["POST", "/token"] = hold
    login = world.login()
    said: list[Any] = []
    thread = threading.Thread(target=lambda: said.append(outcome(login)))
    thread.start()
    assert arrived.wait(10)
    login.close()
    thread.join(10)
    assert [(type(problem), problem.code) for problem in said] == [(TransientError, "MVM-804")]
    assert outcome(login).code == "MVM-804", "and there are no further ones"


def outcome(login: GoogleLogin) -> Any:
    """The problem of a login that has none to give."""
    try:
        return login.access_token()
    except TransientError as problem:
        return problem
