"""Bodies and paths that the lab's Google does not take; nothing is made here, so that one lab is enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab_google.google_lab import COMPUTE, INSTANCES, ZONE, GoogleLab, google_lab, instance_body

JSON = dict[str, Any]
FIREWALLS = f"{COMPUTE}/global/firewalls"
RULE: JSON = {"name": "r", "network": "global/networks/default", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]}


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleLab]:
    """A lab in which nothing is made."""
    with pytest.MonkeyPatch.context() as patch, google_lab(tmp_path_factory.mktemp("lab"), patch) as running:
        yield running


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
        (_body("tags", ["mesh-vm"]), 400, "Invalid value at 'resource.tags' (Object)"),
        (_body("disks", {}), 400, "Invalid value at 'resource.disks' (Array)"),
        (_body("nmae", "x"), 400, 'Unknown name "nmae"'),
        (_body("serviceAccounts", [{"email": "who@x.iam.gserviceaccount.com", "scopes": []}]), 404, "was not found"),
    ],
)
def test_an_instance_that_cannot_be(unchanged: GoogleLab, body: JSON, status: int, words: str) -> None:
    got, answer = unchanged.ask("POST", INSTANCES, body)
    assert got == status
    assert words in answer["error"]["message"]
    assert answer["error"]["code"] == status
    assert answer["error"]["errors"][0]["message"] == answer["error"]["message"]
    assert unchanged.ask("GET", INSTANCES)[1].get("items") is None


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
        ({"sourceRanges": "10.0.0.0/8"}, "Invalid value at 'resource.sourceRanges' (Array)"),
        ({"labels": {"a": "b"}}, 'Unknown name "labels"'),
    ],
)
def test_a_firewall_rule_that_cannot_be(unchanged: GoogleLab, change: JSON, words: str) -> None:
    status, answer = unchanged.ask("POST", FIREWALLS, RULE | change)
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
def test_what_is_not_there(unchanged: GoogleLab, path: str, status: int, reason: str) -> None:
    got, answer = unchanged.ask("GET", path)
    assert (got, answer["error"]["errors"][0]["reason"]) == (status, reason)
