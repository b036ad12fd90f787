"""What goes wrong between us and Google, through the real client library: each told apart, with Google's words."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from meshvm_tui.adapters import google_compute_calls
from meshvm_tui.adapters.google_compute import GoogleCompute
from meshvm_tui.adapters.google_compute_calls import ComputeCalls
from meshvm_tui.adapters.google_credentials import GoogleLogin
from meshvm_tui.adapters.google_rest import GoogleRest
from meshvm_tui.adapters.google_settings import read_settings
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from tests.google.google_server import TOKEN, Answer, GoogleServer, error

World = tuple[GoogleServer, GoogleCompute]
P, Z = "lab-project-1", "us-central1-a"

OFF_WORDS = (
    f"Compute Engine API has not been used in project {P} before or it is disabled. Enable it by visiting "
    f"https://console.developers.google.com/apis/api/compute.googleapis.com/overview?project={P} then retry."
)
OFF = error(
    403,
    OFF_WORDS,
    "accessNotConfigured",
    status="PERMISSION_DENIED",
    details=[
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SERVICE_DISABLED",
            "domain": "googleapis.com",
            "metadata": {"service": "compute.googleapis.com", "consumer": f"projects/{P}"},
        }
    ],
)
DENIED_WORDS = f"Required 'compute.instances.list' permission for 'projects/{P}'"
TABLE: list[tuple[Answer, type[Problem], str, str]] = [
    (error(403, DENIED_WORDS, "forbidden"), ActionNeeded, "MVM-805", DENIED_WORDS),
    (OFF, ActionNeeded, "MVM-806", OFF_WORDS),
    (
        error(403, "Quota 'CPUS' exceeded.  Limit: 8.0 in region us-central1.", "quotaExceeded"),
        ActionNeeded,
        "MVM-811",
        "Quota 'CPUS' exceeded",
    ),
    (error(403, "Rate Limit Exceeded", "rateLimitExceeded"), TransientError, "MVM-817", "Rate Limit Exceeded"),
    (error(400, "Invalid value for field 'filter': 'a b'.", "invalid"), PermanentError, "MVM-818", "field 'filter'"),
    (
        error(412, "Constraint constraints/compute.vmExternalIpAccess violated for project 1", "conditionNotMet"),
        ActionNeeded,
        "MVM-838",
        "constraints/compute.vmExternalIpAccess",
    ),
    (error(404, f"The resource 'projects/{P}' was not found", "notFound"), ActionNeeded, "MVM-809", P),
    (error(400, "Invalid value for field 'zone': 'us-x'. Unknown zone.", "invalid"), ActionNeeded, "MVM-810", "us-x"),
    (error(500, "Internal error", "internalError"), TransientError, "MVM-817", "Internal error"),
    (Answer(status=502, raw=b"<html><h1>Bad Gateway</h1></html>"), TransientError, "MVM-817", "Bad Gateway"),
    (Answer(status=404, raw=b"<html>404. That's an error.</html>"), PermanentError, "MVM-840", "That's an error"),
]


@pytest.mark.parametrize(("answer", "kind", "code", "words"), TABLE)
def test_each_error_of_google_has_its_code_and_its_words(
    world: World, answer: Answer, kind: type[Problem], code: str, words: str
) -> None:
    server, compute = world
    server.answers["compute.zones.list"] = answer
    with pytest.raises(kind) as caught:
        compute.zones(P)
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert words in caught.value.cause
    assert caught.value.evidence["request"] == f"zones.list in {P}"
    assert len(server.asked) == 1


def test_a_switched_off_api_is_named_with_the_command(world: World) -> None:
    server, compute = world
    server.answers["compute.zones.list"] = OFF
    with pytest.raises(ActionNeeded) as caught:
        compute.zones(P)
    assert "compute.googleapis.com" in caught.value.title
    assert f"gcloud services enable compute.googleapis.com --project={P}" in caught.value.next_action


def test_reads_are_patient_with_a_busy_google_and_with_cuts(world: World) -> None:
    server, compute = world
    busy = error(503, "The service is currently unavailable.", "backendError")
    server.once["compute.zones.list"] += [busy, error(429, "slow down", "x"), Answer(cut=True)]
    server.answers["compute.zones.list"] = {"items": [{"name": Z}]}
    assert compute.zones(P) == ({"name": Z},)
    assert len(server.asked) == 4


def test_the_other_apis_are_treated_with_the_same_patience(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server, compute = world
    name = "container.projects.locations.clusters.list"
    server.once[name] += [error(503, "unavailable", "backendError"), error(429, "slow down", "x")]
    server.once[name].append({})
    assert compute.clusters(P).items == ()
    assert len(server.asked) == 3
    monkeypatch.setattr(google_compute_calls, "READ_PATIENCE_SECONDS", 0.3)
    server.answers[name] = error(503, "The service is currently unavailable.", "backendError")
    with pytest.raises(TransientError) as caught:
        compute.clusters(P)
    assert (caught.value.code, caught.value.cause) == ("MVM-817", "The service is currently unavailable.")
    server.answers[name] = error(403, "Required 'container.clusters.list' permission", "forbidden")
    with pytest.raises(ActionNeeded, match=r"container\.clusters\.list"):
        compute.clusters(P)


def test_the_patience_of_reads_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server, compute = world
    monkeypatch.setattr(google_compute_calls, "READ_PATIENCE_SECONDS", 0.4)
    server.answers["compute.instances.get"] = error(503, "The service is currently unavailable.", "backendError")
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        compute.instance(P, Z, "vm-1")
    assert (caught.value.code, caught.value.cause) == ("MVM-817", "The service is currently unavailable.")
    assert time.monotonic() - began < 5


def test_a_silent_google_is_waited_for_no_longer_than_the_timeout(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    server, compute = world
    monkeypatch.setattr(google_compute_calls, "READ_SECONDS", 0.3)
    held = threading.Event()
    server.answers["compute.zones.list"] = Answer(until=held)
    with pytest.raises(TransientError, match="MVM-804"):
        compute.zones(P)
    held.set()
    assert len(server.asked) == 1


def test_a_refused_token_is_said_and_never_shown(world: World) -> None:
    server, compute = world
    words = "Request had invalid authentication credentials. Expected OAuth 2 access token."
    server.answers["compute.zones.list"] = error(401, words, "authError", status="UNAUTHENTICATED")
    with pytest.raises(ActionNeeded) as caught:
        compute.zones(P)
    assert caught.value.code == "MVM-802"
    assert TOKEN not in str(caught.value) + repr(caught.value.record())


def unreachable(tmp_path: Path, endpoint: str, **environ: str) -> GoogleCompute:
    """The adapter against an endpoint where nobody answers."""
    named = {
        "CLOUDSDK_CONFIG": str(tmp_path),
        "HOME": str(tmp_path),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": endpoint,
    }
    login = GoogleLogin(read_settings(named | environ))
    return GoogleCompute(login, GoogleRest(login), ComputeCalls(login))


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        compute = unreachable(tmp_path, f"http://{place}/compute/v1/", CLOUDSDK_AUTH_ACCESS_TOKEN=TOKEN)
        with pytest.raises(TransientError) as caught:
            compute.zones(P)
        compute.close()
    assert caught.value.code == "MVM-804"
    assert place in caught.value.cause
    assert "object at 0x" not in caught.value.cause


def test_an_endpoint_that_would_send_tokens_in_the_clear_is_never_asked(tmp_path: Path) -> None:
    compute = unreachable(tmp_path, "http://203.0.113.1/compute/v1/", CLOUDSDK_AUTH_ACCESS_TOKEN=TOKEN)
    with pytest.raises(ActionNeeded, match="MVM-839"):
        compute.zones(P)
    compute.close()


def test_no_credentials_at_all(tmp_path: Path) -> None:
    compute = unreachable(tmp_path, "http://127.0.0.1:9/compute/v1/", NO_GCE_CHECK="true")
    with pytest.raises(ActionNeeded, match="MVM-801"):
        compute.zones(P)
    compute.close()
