"""The adapter against the lab's Google: one judge of our requests that was written apart from the adapter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.adapters.google_compute import GoogleCompute
from meshvm_tui.adapters.google_compute_calls import ComputeCalls
from meshvm_tui.adapters.google_credentials import GoogleLogin
from meshvm_tui.adapters.google_rest import GoogleRest
from meshvm_tui.adapters.google_settings import read_settings
from meshvm_tui.compute_ports import JSON, Operation
from meshvm_tui.gcp.firewall import Rule, Targets
from meshvm_tui.gcp.instance import insert_body
from meshvm_tui.gcp.places import Place
from meshvm_tui.plan import GceCreate
from meshvm_tui.problems import ActionNeeded, Problem, TransientError
from tests.lab_google.google_lab import POD_RANGE, GoogleLab, google_lab, wrong_requests

P, Z = "lab-project-1", "us-central1-a"
World = tuple[GoogleLab, GoogleCompute]
ACCOUNT = "vm@lab-project-1.iam.gserviceaccount.com"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The lab, and the adapter with the lab's service account key. At the end no request may have been wrong."""
    with google_lab(tmp_path, monkeypatch) as lab:
        others = ("CONTAINER", "OSLOGIN", "SERVICEUSAGE", "CLOUDRESOURCEMANAGER", "IAMCREDENTIALS")
        environ = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{lab.url}/" for api in others} | {
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{lab.url}/compute/v1/",
            "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
            "GOOGLE_APPLICATION_CREDENTIALS": str(lab.key_file()),
            "HOME": str(tmp_path),
        }
        login = GoogleLogin(read_settings(environ))
        compute = GoogleCompute(login, GoogleRest(login), ComputeCalls(login))
        try:
            yield lab, compute
        finally:
            compute.close()
            login.close()
        assert wrong_requests(lab.log()) == []


def done(compute: GoogleCompute, operation: Operation) -> None:
    """Waits for an operation."""
    compute.wait(operation, lambda status, percent: None, lambda: False)


def an_id() -> str:
    """A request id."""
    return str(uuid.uuid4())


def body(name: str = "my-mesh-vm") -> JSON:
    """What the product inserts."""
    return insert_body(name, GceCreate(), Place(P, Z), "me:ssh-ed25519 AAAA me")


def test_an_instance_is_made_found_and_publishes_its_host_keys(here: World) -> None:
    _, compute = here
    assert compute.identity().kind == "service account"
    done(compute, compute.insert_instance(P, Z, body(), an_id()))
    made = compute.instance(P, Z, "my-mesh-vm")
    assert made is not None
    assert (made["status"], made["labels"]) == ("RUNNING", {"managed-by": "meshvm-tui"})
    assert made["networkInterfaces"][0]["networkIP"].startswith("127.9.1.")
    assert made["networkInterfaces"][0]["accessConfigs"][0]["natIP"].startswith("127.9.2.")
    assert compute.instances(P).items[0]["id"] == made["id"]
    assert compute.guest_attributes(P, Z, "my-mesh-vm", "hostkeys/") == {"ssh-ed25519": "QUFBQQ=="}
    with pytest.raises(ActionNeeded, match="MVM-814"):
        compute.insert_instance(P, Z, body(), an_id())


def test_an_insert_whose_answer_is_cut_makes_one_instance(here: World) -> None:
    lab, compute = here
    lab.faults.set("google-cut-after:insert")
    done(compute, compute.insert_instance(P, Z, body(), an_id()))
    assert len(compute.instances(P).items) == 1
    inserts = [line for line in lab.log() if line["method"] == "POST" and line["path"].endswith("/instances")]
    assert [line["status"] for line in inserts] == [0, 200]
    assert inserts[0]["query"] == inserts[1]["query"]


def test_metadata_is_replaced_with_its_fingerprint_only(here: World) -> None:
    _, compute = here
    done(compute, compute.insert_instance(P, Z, body(), an_id()))
    made = compute.instance(P, Z, "my-mesh-vm")
    assert made is not None
    old = made["metadata"]
    changed = {"fingerprint": old["fingerprint"], "items": [*old["items"], {"key": "note", "value": ""}]}
    done(compute, compute.set_metadata(P, Z, "my-mesh-vm", changed, an_id()))
    again = compute.instance(P, Z, "my-mesh-vm")
    assert again is not None
    assert again["metadata"]["items"] == changed["items"]
    with pytest.raises(TransientError, match="MVM-815"):
        compute.set_metadata(P, Z, "my-mesh-vm", changed, an_id())
    empty = {"fingerprint": again["metadata"]["fingerprint"], "items": []}
    done(compute, compute.set_metadata(P, Z, "my-mesh-vm", empty, an_id()))
    last = compute.instance(P, Z, "my-mesh-vm")
    assert last is not None
    assert not last["metadata"].get("items")


