"""Every mutating method of the adapter: the request as Google's documents want it, sent again only with the same id."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from meshvm_tui.adapters import google_compute_calls
from meshvm_tui.adapters.google_compute import GoogleCompute
from meshvm_tui.compute_ports import JSON, Operation
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from tests.google.google_server import Answer, GoogleServer, error
from tests.google.test_compute_adapter_reads import RICH

World = tuple[GoogleServer, GoogleCompute]
P, Z = "lab-project-1", "us-central1-a"
ROOT = f"https://www.googleapis.com/compute/v1/projects/{P}"
ID = str(uuid.uuid4())

AS_GCLOUD: JSON = {
    "canIpForward": False,
    "deletionProtection": False,
    "disks": [
        {
            "autoDelete": True,
            "boot": True,
            "initializeParams": {
                "sourceImage": "projects/debian-cloud/global/images/family/debian-12",
                "diskSizeGb": "10",
            },
            "mode": "READ_WRITE",
            "type": "PERSISTENT",
        }
    ],
    "labels": {"managed-by": "meshvm-tui"},
    "machineType": f"projects/{P}/zones/{Z}/machineTypes/n1-standard-2",
    "metadata": {"items": [{"key": "ssh-keys", "value": 'me:ssh-ed25519 AAAA google-ssh {"userName":"me"}'}]},
    "name": "my-mesh-vm",
    "networkInterfaces": [
        {
            "accessConfigs": [{"name": "external-nat", "type": "ONE_TO_ONE_NAT"}],
            "network": f"projects/{P}/global/networks/default",
        }
    ],
    "scheduling": {"automaticRestart": True},
    "serviceAccounts": [{"email": "default", "scopes": ["https://www.googleapis.com/auth/pubsub"]}],
    "tags": {"items": ["mesh-vm"]},
}
RULE: JSON = {
    "allowed": [{"IPProtocol": "tcp", "ports": ["80", "8080-8090"]}],
    "description": "managed-by=meshvm-tui",
    "direction": "INGRESS",
    "name": "cluster-pods-to-vm",
    "network": f"projects/{P}/global/networks/default",
    "priority": 0,
    "sourceRanges": ["10.8.0.0/14"],
    "targetTags": ["mesh-vm"],
}
METADATA: JSON = {"fingerprint": "ZmluZ2Vy", "items": RICH["metadata"]["items"]}


def begun(kind: str, *, zone: str = Z) -> JSON:
    """The answer to a mutation: an operation that has begun."""
    place = {"zone": f"{ROOT}/zones/{zone}"} if zone else {}
    return {"kind": "compute#operation", "name": f"operation-{kind}", "status": "RUNNING", "progress": 0} | place


Call = Callable[[GoogleCompute], Operation]
CALLS: dict[str, tuple[Call, str, JSON | None]] = {
    "compute.instances.insert": (
        lambda compute: compute.insert_instance(P, Z, AS_GCLOUD, ID),
        f"POST /compute/v1/projects/{P}/zones/{Z}/instances",
        AS_GCLOUD,
    ),
    "compute.instances.start": (
        lambda compute: compute.start_instance(P, Z, "vm-1", ID),
        f"POST /compute/v1/projects/{P}/zones/{Z}/instances/vm-1/start",
        None,
    ),
    "compute.instances.setMetadata": (
        lambda compute: compute.set_metadata(P, Z, "vm-1", METADATA, ID),
        f"POST /compute/v1/projects/{P}/zones/{Z}/instances/vm-1/setMetadata",
        METADATA,
    ),
    "compute.firewalls.insert": (
        lambda compute: compute.insert_firewall(P, RULE, ID),
        f"POST /compute/v1/projects/{P}/global/firewalls",
        RULE,
    ),
    "compute.firewalls.patch": (
        lambda compute: compute.patch_firewall(P, "cluster-pods-to-vm", RULE, ID),
        f"PATCH /compute/v1/projects/{P}/global/firewalls/cluster-pods-to-vm",
        RULE,
    ),
}


def answer_to(name: str) -> JSON:
    """The operation that a mutation begins."""
    return begun(name, zone=Z if ".instances." in name else "")


@pytest.mark.parametrize("name", CALLS)
def test_a_mutation_is_sent_as_it_was_given_with_its_request_id(world: World, name: str) -> None:
    server, compute = world
    call, request, body = CALLS[name]
    server.answers[name] = answer_to(name)
    assert call(compute) == Operation(P, f"operation-{name}", Z if ".instances." in name else "")
    (asked,) = server.asked
    assert f"{asked.method} {asked.path}" == request
    assert asked.query == {"requestId": [ID]}
    assert asked.body == body


@pytest.mark.parametrize("name", CALLS)
def test_a_lost_answer_is_asked_for_again_with_the_same_request_id_and_body(world: World, name: str) -> None:
    server, compute = world
    server.once[name].append(Answer(cut=True))
    server.answers[name] = answer_to(name)
    assert CALLS[name][0](compute).name == f"operation-{name}"
    first, second = server.asked
    assert (first.query, first.body) == (second.query, second.body)
    assert first.query == {"requestId": [ID]}


@pytest.mark.parametrize("status", [429, 503, 504])
def test_it_is_sent_again_while_google_is_unavailable(world: World, status: int) -> None:
    server, compute = world
    name = "compute.instances.insert"
    server.once[name] += [error(status, "try again", "backendError"), Answer(status=status, raw=b"<html>busy</html>")]
    server.answers[name] = answer_to(name)
    CALLS[name][0](compute)
    assert [asked.query["requestId"] for asked in server.asked] == [[ID]] * 3


def test_patience_ends_and_says_what_google_said_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server, compute = world
    monkeypatch.setattr(google_compute_calls, "MUTATION_PATIENCE_SECONDS", 0.5)
    server.answers["compute.instances.start"] = error(503, "The service is currently unavailable.", "backendError")
    with pytest.raises(TransientError) as caught:
        compute.start_instance(P, Z, "vm-1", ID)
    assert (caught.value.code, caught.value.cause) == ("MVM-817", "The service is currently unavailable.")
    assert len(server.asked) >= 2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 500, 502])
def test_nothing_else_is_sent_again(world: World, status: int) -> None:
    server, compute = world
    server.answers["compute.instances.insert"] = error(status, "no", "why")
    with pytest.raises(Problem):
        compute.insert_instance(P, Z, AS_GCLOUD, ID)
    assert len(server.asked) == 1


def test_a_field_that_compute_engine_does_not_know_is_refused_before_it_is_sent(world: World) -> None:
    server, compute = world
    with pytest.raises(PermanentError, match='no field named "nmae"') as caught:
        compute.insert_instance(P, Z, {"nmae": "vm-1"}, ID)
    assert caught.value.code == "MVM-818"
    with pytest.raises(PermanentError, match="ports"):
        compute.insert_firewall(P, {"name": "a", "allowed": [{"IPProtocol": "tcp", "ports": [80]}]}, ID)
    assert server.asked == []


def test_a_name_that_is_taken_and_a_fingerprint_that_has_moved(world: World) -> None:
    server, compute = world
    server.answers["compute.instances.insert"] = error(409, "The resource 'vm-1' already exists", "alreadyExists")
    server.answers["compute.instances.setMetadata"] = error(
        412, "Supplied fingerprint does not match current metadata fingerprint.", "conditionNotMet"
    )
    with pytest.raises(ActionNeeded, match="MVM-814"):
        compute.insert_instance(P, Z, AS_GCLOUD, ID)
    with pytest.raises(TransientError, match="MVM-815"):
        compute.set_metadata(P, Z, "vm-1", METADATA, ID)


def test_an_empty_list_clears_a_field_of_a_rule(world: World) -> None:
    server, compute = world
    server.answers["compute.firewalls.patch"] = begun("patch", zone="")
    body = {"name": "pods", "targetTags": [], "targetServiceAccounts": ["vm@lab-project-1.iam.gserviceaccount.com"]}
    assert compute.patch_firewall(P, "pods", body, ID) == Operation(P, "operation-patch")
    (asked,) = server.asked
    assert (asked.body, asked.query) == (body, {"requestId": [ID]})
    assert asked.path == f"/compute/v1/projects/{P}/global/firewalls/pods"


def test_an_answer_without_an_operation_is_named(world: World) -> None:
    server, compute = world
    server.answers["compute.instances.start"] = {}
    with pytest.raises(PermanentError, match="MVM-840"):
        compute.start_instance(P, Z, "vm-1", ID)


WRONG: dict[str, Call] = {
    "'My_VM' does not match": lambda compute: compute.insert_instance(P, Z, AS_GCLOUD | {"name": "My_VM"}, ID),
    "'INWARD' is not one of": lambda compute: compute.insert_firewall(P, RULE | {"direction": "INWARD"}, ID),
    "name is missing": lambda compute: compute.patch_firewall(P, "a", {"priority": 5}, ID),
    "'ssh keys' does not match": lambda compute: compute.set_metadata(
        P, Z, "vm-1", {"items": [{"key": "ssh keys", "value": "x"}]}, ID
    ),
    "zone 'Us Central' does not match": lambda compute: compute.start_instance(P, "Us Central", "vm-1", ID),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_request_does_not_pass_the_judge_between_adapter_and_server(world: World, words: str) -> None:
    server, compute = world
    for name in CALLS:
        server.answers[name] = answer_to(name)
    WRONG[words](compute)
    (said,) = server.violations
    assert words in said
    server.violations.clear()
