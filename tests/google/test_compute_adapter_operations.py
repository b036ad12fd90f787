"""Waiting for operations: at the same server, told on the way, given up in an instant, failing with Google's words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from meshvm_tui.adapters import google_compute_operations
from meshvm_tui.adapters.google_compute import GoogleCompute
from meshvm_tui.compute_ports import JSON, Operation
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem, TransientError
from tests.google.google_server import Answer, Asked, GoogleServer, error

World = tuple[GoogleServer, GoogleCompute]
P, Z = "lab-project-1", "us-central1-a"
ROOT = f"https://www.googleapis.com/compute/v1/projects/{P}"
ZONAL = Operation(P, "operation-1", Z)
GLOBAL = Operation(P, "operation-2")
WAIT, GET = "compute.zoneOperations.wait", "compute.zoneOperations.get"


def state(status: str = "DONE", progress: int = 100, **more: Any) -> JSON:
    """An operation that inserts vm-1."""
    return {
        "name": "operation-1",
        "operationType": "insert",
        "targetLink": f"{ROOT}/zones/{Z}/instances/vm-1",
        "zone": f"{ROOT}/zones/{Z}",
        "status": status,
        "progress": progress,
    } | more


class Said(list[tuple[str, int | None]]):
    """What was told."""

    def __call__(self, status: str, percent: int | None) -> None:
        self.append((status, percent))


def never() -> bool:
    """Nobody cancels."""
    return False


@pytest.mark.parametrize(("operation", "scope"), [(ZONAL, "zoneOperations"), (GLOBAL, "globalOperations")])
def test_an_operation_is_waited_for_at_the_endpoint_that_was_named(
    world: World, operation: Operation, scope: str
) -> None:
    server, compute = world
    server.answers[f"compute.{scope}.wait"] = state()
    said = Said()
    compute.wait(operation, said, never)
    assert server.ids() == [f"compute.{scope}.wait"]
    assert server.asked[0].headers["host"] == server.url.removeprefix("http://")
    assert said == [("DONE", 100)]


def test_an_early_answer_is_told_and_asked_again(world: World) -> None:
    server, compute = world
    server.once[WAIT] += [state("PENDING", 0), state("RUNNING", 40), state("RUNNING", 40)]
    server.answers[WAIT] = state()
    said = Said()
    compute.wait(ZONAL, said, never)
    assert said == [("PENDING", 0), ("RUNNING", 40), ("DONE", 100)]
    assert server.ids() == [WAIT] * 4


def test_a_long_wait_is_cut_into_slices_that_tell_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server, compute = world
    monkeypatch.setattr(google_compute_operations, "SLICE_SECONDS", 0.1)
    held = threading.Event()
    server.answers[WAIT] = lambda asked: Answer(state(), until=held)
    server.once[GET] += [state("RUNNING", 10), state("RUNNING", 60)]

    def last(asked: Asked) -> JSON:
        held.set()
        return state("RUNNING", 90)

    server.answers[GET] = last
    said = Said()
    compute.wait(ZONAL, said, never)
    assert said == [("RUNNING", 10), ("RUNNING", 60), ("RUNNING", 90), ("DONE", 100)]


def test_cancelling_is_answered_at_once_while_google_is_silent(world: World) -> None:
    server, compute = world
    held = threading.Event()
    server.answers[WAIT] = Answer(state(), until=held)
    cancelled = threading.Event()
    timer = threading.Timer(0.3, cancelled.set)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        compute.wait(ZONAL, Said(), cancelled.is_set)
    assert time.monotonic() - began < 1.2
    held.set()
    timer.join()
    server.answers[WAIT] = state()
    compute.wait(ZONAL, Said(), never)


def test_no_thread_is_left_after_a_wait(world: World) -> None:
    server, compute = world
    held = threading.Event()
    server.answers[WAIT] = Answer(state(), until=held)
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        compute.wait(ZONAL, Said(), lambda: next(answers))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wait-")]
    held.set()


def test_a_cut_or_a_busy_google_does_not_end_a_wait(world: World) -> None:
    server, compute = world
    server.once[WAIT] += [Answer(cut=True), error(503, "unavailable", "backendError"), error(429, "slow", "x")]
    server.answers[WAIT] = state()
    compute.wait(ZONAL, Said(), never)
    assert server.ids() == [WAIT] * 4


def test_what_never_ends_is_not_waited_for_without_a_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server, compute = world
    monkeypatch.setattr(google_compute_operations, "LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(google_compute_operations, "PAUSE_SECONDS", 0.3)
    server.answers[WAIT] = state("RUNNING", 50)
    with pytest.raises(TransientError, match=r"operation-1 is not done") as caught:
        compute.wait(ZONAL, Said(), never)
    assert caught.value.code == "MVM-817"


def test_an_operation_that_nobody_knows(world: World) -> None:
    _, compute = world
    with pytest.raises(ActionNeeded, match="MVM-816"):
        compute.wait(ZONAL, Said(), never)


def failed(code: str, message: str, status: int, **more: Any) -> JSON:
    """An operation that ended with an error."""
    return state(
        error={"errors": [{"code": code, "message": message} | more]},
        httpErrorStatusCode=status,
        httpErrorMessage="FORBIDDEN" if status == 403 else "ERROR",
    )


QUOTA = {
    "errorDetails": [
        {
            "quotaInfo": {
                "metricName": "compute.googleapis.com/cpus",
                "limitName": "CPUS-per-project-region",
                "limit": 8.0,
                "dimensions": {"region": "us-central1"},
            }
        }
    ]
}
FAILURES = [
    (failed("QUOTA_EXCEEDED", "Quota 'CPUS' exceeded.  Limit: 8.0 in region us-central1.", 403, **QUOTA), "MVM-811"),
    (failed("ZONE_RESOURCE_POOL_EXHAUSTED", f"The zone 'projects/{P}/zones/{Z}' is exhausted", 503), "MVM-812"),
    (failed("RESOURCE_ALREADY_EXISTS", "The resource 'vm-1' already exists", 409), "MVM-814"),
    (failed("PERMISSIONS_ERROR", "Required 'compute.disks.create' permission for 'x'", 403), "MVM-805"),
    (failed("CONDITION_NOT_MET", "Constraint constraints/compute.vmExternalIpAccess violated", 412), "MVM-838"),
    (failed("INTERNAL_ERROR", "Internal error. Please try again or contact Google Support.", 500), "MVM-813"),
    (state(httpErrorStatusCode=500, httpErrorMessage="INTERNAL SERVER ERROR"), "MVM-813"),
]


@pytest.mark.parametrize(("answer", "code"), FAILURES)
def test_an_operation_that_failed_says_why_in_googles_words(world: World, answer: JSON, code: str) -> None:
    server, compute = world
    server.answers[WAIT] = answer
    with pytest.raises(Problem) as caught:
        compute.wait(ZONAL, Said(), never)
    assert caught.value.code == code
    errors = answer.get("error", {}).get("errors", [{"message": "INTERNAL SERVER ERROR"}])
    assert errors[0]["message"] in caught.value.cause
    assert caught.value.evidence["request"] == f"insert vm-1 in {Z}"


def test_a_quota_says_which_and_where(world: World) -> None:
    server, compute = world
    server.answers[WAIT] = FAILURES[0][0]
    with pytest.raises(ActionNeeded) as caught:
        compute.wait(ZONAL, Said(), never)
    assert "us-central1" in caught.value.title


def test_warnings_are_told_and_do_not_fail(world: World) -> None:
    server, compute = world
    warning = {"code": "DISK_SIZE_LARGER_THAN_IMAGE_SIZE", "message": "Disk size: '20 GB' is larger than image size"}
    server.answers[WAIT] = state(warnings=[warning])
    said = Said()
    compute.wait(ZONAL, said, never)
    assert said[-1] == (f"{warning['code']}: {warning['message']}", None)


def in_thread(call: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Runs a call that is going to hang; what it raised is in the list once the thread ended."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except Exception as problem:
            raised.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("compute.instances.get", lambda compute: compute.instance(P, Z, "vm-1")),
        ("compute.instances.start", lambda compute: compute.start_instance(P, Z, "vm-1", "id")),
        (WAIT, lambda compute: compute.wait(ZONAL, Said(), never)),
        ("container.projects.locations.clusters.list", lambda compute: compute.clusters(P)),
    ],
)
def test_closing_ends_a_call_that_hangs(world: World, name: str, call: Callable[[GoogleCompute], object]) -> None:
    server, compute = world
    held, arrived = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Answer:
        arrived.set()
        return Answer(until=held)

    server.answers[name] = hang
    thread, raised = in_thread(lambda: call(compute))
    assert arrived.wait(10)
    began = time.monotonic()
    compute.close()
    thread.join(10)
    assert time.monotonic() - began < 1.5
    assert isinstance(raised[0], TransientError)
    assert raised[0].code == "MVM-804"
    held.set()


def test_after_closing_nothing_is_sent(world: World) -> None:
    server, compute = world
    compute.close()
    for call in (lambda: compute.zones(P), lambda: compute.clusters(P), lambda: compute.wait(ZONAL, Said(), never)):
        with pytest.raises(TransientError, match="closed here"):
            call()
    assert server.asked == []


def test_an_answer_that_is_no_operation(world: World) -> None:
    server, compute = world
    server.answers[WAIT] = Answer(raw=b"<html>Hotel Wi-Fi</html>")
    with pytest.raises(PermanentError, match="MVM-840"):
        compute.wait(ZONAL, Said(), never)
