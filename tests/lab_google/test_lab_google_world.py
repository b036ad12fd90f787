"""The lab's Google world: operations, keys, firewall, and what lasts over a restart."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from meshvm_tui.lab.google.catalogue import PROJECT
from meshvm_tui.lab.google.lists import test as filtered
from tests.lab_google.google_lab import (
    COMPUTE,
    INSTANCES,
    POD_RANGE,
    ZONE,
    GoogleLab,
    instance_body,
    make,
    metadata,
    until,
)

JSON = dict[str, Any]
FIREWALLS = f"{COMPUTE}/global/firewalls"
OFFERED = (
    f"zones/{ZONE}/machineTypes",
    f"zones/{ZONE}/diskTypes",
    f"zones/{ZONE}/disks",
    f"zones/{ZONE}/operations",
    f"zones/{ZONE}/instances",
    "regions/us-central1/subnetworks",
    "global/networks",
    "global/firewalls",
)
AGGREGATED = ("aggregated/instances", "aggregated/machineTypes", "aggregated/subnetworks", "aggregated/disks")
ONE = f"{INSTANCES}/my-mesh-vm"


def test_an_instance_stops_starts_and_goes(lab: GoogleLab) -> None:
    make(lab)
    until(lambda: "my-mesh-vm" in lab.host.running)
    lab.finish(lab.ask("POST", f"{ONE}/stop")[1])
    stopped = lab.ask("GET", ONE)[1]
    assert stopped["status"] == "TERMINATED"
    assert "natIP" not in stopped["networkInterfaces"][0]["accessConfigs"][0]
    lab.finish(lab.ask("POST", f"{ONE}/start")[1])
    assert lab.ask("GET", ONE)[1]["networkInterfaces"][0]["accessConfigs"][0]["natIP"].startswith("127.")
    until(lambda: len(lab.host.done) == 3)
    assert lab.finish(lab.ask("DELETE", ONE)[1])["operationType"] == "delete"
    assert lab.ask("GET", ONE)[0] == 404
    assert [what for what, _ in lab.host.done] == ["boot", "halt", "boot", "delete"]


def test_a_vm_that_does_not_boot_is_seen(lab: GoogleLab) -> None:
    lab.host.broken = "no room for it"
    make(lab)
    until(lambda: lab.ask("GET", ONE)[1]["status"] == "TERMINATED")
    assert "no room for it" in lab.ask("GET", ONE)[1]["statusMessage"]


def test_the_lab_ends_after_a_boot_that_is_under_way(tmp_path: Path) -> None:
    lab = GoogleLab(tmp_path)
    lab.start()
    lab.host.quick.clear()
    make(lab)
    ending = threading.Thread(target=lab.stop)
    ending.start()
    ending.join(0.3)
    assert ending.is_alive()
    lab.host.quick.set()
    ending.join(10)
    assert not ending.is_alive()
    assert lab.host.done == [("boot", "my-mesh-vm")]


def test_a_lab_without_addresses_says_so(lab: GoogleLab) -> None:
    lab.host.full = True
    done = lab.finish(lab.ask("POST", INSTANCES, instance_body())[1])
    assert "no address is left" in done["error"]["errors"][0]["message"]
    assert lab.ask("GET", ONE)[0] == 404


def test_every_list_answers_as_documented(lab: GoogleLab) -> None:
    make(lab)
    for name in ("zones", "regions", *OFFERED):
        status, answer = lab.ask("GET", f"{COMPUTE}/{name}")
        first = answer["items"][0]["name"]
        one = lab.ask("GET", f"{COMPUTE}/{name}/{first}")
        assert (name, status, one[0], one[1]["name"]) == (name, 200, 200, first)
    for name in AGGREGATED:
        status, answer = lab.ask("GET", f"{COMPUTE}/{name}")
        assert (name, status) == (name, 200)
        assert len(answer["items"]) == (2 if name.endswith("subnetworks") else 5)


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("google-capacity", "", "ZONE_RESOURCE_POOL_EXHAUSTED"),
        ("google-capacity", ZONE, "ZONE_RESOURCE_POOL_EXHAUSTED"),
        ("google-quota", "IN_USE_ADDRESSES", "QUOTA_EXCEEDED"),
        ("google-operation-fails", "It went wrong.", "INTERNAL_ERROR"),
    ],
)
def test_an_operation_that_fails_leaves_no_instance(lab: GoogleLab, fault: str, value: str, code: str) -> None:
    lab.faults.set(fault, value)
    done = lab.finish(lab.ask("POST", INSTANCES, instance_body())[1])
    assert done["error"]["errors"][0]["code"] == code
    assert done["httpErrorStatusCode"] >= 400
    assert lab.ask("GET", ONE)[0] == 404
    assert lab.host.done == []


def test_another_zone_has_capacity(lab: GoogleLab) -> None:
    lab.faults.set("google-capacity", "us-central1-b")
    assert make(lab)["status"] == "RUNNING"


def test_quotas_are_counted(lab: GoogleLab) -> None:
    make(lab)
    quotas = lab.ask("GET", f"{COMPUTE}/regions/us-central1")[1]["quotas"]
    used = {quota["metric"]: quota["usage"] for quota in quotas}
    assert (used["CPUS"], used["IN_USE_ADDRESSES"], used["INSTANCES"]) == (2.0, 1.0, 1.0)


def test_an_answer_that_is_cut_off_was_carried_out_once(lab: GoogleLab) -> None:
    lab.faults.set("google-cut-after", "insert")
    request = str(uuid.uuid4())
    with pytest.raises(requests.ConnectionError):
        lab.ask("POST", INSTANCES, instance_body(), requestId=request)
    status, operation = lab.ask("POST", INSTANCES, instance_body(), requestId=request)
    assert status == 200
    assert "error" not in lab.finish(operation)
    assert lab.ask("POST", INSTANCES, instance_body())[0] == 409
    inserts = [line["status"] for line in lab.log() if line["method"] == "POST" and line["path"] == INSTANCES]
    assert inserts == [0, 200, 409]


def test_somebody_else_changes_metadata(lab: GoogleLab) -> None:
    read = make(lab)["metadata"]
    lab.faults.set("google-fingerprint", "1")
    wanted = metadata(a="b") | {"fingerprint": read["fingerprint"]}
    assert lab.ask("POST", f"{ONE}/setMetadata", wanted)[0] == 412
    assert lab.ask("POST", f"{ONE}/setMetadata", wanted)[0] == 412  # the old one does not come back
    wanted["fingerprint"] = lab.ask("GET", ONE)[1]["metadata"]["fingerprint"]
    status, operation = lab.ask("POST", f"{ONE}/setMetadata", wanted)
    assert status == 200
    assert lab.ask("POST", f"{ONE}/setMetadata", wanted)[0] == 412  # under way
    lab.finish(operation)
    assert lab.ask("GET", ONE)[1]["metadata"]["items"] == wanted["items"]


def test_a_zone_that_is_silent(lab: GoogleLab) -> None:
    lab.faults.set("google-partial", "us-central1-b")
    answer = lab.ask("GET", f"{COMPUTE}/aggregated/instances")[1]
    assert answer["items"]["zones/us-central1-b"]["warning"]["code"] == "UNREACHABLE"
    clusters = lab.ask("GET", f"/v1/projects/{PROJECT}/locations/-/clusters")[1]
    assert clusters["missingZones"] == ["us-central1-b"]
    assert "private-1" not in [found["name"] for found in clusters["clusters"]]


def test_operations_and_instances_outlive_the_lab(tmp_path: Path) -> None:
    lab = GoogleLab(tmp_path)
    lab.start()
    lab.host.free.clear()
    request = str(uuid.uuid4())
    operation = lab.ask("POST", INSTANCES, instance_body(), requestId=request)[1]
    lab.host.free.set()
    lab.stop()
    again = GoogleLab(tmp_path)
    again.start()
    try:
        assert again.ask("POST", INSTANCES, instance_body(), requestId=request)[1]["name"] == operation["name"]
        assert "error" not in again.finish(operation)
        until(lambda: "my-mesh-vm" in again.host.running)
    finally:
        again.stop()
    third = GoogleLab(tmp_path)
    third.start()
    try:
        assert third.host.done == [("boot", "my-mesh-vm")]  # what ran runs again
    finally:
        third.stop()


def test_many_requests_in_one(lab: GoogleLab) -> None:
    gets = [f"{INSTANCES}/nobody", f"{COMPUTE}/zones/{ZONE}?alt=json"]
    parts = [
        f"--b\nContent-Type: application/http\nContent-ID: <x+{number}>\n\nGET {path} HTTP/1.1\n\n"
        for number, path in enumerate(gets)
    ]
    headers = {"Authorization": f"Bearer {lab.token()}", "Content-Type": 'multipart/mixed; boundary="b"'}
    with requests.Session() as session:
        answer = session.post(f"{lab.url}/batch/compute/v1", data="".join(parts) + "--b--", headers=headers, timeout=10)
    first, second = answer.text.split("HTTP/1.1 ")[1:]
    assert "Content-ID: <response-x+0>" in answer.text
    assert first.startswith("404 Not Found")
    assert second.startswith("200 OK")
    assert '"kind": "compute#zone"' in second
    assert [line["status"] for line in lab.log()] == [404, 200]


def test_a_vm_of_the_lab_is_an_instance_too(lab: GoogleLab) -> None:
    lab.cloud.add_running("vm-1", ("127.9.1.1", "127.9.2.1"))
    found = lab.ask("GET", f"{INSTANCES}/vm-1")[1]
    assert (found["status"], found["networkInterfaces"][0]["networkIP"]) == ("RUNNING", "127.9.1.1")
    number = found["id"]
    lab.cloud.add_running("vm-1", ("127.9.1.7", "127.9.2.7"))
    moved = lab.cloud.instance("vm-1")
    assert moved is not None
    assert (moved["id"], moved["networkInterfaces"][0]["accessConfigs"][0]["natIP"]) == (number, "127.9.2.7")
    assert lab.host.done == []


def test_the_cluster_of_the_lab(lab: GoogleLab) -> None:
    found = lab.ask("GET", f"/v1/projects/{PROJECT}/locations/{ZONE}/clusters/lab")[1]
    assert (found["status"], found["endpoint"], found["clusterIpv4Cidr"]) == ("RUNNING", "127.9.0.2:6443", POD_RANGE)
    assert lab.ask("GET", f"/v1/projects/{PROJECT}/locations/europe-west1/clusters/autopilot-1")[1]["autopilot"]
    assert lab.ask("GET", f"/v1/projects/{PROJECT}/locations/{ZONE}/clusters/none")[0] == 404


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "a b"),
        ("name=a", "a"),
        ('name = "a"', "a"),
        ("name!=a", "b"),
        ("name eq a|c", "a"),
        ("name ne a", "b"),
        ("labels.app=web", "a"),
        ("labels.managed-by:*", "b"),
        ("(name=a) (status=RUNNING)", "a"),
        ("name=a AND status=STOPPED", ""),
        ("name=a OR name=b", "a b"),
        ("NOT name=a", "b"),
        ("tags.items=mesh-vm", "b"),
        ("guestCpus >= 2", "b"),
        ("(name eq a) (status eq RUN.*)", "a"),
    ],
)
def test_filters(text: str, names: str) -> None:
    items: list[JSON] = [
        {"name": "a", "labels": {"app": "web"}, "status": "RUNNING", "guestCpus": 1},
        {
            "name": "b",
            "labels": {"managed-by": "x"},
            "status": "RUNNING",
            "tags": {"items": ["mesh-vm"]},
            "guestCpus": 2,
        },
    ]
    wanted = filtered(text)
    assert " ".join(item["name"] for item in items if wanted(item)) == names
