"""The body of an insert beside the one that gcloud sends, and what an instance says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.compute_ports import GoogleDefaults, Setting
from meshvm_tui.gcp import gcloud_commands
from meshvm_tui.gcp.instance import InstanceView, insert_body, without_keys
from meshvm_tui.gcp.places import Place, full_path, place_of, project_in
from meshvm_tui.plan import GceCreate, GceInstance, Machine
from meshvm_tui.problems import ActionNeeded
from tests.google.discovery import judge

PLACE = Place("shop-project", "us-central1-a")
LINE = 'ann:ssh-ed25519 AAAA google-ssh {"userName":"ann","expireOn":"2026-11-22T21:47:40+0000"}'


def body(**create: Any) -> dict[str, Any]:
    return insert_body("my-mesh-vm", GceCreate(**create), PLACE, LINE)


def test_the_guides_instance_is_made_as_gcloud_makes_it() -> None:
    found = body()
    assert found["machineType"] == "projects/shop-project/zones/us-central1-a/machineTypes/n1-standard-2"
    assert found["tags"] == {"items": ["mesh-vm"]}
    (disk,) = found["disks"]
    assert disk["initializeParams"] == {"sourceImage": "projects/debian-cloud/global/images/family/debian-12"}
    assert (disk["boot"], disk["autoDelete"], disk["mode"], disk["type"]) == (True, True, "READ_WRITE", "PERSISTENT")
    (interface,) = found["networkInterfaces"]
    assert interface["accessConfigs"] == [{"name": "external-nat", "type": "ONE_TO_ONE_NAT"}]
    assert found["scheduling"] == {"automaticRestart": True}
    (account,) = found["serviceAccounts"]
    assert account["email"] == "default"
    assert len(account["scopes"]) == 7
    assert (found["canIpForward"], found["deletionProtection"]) == (False, False)


def test_what_is_ours_is_marked_and_its_host_keys_can_be_read() -> None:
    found = body()
    assert found["labels"] == {"managed-by": "meshvm-tui"}
    assert found["metadata"]["items"] == [
        {"key": "enable-guest-attributes", "value": "TRUE"},
        {"key": "ssh-keys", "value": LINE},
    ]
    assert without_keys(found)["metadata"] == {"items": [{"key": "enable-guest-attributes", "value": "TRUE"}]}
    assert without_keys(found) == without_keys(insert_body("my-mesh-vm", GceCreate(), PLACE, "another"))


@pytest.mark.parametrize(
    "create",
    [
        {},
        {"service_account": "none", "external_address": False, "tags": []},
        {"subnet": "projects/host-project/regions/us-central1/subnetworks/shared", "service_account": "a@b.example"},
        {"network": "projects/host-project/global/networks/shared"},
    ],
)
def test_google_takes_every_form_of_the_body(create: dict[str, Any]) -> None:
    path = "/compute/v1/projects/shop-project/zones/us-central1-a/instances"
    assert judge("compute", "POST", path, {}, body(**create)) == []


def test_the_plans_choices_stand_in_the_body() -> None:
    found = body(service_account="none", external_address=False, subnet="inner")
    assert "serviceAccounts" not in found
    assert found["networkInterfaces"] == [{"subnetwork": "projects/shop-project/regions/us-central1/subnetworks/inner"}]


def test_gclouds_command_says_the_same() -> None:
    command = gcloud_commands.create_instance("my-mesh-vm", GceCreate(), PLACE)
    assert command.startswith("gcloud compute instances create my-mesh-vm --machine-type=n1-standard-2")
    for flag in ("--tags=mesh-vm", "--image-family=debian-12", "--zone=us-central1-a", "--project=shop-project"):
        assert flag in command.split()
    bare = GceCreate(service_account="none", external_address=False, subnet="inner")
    assert {"--no-service-account", "--no-scopes", "--no-address", "--subnet=inner"} <= set(
        gcloud_commands.create_instance("vm", bare, PLACE).split()
    )


def test_a_shared_vpcs_network_stays_the_host_projects() -> None:
    shared = "https://www.googleapis.com/compute/v1/projects/host-project/global/networks/shared"
    assert full_path(shared, "shop-project", "global/networks") == "projects/host-project/global/networks/shared"
    assert full_path("default", "shop-project", "global/networks") == "projects/shop-project/global/networks/default"
    assert project_in(shared, "shop-project") == "host-project"
    assert project_in("default", "shop-project") == "shop-project"


DEFAULTS = GoogleDefaults(project=Setting("acme-prod", "x"), zone=Setting("europe-west1-b", "x"))


def test_a_place_is_the_plans_own_or_gclouds() -> None:
    assert place_of(Machine(name="vm", gce=GceInstance()), DEFAULTS) == Place("acme-prod", "europe-west1-b")
    own = GceInstance(project="shop-project", zone="us-central1-a")
    assert place_of(Machine(name="vm", gce=own), DEFAULTS) == PLACE
    assert PLACE.region == "us-central1"


@pytest.mark.parametrize(
    ("defaults", "code"),
    [(GoogleDefaults(), "MVM-809"), (GoogleDefaults(project=Setting("acme-prod", "x")), "MVM-810")],
)
def test_a_place_that_nobody_names_is_said(defaults: GoogleDefaults, code: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        place_of(Machine(name="vm", gce=GceInstance()), defaults)
    assert caught.value.code == code
    assert "vm" in caught.value.cause


def test_an_instance_without_this_and_that_is_read_all_the_same() -> None:
    view = InstanceView({"id": "7", "networkInterfaces": [{"networkIP": "10.128.0.7", "accessConfigs": [{}]}]})
    assert (view.internal_address, view.external_address, view.service_account, view.tags) == ("10.128.0.7", "", "", ())
    assert not view.is_ours
