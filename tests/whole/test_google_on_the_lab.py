"""The guide's section "Create the Virtual Machine", whole, through google-cloud-compute against the lab's Google.

Cluster found, Pod ranges read, instance made, rule made, SSH opened each of the three ways, onboarded, answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.google.discovery import judge_log
from tests.whole.google_proxy import killing_proxy
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
COMPUTE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"
INSTANCES = "/compute/v1/projects/lab-project-1/zones/us-central1-a/instances"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    home = tmp_path_factory.mktemp("home")
    with lab_world(tmp_path_factory.mktemp("google") / "lab") as world:
        yield LabWorld(world.state, {**world.environment, "HOME": str(home), "TMPDIR": str(home)}, world.process)


def plan(lab: LabWorld, name: str, *, via: str = "external", create: bool = True) -> Path:
    """The lab's Google plan for a machine of this name."""
    value = yaml.safe_load((lab.state / "google-plan.yaml").read_text(encoding="utf-8"))
    (machine,) = value["machines"]
    machine |= {"name": name, "ssh": {**machine["ssh"], "via": via}}
    if not create:
        del machine["gce"]["create"]
        # It was made without guest attributes, so its host key has to be known from elsewhere.
        (line,) = (lab.state / "ssh/known_hosts").read_text(encoding="utf-8").splitlines()
        machine["ssh"]["knownHost"] = " ".join(line.split()[1:3])
    edited = lab.state / f"google-{name}.yaml"
    edited.write_text(yaml.safe_dump(value), encoding="utf-8")
    return edited


def apply(lab: LabWorld, name: str, *arguments: str, **chosen: Any) -> subprocess.CompletedProcess[str]:
    return lab.run("apply", "-f", str(plan(lab, name, **chosen)), "--session", name, "--json", *arguments)


def finished(output: str) -> dict[str, dict[str, Any]]:
    events = [json.loads(line) for line in output.splitlines()]
    return {event["step"]: event for event in events if event["event"] == "StepFinished"}


def requests(lab: LabWorld) -> list[dict[str, Any]]:
    lines = (lab.state / "google-requests.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def inserts(lab: LabWorld, name: str) -> list[dict[str, Any]]:
    return [
        item
        for item in requests(lab)
        if (item["method"], item["path"]) == ("POST", INSTANCES) and item["body"]["name"] == name
    ]


def keys_of(lab: LabWorld, name: str) -> str:
    """The instance's ssh-keys as the last setMetadata, or else the insert, left them."""
    found = inserts(lab, name)[-1]["body"]["metadata"]
    for item in requests(lab):
        if item["path"] == f"{INSTANCES}/{name}/setMetadata" and item["status"] == 200:
            found = item["body"]
    return next((item["value"] for item in found["items"] if item["key"] == "ssh-keys"), "")


def assert_asked_by_the_book(lab: LabWorld, *apis: str) -> None:
    """What was asked so far is what Google's documents allow, these families are in it, and no secret lasts."""
    log = lab.state / "google-requests.jsonl"
    assert judge_log(log.read_text(encoding="utf-8").splitlines()) == []
    assert set(apis) <= {item["api"] for item in requests(lab)}
    for file in [*(lab.state / "sessions").rglob("*"), log]:
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            assert "PRIVATE KEY" not in text, file
            assert "ya29." not in text, file
    assert list(Path(lab.environment["TMPDIR"]).glob("meshvm-tui-*")) == []


@pytest.mark.parametrize("via", ["external", "internal", "iap"])
def test_a_vm_is_made_and_answers_both_ways_and_then_nothing_is_left_to_do(lab: LabWorld, via: str) -> None:
    name = f"vm-by-{via}"
    first = apply(lab, name, "--yes", via=via)
    assert first.returncode == 0, first.stdout[-4000:] + first.stderr
    steps = finished(first.stdout)
    assert [step for step in ("machine", "ssh-access") if steps[step]["changed"]] == ["machine"]
    for probe in ("probe-vm-to-cluster", "probe-cluster-to-vm"):
        assert "200" in steps[probe]["message"]
    assert len(inserts(lab, name)) == 1
    assert keys_of(lab, name) == ""
    again = apply(lab, name, "--yes", via=via)
    assert again.returncode == 0, again.stdout[-4000:] + again.stderr
    assert [step for step, event in finished(again.stdout).items() if event["changed"]] == []
    assert len(inserts(lab, name)) == 1
    assert keys_of(lab, name) == ""
    tunnel = ("iap",) if via == "iap" else ()
    assert_asked_by_the_book(lab, "compute", "container", "cloudresourcemanager", "serviceusage", *tunnel)


def test_an_instance_of_somebody_elses_is_taken_as_it_is(lab: LabWorld) -> None:
    run = apply(lab, "vm-1", "--yes", create=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    steps = finished(run.stdout)
    assert not steps["machine"]["changed"]
    assert "not made here, taken as it is" in steps["machine"]["message"]
    assert_asked_by_the_book(lab)


def test_killed_between_insert_and_its_answer_nothing_is_made_twice(lab: LabWorld) -> None:
    name = "vm-killed"
    process: list[subprocess.Popen[bytes]] = []

    def is_insert(method: str, path: str) -> bool:
        return (method, path) == ("POST", INSTANCES)

    def kill() -> None:
        process[0].kill()

    base = lab.environment[COMPUTE].removesuffix("/compute/v1/")
    with killing_proxy(base, is_insert, kill) as proxy:
        environment = {**lab.environment, COMPUTE: f"{proxy}/compute/v1/"}
        command = [sys.executable, "-m", "meshvm_tui", "apply", "-f", str(plan(lab, name)), "--session", name, "--yes"]
        process.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        assert process[0].wait(120) == -9
    assert len(inserts(lab, name)) == 1
    run = apply(lab, name, "--yes")
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    assert len({item["query"]["requestId"] for item in inserts(lab, name)}) == 1
    assert keys_of(lab, name).count("google-ssh") <= 1, "the killed run's key ends by its expiry"
    assert_asked_by_the_book(lab)


def test_an_answer_that_is_cut_off_is_asked_for_again_with_the_same_request(lab: LabWorld) -> None:
    name = "vm-cut"
    lab.fault("google-cut-after:insert")
    try:
        run = apply(lab, name, "--yes")
    finally:
        lab.fault()
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    assert len({item["query"]["requestId"] for item in inserts(lab, name)}) == 1
    assert_asked_by_the_book(lab)
