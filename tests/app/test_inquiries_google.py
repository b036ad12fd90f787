"""What the screens ask of Google: every list with what is worth knowing, and what a pick fills."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from meshvm_tui.candidates import Found
from meshvm_tui.compute_ports import GoogleDefaults, Setting
from meshvm_tui.inquiries import Answer, Inquiry, Topic, answer
from meshvm_tui.plan import Plan
from meshvm_tui.ports import Connections
from meshvm_tui.problems import ActionNeeded
from tests.app.google import FakeCompute, GoogleConnections, expired_login

GCE = "machines.{machine}.gce"


def asked(topic: Topic, compute: FakeCompute | None = None, **about: str) -> Answer:
    """The answer to a question about these fields."""
    connections = GoogleConnections(compute=compute or FakeCompute())
    return answer(Inquiry(topic, about, 7), Plan(), cast("Connections", connections))


def found(topic: Topic, compute: FakeCompute | None = None, **about: str) -> Found:
    """The same, where nothing stands in the way."""
    told = asked(topic, compute, **about)
    assert told.problem is None and told.token == 7, told
    return told.found


def table(topic: Topic, compute: FakeCompute | None = None, **about: str) -> list[tuple[str, ...]]:
    """What is shown, without the blanks that align it."""
    shown = found(topic, compute, **about).candidates
    return [(item.value, *(cell.strip() for cell in item.columns if cell)) for item in shown]


def test_defaults_are_told_with_their_sources() -> None:
    assert table(Topic.GOOGLE_DEFAULTS) == [
        ("project", "acme-prod", "CLOUDSDK_CORE_PROJECT"),
        ("zone", "europe-west1-b", "gcloud configuration work"),
    ]


def test_clusters_of_all_locations_say_what_they_are_and_what_did_not_answer() -> None:
    answered = found(Topic.GKE_CLUSTERS)
    assert table(Topic.GKE_CLUSTERS) == [
        ("auto", "us-central1", "RUNNING", "Autopilot", "1.33.5-gke.1080000"),
        ("prod", "europe-west1", "RUNNING", "Standard", "private nodes", "1.33.5-gke.1080000"),
        ("staging", "europe-west1-b", "PROVISIONING", "Standard", "1.33.5-gke.1080000"),
    ]
    assert answered.note == "did not answer: europe-west4-a"
    assert answered.where == "project acme-prod, all locations"
    assert answered.candidates[1].fills == (
        ("cluster.gke", "yes"),
        ("cluster.gke.project", "acme-prod"),
        ("cluster.gke.location", "europe-west1"),
        ("cluster.gke.name", "prod"),
    )


def test_instances_fill_their_place_and_are_not_created() -> None:
    batch, web = found(Topic.GCE_INSTANCES, project="other-project").candidates
    assert batch.columns == ("us-central1-a", "TERMINATED", "10.132.0.7", "no external IP", "no tags")
    assert web.columns == ("europe-west1-b", "RUNNING", "10.132.0.7", "34.77.1.2", "mesh-vm, web")
    assert web.fills == (
        (GCE, "yes"),
        ("machines.{machine}.name", "web-1"),
        (f"{GCE}.project", "other-project"),
        (f"{GCE}.zone", "europe-west1-b"),
        (f"{GCE}.create", "no"),
    )


def test_machine_types_stand_in_the_order_of_their_size_without_prices() -> None:
    compute = FakeCompute()
    assert table(Topic.GCE_MACHINE_TYPES, compute) == [
        ("e2-micro", "2 vCPU", "1 GiB", "shared core"),
        ("n1-standard-2", "2 vCPU", "7.5 GiB"),
        ("n2-standard-2", "2 vCPU", "8 GiB"),
        ("n2-standard-16", "16 vCPU", "64 GiB"),
    ]
    assert compute.calls[-1] == ("machine_types", "acme-prod", "europe-west1-b")
    table(Topic.GCE_MACHINE_TYPES, compute, project="p-from-form", zone="us-east1-b")
    assert compute.calls[-1] == ("machine_types", "p-from-form", "us-east1-b")


def test_image_families_of_a_publisher_that_fails_are_named_as_missing() -> None:
    denied = ActionNeeded("MVM-805", "Required 'compute.images.list' permission for 'projects/my-images'")
    compute = FakeCompute(broken_projects={"my-images": denied})
    answered = found(Topic.GCE_IMAGES, compute, imageProject="my-images")
    assert [item.value for item in answered.candidates] == ["debian-13", "ubuntu-2404-lts-amd64"]
    assert "compute.images.list" in answered.note
    assert dict(answered.candidates[1].fills) == {
        f"{GCE}.create.imageProject": "ubuntu-os-cloud",
        f"{GCE}.create.imageFamily": "ubuntu-2404-lts-amd64",
    }
    assert asked(Topic.GCE_IMAGES, replace(compute, problem=denied)).problem == denied.record()


def test_zones_networks_and_subnets() -> None:
    compute = FakeCompute()
    assert table(Topic.GCE_ZONES, compute) == [("europe-west1-b", "DOWN"), ("us-central1-a", "UP")]
    assert table(Topic.GCE_NETWORKS, compute) == [
        ("default", "a subnet in each region (2)"),
        ("old", "legacy network, without subnets"),
        ("prod", "subnets of its own (1)"),
    ]
    assert table(Topic.GCE_SUBNETS, compute, network="prod") == [("prod-eu", "10.4.0.0/22", "europe-west1")]
    assert table(Topic.GCE_SUBNETS, compute, zone="us-east1-b") == [("default", "10.132.0.0/20", "us-east1")]
    shared = table(Topic.GCE_SUBNETS, compute, network="projects/acme-net/global/networks/hub")
    assert shared == [("projects/acme-net/regions/europe-west1/subnetworks/shared", "10.8.0.0/16", "europe-west1")]
    assert compute.calls[-1] == ("subnetworks", "acme-net", "europe-west1")


@pytest.mark.parametrize(
    ("setting", "code", "command"),
    [
        (GoogleDefaults(), "MVM-809", "gcloud config set project PROJECT_ID"),
        (GoogleDefaults(project=Setting("acme-prod", "flag")), "MVM-810", "gcloud config set compute/zone ZONE"),
    ],
)
def test_without_project_or_zone_the_answer_says_how_to_name_one(
    setting: GoogleDefaults, code: str, command: str
) -> None:
    problem = asked(Topic.GCE_MACHINE_TYPES, FakeCompute(setting=setting)).problem
    assert problem and problem.code == code and command in problem.next_action


def test_problems_and_surprises_are_answers() -> None:
    problem = asked(Topic.GCE_INSTANCES, FakeCompute(problem=expired_login())).problem
    assert problem and problem.code == "MVM-802"

    class Broken(FakeCompute):
        def zones(self, project: str) -> Any:
            raise KeyError("status")

    problem = asked(Topic.GCE_ZONES, Broken()).problem
    assert problem and (problem.code, problem.cause) == ("MVM-901", "KeyError: 'status'")