def test_a_rule_is_made_patched_and_changes_its_targets(here: World) -> None:
    _, compute = here
    network = f"projects/{P}/global/networks/default"

    def rule(ports: tuple[int, ...], targets: Targets) -> JSON:
        return Rule("pods-to-vm", network, (POD_RANGE,), ports, targets, "Pods to VM").body()

    done(compute, compute.insert_firewall(P, rule((80,), Targets(tags=("mesh-vm",))), an_id()))
    done(compute, compute.patch_firewall(P, "pods-to-vm", rule((80, 81), Targets(tags=("mesh-vm",))), an_id()))
    live = compute.firewall(P, "pods-to-vm")
    assert live is not None
    assert (live["allowed"], live["priority"]) == ([{"IPProtocol": "tcp", "ports": ["80", "81"]}], 1000)
    by_account = rule((80,), Targets(service_accounts=(ACCOUNT,)))
    done(compute, compute.patch_firewall(P, "pods-to-vm", by_account | {"targetTags": []}, an_id()))
    live = compute.firewall(P, "pods-to-vm")
    assert live is not None
    assert (live.get("targetTags"), live["targetServiceAccounts"]) == (None, [ACCOUNT])
    assert "pods-to-vm" in [found["name"] for found in compute.firewalls(P)]


def test_every_list_and_question_is_answered(here: World) -> None:
    _, compute = here
    done(compute, compute.insert_instance(P, Z, body(), an_id()))
    assert Z in [zone["name"] for zone in compute.zones(P)]
    assert "CPUS" in [quota["metric"] for quota in compute.region(P, "us-central1")["quotas"]]
    assert "n1-standard-2" in [found["name"] for found in compute.machine_types(P, Z)]
    assert "debian-12" in [found["family"] for found in compute.image_families("debian-cloud")]
    assert "default" in [found["name"] for found in compute.networks(P)]
    assert compute.subnetworks(P).items and compute.subnetworks(P, "us-central1").items
    assert compute.effective_firewalls(P, Z, "my-mesh-vm")["firewalls"]
    assert compute.project(P)["name"] == P
    assert compute.permissions(P, ["compute.instances.create"]) == {"compute.instances.create"}
    assert compute.enabled_services(P, ["compute.googleapis.com"]) == {"compute.googleapis.com"}
    assert "lab" in [found["name"] for found in compute.clusters(P).items]
    lab_cluster = compute.cluster(P, Z, "lab")
    assert lab_cluster is not None
    assert lab_cluster["clusterIpv4Cidr"] == POD_RANGE
    assert compute.cluster(P, Z, "nobody") is None


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("google-quota:CPUS", "MVM-811"),
        (f"google-capacity:{Z}", "MVM-812"),
        ("google-operation-fails:Internal error", "MVM-813"),
        ("google-permission:compute.instances.create", "MVM-805"),
        ("google-api-off:compute.googleapis.com", "MVM-806"),
        ("google-org-policy:constraints/compute.vmExternalIpAccess", "MVM-838"),
        ("google-login-expired", "MVM-802"),
    ],
)
def test_each_fault_of_creating_is_told_apart(here: World, fault: str, code: str) -> None:
    lab, compute = here
    lab.faults.set(fault)
    with pytest.raises(Problem) as caught:
        done(compute, compute.insert_instance(P, Z, body(), an_id()))
    assert caught.value.code == code


@pytest.mark.parametrize("fault", ["google-503:2", "google-429:2"])
def test_a_busy_google_is_waited_for(here: World, fault: str) -> None:
    lab, compute = here
    lab.faults.set(fault)
    assert compute.zones(P)
    assert [line["status"] for line in lab.log() if line["api"] == "compute"] == [int(fault[7:10])] * 2 + [200]


def test_zones_that_did_not_answer_are_named(here: World) -> None:
    lab, compute = here
    lab.faults.set("google-partial:us-central1-b")
    assert compute.instances(P).unreachable == ("us-central1-b",)
    assert compute.clusters(P).unreachable == ("us-central1-b",)


def test_a_project_or_zone_that_is_not_there(here: World) -> None:
    _, compute = here
    with pytest.raises(ActionNeeded, match=r"MVM-809|MVM-805"):
        compute.project("no-such-project")
    with pytest.raises(ActionNeeded, match="MVM-810"):
        compute.insert_instance(P, "us-central1-x", body(), an_id())
