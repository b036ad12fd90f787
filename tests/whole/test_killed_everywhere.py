"""The table of kills: before each step, after the other side has carried it out and before its answer is read, and
after it. Each run goes on where the one before was killed; in the end everything is as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from meshvm_tui.plan_file import load_plan
from meshvm_tui.steps import steps_for
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WHENS = ("before", "answer", "after")
NAME = "killed"
KINDS = (
    "/api/v1/namespaces/istio-system/services",
    "/apis/apps/v1/namespaces/istio-system/deployments",
    "/apis/networking.istio.io/v1/namespaces/istio-system/gateways",
    "/apis/networking.istio.io/v1/namespaces/istio-system/virtualservices",
    "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadgroups",
    "/api/v1/namespaces/vm-namespace/serviceaccounts",
    "/api/v1/namespaces/vm-namespace/services",
    "/apis/apps/v1/namespaces/default/deployments",
    "/api/v1/namespaces/default/services",
)
FIVE = {"cluster.env", "mesh.yaml", "root-cert.pem", "hosts", "istio-token"}
PLACES = (
    "etc/certs/root-cert.pem",
    "var/lib/istio/envoy/cluster.env",
    "var/lib/istio/config/mesh",
    "etc/systemd/system/meshvm-http.service",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("killed") / "lab") as world:
        home = tmp_path_factory.mktemp("home")
        yield LabWorld(world.state, {**world.environment, "HOME": str(home)}, world.process)


def whole_plan(lab: LabWorld) -> Path:
    """The lab's Google plan with every step that a plan can have."""
    value = yaml.safe_load((lab.state / "google-plan.yaml").read_text(encoding="utf-8"))
    value["gateway"]["exposeServices"] = True
    value["workload"]["probe"] = {"httpGet": {"port": value["services"]["httpServer"]["port"]}, "periodSeconds": 1}
    edited = lab.state / "killed-plan.yaml"
    edited.write_text(yaml.safe_dump(value), encoding="utf-8")
    return edited


def killed(lab: LabWorld, plan: Path, step: str, when: str) -> None:
    """A run that goes on from the one before, and ends by SIGKILL where it was told to."""
    command = [sys.executable, "-m", "tests.whole.killed_child", "apply", "-f", str(plan), "--session", NAME, "--yes"]
    run = subprocess.run(
        command,
        env={**lab.environment, "KILL_AT": f"{step}:{when}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == -9, f"{step} {when}: {run.returncode}\n{run.stdout[-3000:]}{run.stderr[-2000:]}"


def session_folder(lab: LabWorld) -> Path:
    return lab.state / "sessions" / "sessions" / NAME


def check_what_is_on_disk(lab: LabWorld) -> None:
    """Nothing is half written: the session can be read, and a machine's folder holds five files or is not there."""
    session = json.loads((session_folder(lab) / "session.json").read_text(encoding="utf-8"))
    assert session["plan"]["machines"]
    for folder in (session_folder(lab) / "files").iterdir():
        if not folder.name.startswith("."):
            assert FIVE - {"istio-token"} <= {file.name for file in folder.iterdir()}, folder


def uids(lab: LabWorld) -> dict[str, str]:
    """Every object by its place and name."""
    found: dict[str, str] = {}
    for kind in KINDS:
        try:
            items = lab.api("GET", kind)["items"]
        except OSError:
            continue  # a kind, or a namespace, that is not there yet
        found |= {f"{kind}/{item['metadata']['name']}": item["metadata"]["uid"] for item in items}
    return found


def test_killed_before_during_and_after_every_step(lab: LabWorld) -> None:
    plan = whole_plan(lab)
    steps = list(dict.fromkeys(step.id for step, _ in steps_for(load_plan(plan))))
    assert {"machine", "firewall", "ssh-access", "entry-healthy", "expose-services"} <= set(steps), steps
    seen: dict[str, str] = {}
    table = []
    for step in steps:
        for when in WHENS:
            killed(lab, plan, step, when)
            check_what_is_on_disk(lab)
            now = uids(lab)
            twice = {name: uid for name, uid in seen.items() if now.get(name) != uid}
            assert not twice, f"made anew or gone after {step} {when}: {twice}"
            seen |= now
            table.append((step, when))
    assert table == [(step, when) for step in steps for when in WHENS]

    last = lab.run("apply", "-f", str(plan), "--session", NAME, "--yes", "--json")
    assert last.returncode == 0, last.stdout[-4000:] + last.stderr
    again = lab.run("apply", "-f", str(plan), "--session", NAME, "--yes", "--json")
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert [event["step"] for event in events if event["event"] == "StepFinished" and event["changed"]] == []
    answered = [event for event in events if event["event"] == "StepFinished" and event["step"].startswith("probe-")]
    assert len(answered) == 2
    assert all("200" in event["message"] for event in answered)
    check_google(lab, plan)
    check_the_vm(lab, plan)


def check_google(lab: LabWorld, plan: Path) -> None:
    """One instance and one rule, whatever was asked again."""
    lines = (lab.state / "google-requests.jsonl").read_text(encoding="utf-8").splitlines()
    made: dict[str, set[str]] = {}
    for item in map(json.loads, lines):
        if item["method"] == "POST" and item["path"].endswith(("/instances", "/firewalls")):
            made.setdefault(item["body"]["name"], set()).add(item["query"]["requestId"])
    (machine,) = yaml.safe_load(plan.read_text(encoding="utf-8"))["machines"]
    assert {len(requests) for requests in made.values()} == {1}, made
    assert machine["name"] in made


def check_the_vm(lab: LabWorld, plan: Path) -> None:
    """The VM has whole files, one block of names, one of each service, and nothing that was left lying."""
    (machine,) = yaml.safe_load(plan.read_text(encoding="utf-8"))["machines"]
    (root,) = [path for path in (lab.state / "vms").glob("*/root") if (path / "etc/certs/root-cert.pem").exists()]
    for place in PLACES:
        assert (root / place).read_bytes().strip(), place
    assert (root / "etc/hosts").read_text(encoding="utf-8").count("istiod.istio-system.svc") == 1, machine["name"]
    left = [path for place in ("tmp", "etc", "var/lib/istio") for path in (root / place).rglob(".meshvm*")]
    assert left == []
