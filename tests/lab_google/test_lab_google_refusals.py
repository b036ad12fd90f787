"""What the lab's Google refuses, in Google's own shapes."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from meshvm_tui.lab.google.catalogue import PROJECT
from tests.lab_google.google_lab import COMPUTE, ZONE, GoogleLab, instance_body

JSON = dict[str, Any]
INSTANCES = f"{COMPUTE}/zones/{ZONE}/instances"
FIREWALLS = f"{COMPUTE}/global/firewalls"
RULE: JSON = {"name": "r", "network": "global/networks/default", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]}


def _body(path: str, value: Any) -> JSON:
    """An instance's body with one field of it changed; `path` is such as disks.0.boot."""
    made = instance_body()
    *before, last = path.split(".")
    place: Any = made
    for part in before:
        place = place[int(part)] if part.isdigit() else place[part]
    place[last] = value
    return made


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (_body("name", "My_VM"), 400, "resource.name': 'My_VM'. Must be a match of regex"),
        (_body("machineType", "n1-standard-2"), 400, "URL is malformed"),
        (_body("machineType", f"zones/{ZONE}/machineTypes/n9-mega"), 400, "n9-mega' does not exist in zone"),
        (_body("machineType", "zones/us-central1-b/machineTypes/e2-small"), 400, "must be in the zone"),
        (_body("machineType", f"zones/{ZONE}/machineTypes/t2a-standard-1"), 400, "architecture"),
        (_body("disks", []), 400, "No disks are specified"),
        (_body("disks.0.boot", False), 400, "Boot disk must be the first"),
        (_body("disks.0.initializeParams.diskSizeGb", "5"), 400, "smaller than the image size"),
        (_body("disks.0.initializeParams.sourceImage", "projects/x/global/images/y"), 400, "cannot be found"),
        (_body("networkInterfaces", []), 400, "At least one network interface"),
        (_body("networkInterfaces.0.network", "global/networks/nowhere"), 400, "network resource cannot be found"),
        (_body("networkInterfaces.0.network", "global/networks/isolated"), 400, "custom subnet mode"),
        (_body("tags", {"items": ["Mesh VM"]}), 400, "resource.tags.items[0]"),
        (_body("labels", {"Managed": "x"}), 400, "resource.labels"),
        (_body("metadata", {"items": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}), 400, "duplicate key"),
        (_body("metadata", {"items": [{"key": "a", "value": "x" * 262145}]}), 413, "too large"),
        (_body("nmae", "x"), 400, 'Unknown name "nmae"'),
        (_body("serviceAccounts", [{"email": "who@x.iam.gserviceaccount.com", "scopes": []}]), 404, "was not found"),
    ],
)
def test_an_instance_that_cannot_be(lab: GoogleLab, body: JSON, status: int, words: str) -> None:
    got, answer = lab.ask("POST", INSTANCES, body)
    assert got == status
    assert words in answer["error"]["message"]
    assert answer["error"]["code"] == status
    assert answer["error"]["errors"][0]["message"] == answer["error"]["message"]
    assert lab.ask("GET", INSTANCES)[1].get("items") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"direction": "INWARD"}, "resource.direction"),
        ({"priority": 70000}, "resource.priority"),
        ({"allowed": []}, "resource.allowed"),
        ({"denied": [{"IPProtocol": "udp"}]}, "both allow and deny"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["99999"]}]}, "allowed[0].ports[0]"),
        ({"allowed": [{"IPProtocol": "icmp", "ports": ["80"]}]}, "not supported for protocol icmp"),
        ({"sourceRanges": ["10.0.0.0/99"]}, "sourceRanges[0]"),
        ({"targetTags": ["a"], "targetServiceAccounts": ["b@c"]}, "cannot be used in one rule"),
        ({"labels": {"a": "b"}}, 'Unknown name "labels"'),
    ],
)
def test_a_firewall_rule_that_cannot_be(lab: GoogleLab, change: JSON, words: str) -> None:
    status, answer = lab.ask("POST", FIREWALLS, RULE | change)
    assert status == 400
    assert words in answer["error"]["message"]


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        (f"{INSTANCES}/nobody", 404, "notFound"),
        (f"{COMPUTE}/zones/mars-1/instances", 404, "notFound"),
        ("/compute/v1/projects/nobodys/zones", 404, "notFound"),
        (f"{COMPUTE}/zones/{ZONE}/operations/operation-x", 404, "notFound"),
        (f"{INSTANCES}?filter=name=(", 400, "invalid"),
        (f"{INSTANCES}?pageToken=x", 400, "invalid"),
        (f"{INSTANCES}?maxResults=501", 400, "invalid"),
        (f"{COMPUTE}/nothing", 404, "notFound"),
    ],
)
def test_what_is_not_there(lab: GoogleLab, path: str, status: int, reason: str) -> None:
    got, answer = lab.ask("GET", path)
    assert (got, answer["error"]["errors"][0]["reason"]) == (status, reason)


