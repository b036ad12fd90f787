"""Google's APIs by REST: what is sent, what is given back, how long it lasts and how it ends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters import google_rest
from meshvm_tui.adapters.google_rest import GoogleRest
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from tests.google_auth.google_world import Answer, Asked, World

PATH = "/v1/projects/p/locations/-/clusters"


@pytest.fixture
def rest(world: World) -> Iterator[GoogleRest]:
    """The session of a service account key."""
    world.key_file(world.service_account())
    rest = GoogleRest(world.login())
    yield rest
    rest.close()


def failure(rest: GoogleRest, path: str = PATH) -> Problem:
    """What a GET says instead of an answer."""
    with pytest.raises(Problem) as failed:
        rest.get("container", path.removeprefix("/"), doing="listing clusters")
    return failed.value


def test_a_get_and_its_answer(world: World, rest: GoogleRest) -> None:
    world.server.answer("GET", PATH, Answer(200, {"clusters": []}))
    query = {"pageToken": "a b&c", "names": ["x", "y"]}
    assert rest.get("container", PATH[1:], query, doing="listing clusters") == {"clusters": []}
    asked = world.server.asked[-1]
    assert asked.query == {"pageToken": ["a b&c"], "names": ["x", "y"]}
    assert asked.headers["authorization"] == "Bearer ya29.token-1"
    assert asked.headers["user-agent"].startswith("meshvm-tui/")
    assert asked.body == b""


def test_a_post_and_a_delete(world: World, rest: GoogleRest) -> None:
    path = "/v1/projects/p:testIamPermissions"
    world.server.answer("POST", path, Answer(200, {"permissions": ["a"]}))
    assert rest.post("container", path[1:], {"permissions": ["a", "b"]}, doing="x") == {"permissions": ["a"]}
    asked = world.server.asked[-1]
    assert json.loads(asked.body) == {"permissions": ["a", "b"]}
    assert asked.headers["content-type"] == "application/json"
    world.server.answer("DELETE", "/v1/users/me@example.com/sshPublicKeys/1", Answer(200, b""))
    assert rest.delete("container", "v1/users/me@example.com/sshPublicKeys/1", doing="x") == {}


def test_connections_are_kept_and_tokens_as_well(world: World, rest: GoogleRest) -> None:
    world.server.answer("GET", PATH, Answer(200, {}))
    for _ in range(3):
        rest.get("container", PATH[1:], doing="x")
    assert world.server.paths() == ["/token", PATH, PATH, PATH]
    assert world.server.connections == 2, "one of the login, one of the API"


UNAUTHENTICATED = Answer(
    401,
    {"error": {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}},
)


def test_a_401_is_answered_once_with_a_new_token(world: World, rest: GoogleRest) -> None:
    world.server.answer("GET", PATH, UNAUTHENTICATED, Answer(200, {"clusters": []}))
    assert rest.get("container", PATH[1:], doing="x") == {"clusters": []}
    assert world.server.asked[-1].headers["authorization"] == "Bearer ya29.token-2"


def test_a_401_that_stays_is_told(world: World, rest: GoogleRest) -> None:
    world.server.answer("GET", PATH, UNAUTHENTICATED)
    said = failure(rest)
    assert (type(said), said.code) == (ActionNeeded, "MVM-802")
    assert "invalid authentication" in said.cause
    assert world.server.paths() == ["/token", PATH, "/token", PATH], "one refresh, no more"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_nothing_is_tried_again_behind_the_engine_s_back(world: World, rest: GoogleRest, status: int) -> None:
    world.server.answer("GET", PATH, Answer(status, {"error": {"code": status, "message": "wait"}}))
    assert isinstance(failure(rest), TransientError)
    assert world.server.paths().count(PATH) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b"{", b"\xff"])
def test_an_answer_that_is_no_json_object(world: World, rest: GoogleRest, body: bytes) -> None:
    world.server.answer("GET", PATH, Answer(200, body))
    said = failure(rest)
    assert (type(said), said.code) == (PermanentError, "MVM-840")
    assert said.evidence["request"] == "listing clusters"


def test_a_redirect_is_not_followed_with_the_token(world: World, rest: GoogleRest) -> None:
    world.server.answer("GET", PATH, Answer(302, b"", {"Location": f"{world.server.url}/elsewhere"}))
    assert failure(rest).code == "MVM-840"
    assert "/elsewhere" not in world.server.paths()


def test_a_path_is_quoted(world: World, rest: GoogleRest) -> None:
    world.server.answer("GET", "/v1/a%20b%3Fc%23d", Answer(200, {"it": 1}))
    assert rest.get("container", "v1/a b?c#d", doing="x") == {"it": 1}


def test_an_endpoint_that_cannot_be_used_is_told(world: World) -> None:
    world.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"] = "http://example.com/"
    world.key_file(world.service_account())
    assert failure(GoogleRest(world.login())).code == "MVM-839"


def test_neither_netrc_nor_a_proxy_comes_between(
    world: World, rest: GoogleRest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests alone would put the login of ~/.netrc in the token's place, and ask the proxy even for loopback."""
    (tmp_path / "netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    world.server.answer("GET", PATH, Answer(200, {}))
    assert rest.get("container", PATH[1:], doing="x") == {}
    assert world.server.asked[-1].headers["authorization"] == "Bearer ya29.token-1"


def test_a_proxy_that_does_not_answer_is_named_as_such(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"] = "https://container.example/"
    world.key_file(world.service_account())
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    rest = GoogleRest(world.login())
    said = failure(rest)
    rest.close()
    assert (type(said), said.code) == (TransientError, "MVM-804")
    assert "the proxy on the way failed" in said.cause


def test_a_server_that_is_silent(world: World, rest: GoogleRest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_rest, "READ_SECONDS", 0.05)
    world.server.routes["GET", PATH] = world.server.hold
    said = failure(rest)
    assert (type(said), said.code) == (TransientError, "MVM-804")
    assert "no answer in time to: listing clusters" in said.cause


def test_a_server_that_is_not_there(world: World) -> None:
    world.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"] = "http://127.0.0.1:1/"
    world.key_file(world.service_account())
    rest = GoogleRest(world.login())
    said = failure(rest)
    rest.close()
    assert (type(said), said.code) == (TransientError, "MVM-804")
    assert (said.evidence["server"], said.evidence["request"]) == ("127.0.0.1:1", "listing clusters")
    assert "Connection refused" in said.cause


def test_closing_ends_a_call_under_way(world: World, rest: GoogleRest) -> None:
    arrived = threading.Event()

    def hold(asked: Asked) -> Answer:
        arrived.set()
        return world.server.hold(asked)

    world.server.routes["GET", PATH] = hold
    said: list[Any] = []
    thread = threading.Thread(target=lambda: said.append(failure(rest)))
    thread.start()
    assert arrived.wait(10)
    began = time.monotonic()
    rest.close()
    thread.join(10)
    assert [problem.code for problem in said] == ["MVM-804"]
    assert time.monotonic() - began < 5
    assert failure(rest).cause == "the connection to Google was closed here"
