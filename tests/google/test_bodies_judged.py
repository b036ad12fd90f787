"""What the product wants of Compute Engine: right by Google's documents, and through the library without a loss."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.adapters.google_compute_calls import as_json, message_of
from meshvm_tui.compute_ports import JSON
from meshvm_tui.gcp.firewall import Rule, Targets, differs, patch_body
from meshvm_tui.gcp.gcloud_commands import update_firewall
from meshvm_tui.gcp.instance import insert_body
from meshvm_tui.gcp.places import Place
from meshvm_tui.plan import GceCreate
from tests.google.discovery import judge, warnings

HERE = Place("lab-project-1", "us-central1-a")
INSTANCES = "/compute/v1/projects/lab-project-1/zones/us-central1-a/instances"
FIREWALLS = "/compute/v1/projects/lab-project-1/global/firewalls"
KEY = 'me:ssh-ed25519 AAAA google-ssh {"userName":"me","expireOn":"2026-11-22T21:47:40+0000"}'

CREATES: dict[str, dict[str, Any]] = {
    "the plan's defaults": {},
    "no service account": {"service_account": "none"},
    "a service account": {"service_account": "vm@lab-project-1.iam.gserviceaccount.com"},
    "no external address": {"external_address": False},
    "no tags": {"tags": []},
    "a subnet": {"subnet": "pods", "network": "mesh"},
    "Shared VPC": {"network": "projects/host-1/global/networks/n", "subnet": "projects/host-1/regions/r/subnetworks/s"},
    "an image of one's own": {"image_project": "my-images", "image_family": "golden"},
}


@pytest.mark.parametrize("ssh_keys", ["", KEY])
@pytest.mark.parametrize("create", CREATES)
def test_the_body_of_a_new_instance(create: str, ssh_keys: str) -> None:
    body = insert_body("my-mesh-vm", GceCreate(**CREATES[create]), HERE, ssh_keys)
    assert judge("compute", "POST", INSTANCES, {}, body) == []
    assert warnings("compute", "POST", INSTANCES, body) == []
    # The library leaves an empty list out, which means the same in a new instance.
    lost: JSON = {"tags": {}} if not body["tags"]["items"] else {}
    assert through_the_library("Instance", body) == body | lost


@pytest.mark.parametrize(
    "targets", [Targets(), Targets(tags=("mesh-vm",)), Targets(service_accounts=("a@b.iam.gserviceaccount.com",))]
)
def test_the_body_of_a_rule_new_and_changed(targets: Targets) -> None:
    network = "projects/lab-project-1/global/networks/default"
    rule = Rule("pods-to-vm", network, ("10.8.0.0/14", "10.12.0.0/20"), (80, 8080), targets, "Pods to VM").body()
    assert judge("compute", "POST", FIREWALLS, {}, rule) == []
    assert judge("compute", "PATCH", f"{FIREWALLS}/pods-to-vm", {}, rule) == []
    assert warnings("compute", "POST", FIREWALLS, rule) == []
    assert through_the_library("Firewall", rule) == rule


def test_a_patch_takes_other_targets_away_and_switches_the_rule_on() -> None:
    network = "projects/lab-project-1/global/networks/default"
    by_account = Targets(service_accounts=("a@b.iam.gserviceaccount.com",))
    wanted = Rule("pods-to-vm", network, ("10.8.0.0/14",), (80,), by_account, "Pods to VM").body()
    live = wanted | {"targetTags": ["mesh-vm"], "disabled": True, "priority": 900, "id": "1"}
    del live["targetServiceAccounts"]
    body = patch_body(live, wanted)
    assert body == wanted | {"targetTags": [], "disabled": False}
    assert not differs({key: value for key, value in (live | body).items() if value != []}, wanted)
    assert judge("compute", "PATCH", f"{FIREWALLS}/pods-to-vm", {}, body) == []
    command = update_firewall("lab-project-1", body)
    assert "--target-service-accounts=a@b.iam.gserviceaccount.com --target-tags= --no-disabled" in command
    assert patch_body(wanted, wanted) == wanted


def through_the_library(kind: str, body: JSON) -> JSON:
    """The body as the client library reads and writes it."""
    return as_json(message_of(kind, body))