def test_a_token_that_is_none(lab: GoogleLab) -> None:
    good = lab.token()
    for authorization in ("", "Bearer ya29.of-somebody-else", f"Bearer {good[:-2]}", f"Basic {good}"):
        answer = requests.get(f"{lab.url}{INSTANCES}", headers={"Authorization": authorization}, timeout=10)
        assert answer.status_code == 401
        assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    lab.clock.shift(3700)
    headers = {"Authorization": f"Bearer {good}"}
    assert requests.get(f"{lab.url}{INSTANCES}", headers=headers, timeout=10).status_code == 401
    assert lab.cloud.token_email(good) is None


def test_a_token_without_the_scope(lab: GoogleLab) -> None:
    token = lab.cloud.tokens.mint("me@example.com", ["https://www.googleapis.com/auth/userinfo.email"])
    answer = requests.get(f"{lab.url}{INSTANCES}", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_a_permission_that_is_missing(lab: GoogleLab) -> None:
    lab.faults.set("google-permission", "compute.instances.create")
    status, answer = lab.ask("POST", INSTANCES, instance_body())
    assert status == 403
    resource = f"projects/{PROJECT}/zones/{ZONE}/instances/my-mesh-vm"
    assert answer["error"]["message"] == f"Required 'compute.instances.create' permission for '{resource}'"
    assert answer["error"]["errors"][0]["reason"] == "forbidden"
    wanted = {"permissions": ["compute.instances.create", "compute.instances.get"]}
    _, tested = lab.ask("POST", f"/v3/projects/{PROJECT}:testIamPermissions", wanted)
    assert tested == {"permissions": ["compute.instances.get"]}


def test_permissions_that_only_some_instances_need(lab: GoogleLab) -> None:
    lab.faults.set("google-permission", "compute.subnetworks.useExternalIp")
    assert lab.ask("POST", INSTANCES, instance_body())[0] == 403
    inner = instance_body()
    del inner["networkInterfaces"][0]["accessConfigs"]
    status, operation = lab.ask("POST", INSTANCES, inner)
    assert status == 200
    lab.finish(operation)


def test_an_api_that_is_off_can_be_enabled(lab: GoogleLab) -> None:
    lab.faults.set("google-api-off", "compute.googleapis.com")
    status, answer = lab.ask("GET", INSTANCES)
    info = answer["error"]["details"][0]
    assert (status, info["reason"], info["metadata"]["service"]) == (403, "SERVICE_DISABLED", "compute.googleapis.com")
    assert answer["error"]["errors"][0]["reason"] == "accessNotConfigured"
    batch = f"/v1/projects/{PROJECT}/services:batchGet"
    name = f"projects/{PROJECT}/services/compute.googleapis.com"
    assert lab.ask("GET", batch, names=name)[1]["services"][0]["state"] == "DISABLED"
    assert lab.ask("POST", f"/v1/{name}:enable", {})[1]["done"] is True
    assert lab.ask("GET", batch, names=name)[1]["services"][0]["state"] == "ENABLED"
    assert lab.ask("GET", INSTANCES)[0] == 200


@pytest.mark.parametrize(("fault", "status"), [("google-429", 429), ("google-503", 503)])
def test_the_first_requests_are_too_many(lab: GoogleLab, fault: str, status: int) -> None:
    lab.faults.set(fault, "2")
    assert [lab.ask("GET", INSTANCES)[0] for _ in range(3)] == [status, status, 200]


def test_slowness(lab: GoogleLab) -> None:
    lab.faults.set("google-slow", "0.2")
    before = time.monotonic()
    assert lab.ask("GET", INSTANCES)[0] == 200
    assert time.monotonic() - before >= 0.2


@pytest.mark.parametrize(
    ("constraint", "external", "refused"),
    [
        ("compute.vmExternalIpAccess", True, True),
        ("compute.vmExternalIpAccess", False, False),
        ("compute.disableAll", False, True),
    ],
)
def test_a_policy_of_the_organization(lab: GoogleLab, constraint: str, external: bool, refused: bool) -> None:
    lab.faults.set("google-org-policy", constraint)
    body = instance_body()
    if not external:
        del body["networkInterfaces"][0]["accessConfigs"]
    status, answer = lab.ask("POST", INSTANCES, body)
    assert status == (412 if refused else 200)
    if refused:
        assert f"Constraint constraints/{constraint} violated" in answer["error"]["message"]
    else:
        lab.finish(answer)
