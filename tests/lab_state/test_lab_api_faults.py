"""The lab's API server under faults, moved time and lost history; its log, Pod logs and namespaces."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from meshvm_tui.lab.faults import Faults
from tests.conformance_api.driver import MERGE, Driver
from tests.conformance_api.servers import LabParts, lab_server

APPLY = "application/apply-patch+yaml"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    with lab_server(tmp_path_factory.mktemp("lab")) as server:
        made = Driver(server)
        yield made
        made.close()


@pytest.fixture
def lab(driver: Driver) -> Iterator[LabParts]:
    assert driver.server.lab is not None
    yield driver.server.lab
    driver.server.lab.faults.clear()


@pytest.fixture
def faults(lab: LabParts) -> Faults:
    return lab.faults


def test_429_says_when_to_come_back_and_stops(driver: Driver, faults: Faults) -> None:
    faults.set("api-429", "2")
    refused = driver.call("GET", CONFIG_MAPS)
    assert (refused.code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json["details"]["retryAfterSeconds"] == 1
    assert [driver.call("GET", CONFIG_MAPS).code for _ in range(2)] == [429, 200]


def test_401_and_500(driver: Driver, faults: Faults) -> None:
    faults.set("api-401")
    assert driver.refused(401, "GET", CONFIG_MAPS)["reason"] == "Unauthorized"
    faults.clear("api-401")
    faults.set("api-500", "1")
    assert driver.refused(500, "GET", CONFIG_MAPS)["reason"] == "InternalError"
    driver.ok("GET", CONFIG_MAPS)


def test_words_of_a_fault_are_what_the_server_says(driver: Driver, faults: Faults) -> None:
    faults.set("api-401", "the lease was taken back")
    assert driver.refused(401, "GET", CONFIG_MAPS)["message"] == "the lease was taken back"
    faults.clear("api-401")
    faults.set("api-500", "the disk is full")
    for _ in range(2):
        said = driver.refused(500, "GET", CONFIG_MAPS)["message"]
        assert said == "Internal error occurred: the disk is full"


@pytest.mark.parametrize(
    ("fault", "value", "words"),
    [
        (
            "quota-exceeded",
            "small",
            'configmaps "made" is forbidden: exceeded quota: small, requested: count/configmaps=1',
        ),
        ("admission-refused", "owner", 'admission webhook "validation.gatekeeper.sh" denied the request: [owner]'),
    ],
)
def test_creating_is_refused_and_changing_is_not(
    driver: Driver, faults: Faults, fault: str, value: str, words: str
) -> None:
    there = f"{CONFIG_MAPS}/there-{fault}"
    driver.ok("POST", CONFIG_MAPS, {"metadata": {"name": f"there-{fault}"}, "data": {}})
    faults.set(fault, value)
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
    query = "?fieldManager=test"
    said = driver.refused(403, "PATCH", f"{CONFIG_MAPS}/made{query}", applied, media=APPLY)
    assert words in said["message"]
    driver.ok("PATCH", there, {"data": {"a": "b"}}, media=MERGE)


def test_403_is_for_one_verb_on_one_resource(driver: Driver, faults: Faults) -> None:
    faults.set("api-403", "list:configmaps")
    refused = driver.refused(403, "GET", CONFIG_MAPS)
    assert refused["message"] == (
        'configmaps is forbidden: User "lab-admin" cannot list resource "configmaps" in API group "" '
        'in the namespace "default"'
    )
    driver.ok("GET", "/api/v1/namespaces/default/secrets")
    driver.refused(404, "GET", f"{CONFIG_MAPS}/none")


def test_slow_answers(driver: Driver, faults: Faults) -> None:
    faults.set("api-slow", "0.3")
    began = time.monotonic()
    driver.ok("GET", CONFIG_MAPS)
    assert time.monotonic() - began >= 0.3


def test_a_watch_of_the_forgotten_past_is_410(driver: Driver, lab: LabParts) -> None:
    listed = driver.ok("GET", f"{CONFIG_MAPS}")["metadata"]["resourceVersion"]
    driver.ok("POST", CONFIG_MAPS, {"metadata": {"name": "later"}})
    lab.call(lab.api.forget_history)
    with driver.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={listed}") as events:
        event = next(events)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"] == f"too old resource version: {listed} ({lab.objects.revision})"


def test_watch_410_and_its_end(driver: Driver, faults: Faults) -> None:
    since = driver.ok("GET", CONFIG_MAPS)["metadata"]["resourceVersion"]
    faults.set("watch-410")
    with driver.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={since}") as events:
        assert [event["object"]["reason"] for event in events] == ["Expired"]


def test_a_cut_watch_ends_in_the_middle(driver: Driver, faults: Faults) -> None:
    faults.set("watch-cut")
    with (
        driver.watch(f"{CONFIG_MAPS}?watch=1&timeoutSeconds=30") as events,
        pytest.raises(urllib3.exceptions.ProtocolError),
    ):
        for _ in events:
            pass


def test_an_old_continue_token_is_410(driver: Driver, lab: LabParts) -> None:
    for name in ("one", "two", "three"):
        driver.call("POST", CONFIG_MAPS, {"metadata": {"name": name}})
    token = driver.ok("GET", f"{CONFIG_MAPS}?limit=1")["metadata"]["continue"]
    lab.call(lab.api.forget_history)
    refused = driver.refused(410, "GET", f"{CONFIG_MAPS}?limit=1&continue={token}")
    assert refused["reason"] == "Expired"
    assert refused["message"].startswith("The provided continue parameter is too old")


def test_a_token_expires_with_the_labs_time(driver: Driver, lab: LabParts) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts"
    driver.ok("POST", path, {"metadata": {"name": "short"}})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    jwt = driver.ok("POST", f"{path}/short/token", request)["status"]["token"]
    account = Driver(driver.server, jwt)
    assert account.call("GET", "/apis").code == 200
    lab.clock.shift(601)
    try:
        assert account.call("GET", "/apis").code == 401
    finally:
        lab.clock.shift(-601)
        account.close()


def test_a_pods_log_its_end_and_its_refusals(driver: Driver, lab: LabParts) -> None:
    path = "/api/v1/namespaces/default/pods"
    containers = [{"name": "curl", "image": "curl:1"}, {"name": "istio-proxy", "image": "proxy:1"}]
    spec = {"containers": containers, "nodeName": "node"}
    driver.ok("POST", path, {"metadata": {"name": "logs"}, "spec": spec})
    lab.logs["default", "logs", "curl"] = "first\nsecond\nthird\n"
    assert driver.call("GET", f"{path}/logs/log?container=curl").text == "first\nsecond\nthird\n"
    assert driver.call("GET", f"{path}/logs/log?container=curl&tailLines=1").text == "third\n"
    refused = driver.refused(400, "GET", f"{path}/logs/log")
    assert refused["message"] == ("a container name must be specified for pod logs, choose one of: [curl istio-proxy]")
    assert driver.refused(400, "GET", f"{path}/logs/log?container=x")["message"] == (
        "container x is not valid for pod logs"
    )
    assert driver.refused(403, "POST", f"{path}/logs/exec?command=sh")["reason"] == "Forbidden"


def test_a_running_pod_is_seen_terminating_before_it_goes(driver: Driver) -> None:
    path = "/api/v1/namespaces/default/pods"
    spec = {"containers": [{"name": "c", "image": "i:1"}], "nodeName": "node"}
    since = driver.ok("POST", path, {"metadata": {"name": "short"}, "spec": spec})["metadata"]["resourceVersion"]
    with driver.watch(f"{path}?watch=1&resourceVersion={since}&fieldSelector=metadata.name%3Dshort") as events:
        answer = driver.ok("DELETE", f"{path}/short")
        assert answer["metadata"]["deletionGracePeriodSeconds"] == 30
        terminating, gone = next(events), next(events)
    assert (terminating["type"], gone["type"]) == ("MODIFIED", "DELETED")
    assert terminating["object"]["metadata"]["deletionTimestamp"]


def test_a_namespace_goes_with_all_that_is_in_it(driver: Driver) -> None:
    driver.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "short"}})
    path = "/api/v1/namespaces/short/configmaps"
    driver.ok("POST", path, {"metadata": {"name": "free"}})
    driver.ok("POST", path, {"metadata": {"name": "held", "finalizers": ["lab.test/hold"]}})
    namespaces = "/api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Dshort"
    since = driver.ok("GET", "/api/v1/namespaces/short")["metadata"]["resourceVersion"]
    with driver.watch(f"{namespaces}&resourceVersion={since}") as events:
        driver.ok("DELETE", "/api/v1/namespaces/short")
        assert next(events)["object"]["status"]["phase"] == "Terminating"
        driver.ok("PATCH", f"{path}/held", {"metadata": {"finalizers": None}}, media=MERGE)
        assert any(event["type"] == "DELETED" for event in events)
    driver.refused(404, "GET", "/api/v1/namespaces/short")
    assert driver.ok("GET", "/api/v1/configmaps?fieldSelector=metadata.namespace%3Dshort")["items"] == []


def test_every_request_is_logged_without_bodies_and_secrets(driver: Driver, lab: LabParts) -> None:
    driver.call("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}, "stringData": {"a": "hush"}})
    driver.call("GET", f"{CONFIG_MAPS}?limit=7", agent="meshvm-tui/1.0")
    entry: dict[str, Any] = lab.requests()[-1]
    assert {key: entry[key] for key in ("method", "path", "query", "userAgent", "user", "status")} == {
        "method": "GET",
        "path": CONFIG_MAPS,
        "query": {"limit": "7"},
        "userAgent": "meshvm-tui/1.0",
        "user": "lab-admin",
        "status": 200,
    }
    text = (lab.directory / "requests.jsonl").read_text()
    assert "hush" not in text
    assert driver.token not in text


def test_the_admins_token_outlives_the_process(driver: Driver, lab: LabParts) -> None:
    file: Path = lab.directory / "admin-token"
    assert file.read_text() == driver.token
    assert file.stat().st_mode & 0o777 == 0o600
