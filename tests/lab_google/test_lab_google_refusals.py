"""What the lab's Google refuses, in Google's own shapes."""

from __future__ import annotations

import time

import pytest
import requests

from meshvm_tui.lab.google.catalogue import PROJECT
from tests.lab_google.google_lab import INSTANCES, ZONE, GoogleLab, instance_body


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
