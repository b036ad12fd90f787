"""The judge of requests to Google lets right ones through and catches a wrong one in every family."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.google.discovery import judge, judge_answer, judge_log, method_id, warnings

ZONE = "/compute/v1/projects/lab-project-1/zones/us-central1-a"
INSTANCES = f"{ZONE}/instances"
FIREWALLS = "/compute/v1/projects/lab-project-1/global/firewalls"
REQUEST_ID = {"requestId": "0d3f3f5e-63a4-4c1f-8a2e-2f7a53a3b0d1"}
INSTANCE: dict[str, Any] = {
    "name": "vm-1",
    "machineType": "zones/us-central1-a/machineTypes/n1-standard-2",
    "canIpForward": False,
    "disks": [
        {
            "boot": True,
            "autoDelete": True,
            "mode": "READ_WRITE",
            "type": "PERSISTENT",
            "initializeParams": {"sourceImage": "projects/d/global/images/family/debian-12", "diskSizeGb": "20"},
        }
    ],
    "metadata": {"items": [{"key": "ssh-keys", "value": "me:ssh-ed25519 AAAA google-ssh {}"}]},
    "networkInterfaces": [
        {
            "network": "global/networks/default",
            "accessConfigs": [{"name": "external-nat", "type": "ONE_TO_ONE_NAT"}],
        }
    ],
    "labels": {"managed-by": "meshvm-tui"},
    "serviceAccounts": [{"email": "default", "scopes": ["https://www.googleapis.com/auth/logging.write"]}],
    "scheduling": {"automaticRestart": True},
    "tags": {"items": ["mesh-vm"]},
}
FIREWALL: dict[str, Any] = {
    "name": "cluster-pods-to-vm",
    "network": "global/networks/default",
    "direction": "INGRESS",
    "priority": 1000,
    "sourceRanges": ["10.8.0.0/14"],
    "targetTags": ["mesh-vm"],
    "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}],
    "description": "managed-by=meshvm-tui",
}
METADATA: dict[str, Any] = {"fingerprint": "abc123==", "items": [{"key": "ssh-keys", "value": "me:ssh-ed25519 AAAA"}]}
PERMISSIONS = {"permissions": ["compute.instances.create"]}
SSH_KEY = {"key": "ssh-ed25519 AAAA", "expirationTimeUsec": "1795000000000000"}
TOKEN = {"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "3600s"}
CLUSTERS = "/v1/projects/lab-project-1/locations/-/clusters"
CLUSTER = "/v1/projects/lab-project-1/locations/us-central1-a/clusters/lab"
IMPORT = "/v1/users/me@example.com:importSshPublicKey"
TEST_PERMISSIONS = "/v3/projects/lab-project-1:testIamPermissions"
BATCH = "/v1/projects/lab-project-1/services:batchGet"
GENERATE = "/v1/projects/-/serviceAccounts/me@lab.iam.gserviceaccount.com:generateAccessToken"

RIGHT: dict[str, tuple[str, str, str, dict[str, Any], Any]] = {
    "compute.instances.insert": ("compute", "POST", INSTANCES, REQUEST_ID, INSTANCE),
    "compute.instances.get": ("compute", "GET", f"{INSTANCES}/vm-1", {}, None),
    "compute.instances.start": ("compute", "POST", f"{INSTANCES}/vm-1/start", REQUEST_ID, None),
    "compute.instances.setMetadata": ("compute", "POST", f"{INSTANCES}/vm-1/setMetadata", REQUEST_ID, METADATA),
    "compute.instances.aggregatedList": (
        "compute",
        "GET",
        "/compute/v1/projects/lab-project-1/aggregated/instances",
        {"maxResults": "500", "filter": "name=vm-1", "includeAllScopes": "false"},
        None,
    ),
    "compute.instances.getGuestAttributes": (
        "compute",
        "GET",
        f"{INSTANCES}/vm-1/getGuestAttributes",
        {"queryPath": "hostkeys/"},
        None,
    ),
    "compute.zoneOperations.wait": ("compute", "POST", f"{ZONE}/operations/operation-1/wait", {}, None),
    "compute.firewalls.insert": ("compute", "POST", FIREWALLS, REQUEST_ID, FIREWALL),
    "compute.firewalls.patch": ("compute", "PATCH", f"{FIREWALLS}/cluster-pods-to-vm", REQUEST_ID, FIREWALL),
    "container.projects.locations.clusters.list": ("container", "GET", CLUSTERS, {"$alt": "json"}, None),
    "container.projects.locations.clusters.get": ("container", "GET", CLUSTER, {}, None),
    "oslogin.users.importSshPublicKey": ("oslogin", "POST", IMPORT, {"projectId": "lab-project-1"}, SSH_KEY),
    "cloudresourcemanager.projects.testIamPermissions": (
        "cloudresourcemanager",
        "POST",
        TEST_PERMISSIONS,
        {},
        PERMISSIONS,
    ),
    "serviceusage.services.batchGet": (
        "serviceusage",
        "GET",
        BATCH,
        {"names": ["projects/lab-project-1/services/compute.googleapis.com", "projects/p/services/b"]},
        None,
    ),
    "iamcredentials.projects.serviceAccounts.generateAccessToken": (
        "iamcredentials",
        "POST",
        GENERATE,
        {"alt": "json"},
        TOKEN,
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_request_passes_and_is_known_by_its_method(name: str) -> None:
    api, method, path, query, body = RIGHT[name]
    assert judge(api, method, path, query, body) == []
    assert method_id(api, method, path) == name


BAD_BODIES: list[tuple[str, str, Any, str]] = [
    ("compute.instances.insert", "nmae", "vm-1", "'nmae' was unexpected"),
    ("compute.instances.insert", "name", "VM_1", "does not match"),
    ("compute.instances.insert", "name", "vm-1\n", "does not match"),
    ("compute.instances.insert", "name", None, "name is missing"),
    ("compute.instances.insert", "canIpForward", "false", "not of type 'boolean'"),
    ("compute.instances.insert", "tags.items", "mesh-vm", "not of type 'array'"),
    ("compute.instances.insert", "labels.managed-by", 1, "not of type 'string'"),
    ("compute.instances.insert", "disks.0.initializeParams.diskSizeGb", 20, "not of type 'string'"),
    ("compute.instances.insert", "disks.0.initializeParams.diskSizeGb", "20GB", "does not match"),
    ("compute.instances.insert", "disks.0.mode", "READ", "not one of"),
    ("compute.instances.insert", "networkInterfaces.0.accessConfigs.0.type", "NAT", "not one of"),
    ("compute.instances.insert", "networkInterfaces.0.networkIp", "10.0.0.2", "'networkIp' was unexpected"),
    ("compute.instances.insert", "metadata.items.0.key", "ssh keys", "does not match"),
    ("compute.instances.insert", "metadata.items.0.value", None, "value is missing"),
    ("compute.instances.setMetadata", "items.0.value", 5, "not of type 'string'"),
    ("compute.instances.setMetadata", "fingerPrint", "abc", "'fingerPrint' was unexpected"),
    ("compute.instances.setMetadata", "fingerprint", "a b", "does not match"),
    ("compute.instances.setMetadata", "items", {"ssh-keys": "x"}, "not of type 'array'"),
    ("compute.firewalls.insert", "direction", "INWARD", "not one of"),
    ("compute.firewalls.insert", "allowed.0.ports.0", 80, "not of type 'string'"),
    ("compute.firewalls.insert", "allowed.0.ipProtocol", "tcp", "'ipProtocol' was unexpected"),
    ("compute.firewalls.insert", "priority", "1000", "not of type 'integer'"),
    ("compute.firewalls.insert", "name", "cluster_pods", "does not match"),
    ("compute.firewalls.insert", "name", None, "name is missing"),
    ("compute.firewalls.insert", "labels", {}, "'labels' was unexpected"),
    ("compute.firewalls.patch", "name", None, "name is missing"),
    ("compute.firewalls.patch", "allowed.0.ports.0", 80, "not of type 'string'"),
    ("compute.firewalls.patch", "sourceRanges", "10.8.0.0/14", "not of type 'array'"),
    ("oslogin.users.importSshPublicKey", "expirationTimeUsec", 1795000000000000, "not of type 'string'"),
    ("oslogin.users.importSshPublicKey", "sshKey", "x", "'sshKey' was unexpected"),
    ("cloudresourcemanager.projects.testIamPermissions", "permissions", "a", "not of type 'array'"),
    ("cloudresourcemanager.projects.testIamPermissions", "permissions.0", 1, "not of type 'string'"),
    ("cloudresourcemanager.projects.testIamPermissions", "resource", "p", "'resource' was unexpected"),
    ("iamcredentials.projects.serviceAccounts.generateAccessToken", "lifetime", 3600, "not of type 'string'"),
    ("iamcredentials.projects.serviceAccounts.generateAccessToken", "lifetime", "1h", "does not match"),
]


@pytest.mark.parametrize(("name", "place", "value", "words"), BAD_BODIES)
def test_a_wrong_body_is_caught_for_that_alone(name: str, place: str, value: Any, words: str) -> None:
    api, method, path, query, body = RIGHT[name]
    said = judge(api, method, path, query, with_value(body, place, value))
    assert len(said) == 1
    assert words in said[0]


BAD_REQUESTS: list[tuple[str, dict[str, Any], str]] = [
    ("compute.instances.insert", {"query": {"request_id": "x"}}, "request_id is unknown"),
    ("compute.instances.insert", {"query": {"requestId": ["a", "b"]}}, "given 2 times"),
    ("compute.instances.insert", {"path": f"{ZONE}/instance"}, "no such path"),
    ("compute.instances.insert", {"path": f"/{INSTANCES}"}, "no such path"),
    ("compute.instances.insert", {"path": INSTANCES.replace("us-central1-a", "US_Central")}, "zone 'US_Central'"),
    ("compute.instances.insert", {"path": INSTANCES.replace("lab-project-1", "Lab_Project")}, "project 'Lab_Project'"),
    ("compute.instances.insert", {"body": None}, "wants Instance"),
    ("compute.instances.get", {"body": {"a": 1}}, "takes none"),
    ("compute.instances.get", {"path": f"{INSTANCES}/VM%201"}, "instance 'VM 1'"),
    ("compute.instances.start", {"method": "GET"}, "the path takes POST"),
    ("compute.instances.setMetadata", {"method": "PUT"}, "the path takes POST"),
    ("compute.instances.setMetadata", {"query": {"requestID": "x"}}, "requestID is unknown"),
    ("compute.instances.aggregatedList", {"query": {"maxResults": "many"}}, "no integer"),
    ("compute.instances.aggregatedList", {"query": {"maxResults": "-1"}}, "out of range"),
    ("compute.instances.aggregatedList", {"query": {"includeAllScopes": "yes"}}, "no boolean"),
    ("compute.firewalls.insert", {"path": f"{ZONE}/firewalls"}, "no such path"),
    ("compute.firewalls.patch", {"path": f"{FIREWALLS}/Bad_Name"}, "firewall 'Bad_Name'"),
    ("compute.firewalls.patch", {"method": "POST"}, "the path takes"),
    ("container.projects.locations.clusters.list", {"query": {"pageSize": "5"}}, "pageSize is unknown"),
    ("container.projects.locations.clusters.list", {"query": {"alt": "yaml"}}, "none of json, media, proto"),
    ("container.projects.locations.clusters.list", {"path": "/v1/projects/p/clusters"}, "no such path"),
    ("container.projects.locations.clusters.list", {"path": f"/container{CLUSTERS}"}, "no such path"),
    ("container.projects.locations.clusters.get", {"method": "PATCH"}, "the path takes DELETE, GET, PUT"),
    ("container.projects.locations.clusters.get", {"body": {"name": "lab"}}, "takes none"),
    ("oslogin.users.importSshPublicKey", {"path": "/v1/users/me:importSshKey"}, "no such path"),
    ("oslogin.users.importSshPublicKey", {"query": {"project": "p"}}, "project is unknown"),
    ("cloudresourcemanager.projects.testIamPermissions", {"method": "GET"}, "the path takes POST"),
    ("cloudresourcemanager.projects.testIamPermissions", {"path": "/v1/projects/p:testIamPermissions"}, "no such"),
    ("serviceusage.services.batchGet", {"query": {"name": ["a"]}}, "name is unknown"),
    ("serviceusage.services.batchGet", {"path": "/v1/lab-project-1/services:batchGet"}, "no such path"),
    ("serviceusage.services.batchGet", {"body": {"names": []}}, "takes none"),
    ("serviceusage.services.batchGet", {"method": "POST"}, "the path takes GET"),
]


@pytest.mark.parametrize(("name", "changes", "words"), BAD_REQUESTS)
def test_a_wrong_request_is_caught(name: str, changes: dict[str, Any], words: str) -> None:
    request = dict(zip(("api", "method", "path", "query", "body"), RIGHT[name], strict=True)) | changes
    said = judge(**request)
    assert len(said) == 1
    assert words in said[0]


def test_an_api_without_a_document_is_said() -> None:
    assert judge("oauth2", "POST", "/token") == ["oauth2: no API that is known here"]


def test_what_google_would_ignore_is_a_warning_only() -> None:
    sent_back = INSTANCE | {"id": "123", "status": "RUNNING"} | {"metadata": {"kind": "compute#metadata"}}
    assert judge("compute", "POST", INSTANCES, {}, sent_back) == []
    said = warnings("compute", "POST", INSTANCES, sent_back)
    assert sorted(said) == ["id is output only", "metadata.kind is output only", "status is output only"]
    assert warnings("compute", "POST", INSTANCES, INSTANCE) == []


def test_answers_are_judged_too_and_may_be_newer_than_the_document() -> None:
    path = f"{INSTANCES}/vm-1"
    assert judge_answer("compute", "GET", path, {"id": "1", "status": "NEW_STATUS", "newField": 1}) == []
    assert judge_answer("compute", "GET", path, {"id": 1}) == ["body: id: 1 is not of type 'string'"]


def test_a_log_is_judged_line_by_line() -> None:
    wrong = with_value(FIREWALL, "allowed.0.ports.0", 80)
    asked = [
        {"api": "oauth2", "method": "POST", "path": "/token", "body": {"assertion": "x"}},
        {"api": "compute", "method": "POST", "path": FIREWALLS, "query": REQUEST_ID, "body": FIREWALL, "status": 200},
        {"api": "compute", "method": "POST", "path": FIREWALLS, "query": {"requestId": ["x"]}, "body": wrong},
        {"api": "container", "method": "GET", "path": CLUSTERS, "query": {}, "body": None},
        {"api": "iap", "method": "GET", "path": "/v4/connect"},
    ]
    (said,) = judge_log(json.dumps(one) for one in asked)
    assert said == f"POST {FIREWALLS}: body: allowed[0].ports[0]: 80 is not of type 'string'"


def with_value(body: Any, place: str, value: Any) -> Any:
    """A copy with one value changed, or taken out where it is None."""
    changed = copy.deepcopy(body)
    *parents, last = (int(part) if part.isdigit() else part for part in place.split("."))
    inner = changed
    for part in parents:
        inner = inner[part]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return changed
