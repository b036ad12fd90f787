"""The screens' questions through the real client libraries to the lab's Google, judged by Google's documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.inquiries import Answer, Inquiry, Topic, answer
from meshvm_tui.plan import Plan
from meshvm_tui.wiring import WiredConnections
from tests.lab_google.google_lab import GoogleLab, google_lab, instance_body

QUESTIONS = [topic for topic in Topic if topic.startswith(("google-", "gke-", "gce-"))]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleLab]:
    """Running, with an environment that leads nowhere else."""
    with google_lab(tmp_path, monkeypatch) as running:
        for name, value in {
            "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
            "GOOGLE_APPLICATION_CREDENTIALS": str(running.key_file()),
            "NO_GCE_CHECK": "true",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{running.url}/compute/v1/",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER": f"{running.url}/",
            "CLOUDSDK_CORE_PROJECT": "lab-project-1",
            "CLOUDSDK_COMPUTE_ZONE": "us-central1-a",
        }.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def connections(lab: GoogleLab) -> Iterator[WiredConnections]:
    """The real adapters, only for reading."""
    wired = WiredConnections(read_only=True)
    yield wired
    wired.close()


def test_every_question_is_answered_and_only_reads(lab: GoogleLab, connections: WiredConnections) -> None:
    status, operation = lab.ask(
        "POST", "/compute/v1/projects/lab-project-1/zones/us-central1-a/instances", instance_body()
    )
    assert status == 200
    lab.finish(operation)
    before = len(lab.log())
    found: dict[str, Answer] = {topic: answer(Inquiry(topic), Plan(), connections) for topic in QUESTIONS}
    assert [answered.problem for answered in found.values() if answered.problem] == []
    values = {topic: {item.value: item for item in answered.found.candidates} for topic, answered in found.items()}
    assert values[Topic.GOOGLE_DEFAULTS]["zone"].columns == ("us-central1-a", "CLOUDSDK_COMPUTE_ZONE")
    assert {"lab", "autopilot-1", "private-1"} <= set(values[Topic.GKE_CLUSTERS])
    assert "Autopilot" in values[Topic.GKE_CLUSTERS]["autopilot-1"].columns
    instance = values[Topic.GCE_INSTANCES]["my-mesh-vm"].columns
    assert instance[:2] == ("us-central1-a", "RUNNING") and instance[4] == "mesh-vm"
    assert "UP" in values[Topic.GCE_ZONES]["us-central1-a"].columns
    assert [cell.strip() for cell in values[Topic.GCE_MACHINE_TYPES]["n1-standard-2"].columns[:2]] == [
        "2 vCPU",
        "7.5 GiB",
    ]
    assert "debian-cloud" in values[Topic.GCE_IMAGES]["debian-12"].columns
    assert "default" in values[Topic.GCE_NETWORKS] and "default" in values[Topic.GCE_SUBNETS]
    asked = [line for line in lab.log()[before:] if line["api"] != "oauth2"]
    assert {line["method"] for line in asked} == {"GET"}


def test_what_stands_in_the_way_is_told_with_what_to_do(lab: GoogleLab, connections: WiredConnections) -> None:
    lab.faults.set("google-partial", "europe-west1-b")
    partial = answer(Inquiry(Topic.GKE_CLUSTERS), Plan(), connections)
    assert partial.problem is None and partial.found.note == "did not answer: europe-west1-b"
    lab.faults.clear("google-partial")
    lab.faults.set("google-api-off", "compute.googleapis.com")
    off = answer(Inquiry(Topic.GCE_ZONES), Plan(), connections).problem
    assert off and off.code == "MVM-806"
    assert "gcloud services enable compute.googleapis.com" in off.next_action
    lab.faults.clear("google-api-off")
    lab.faults.set("google-permission", "compute.instances.list")
    denied = answer(Inquiry(Topic.GCE_INSTANCES), Plan(), connections).problem
    assert denied and denied.code == "MVM-805" and "compute.instances.list" in denied.cause
    lab.faults.clear("google-permission")
    assert answer(Inquiry(Topic.GCE_INSTANCES), Plan(), connections).problem is None, "asked anew, it is well again"
