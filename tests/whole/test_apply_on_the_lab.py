"""The same plan, unattended, against the lab: look, apply, apply again, apply an edited plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("apply")]
"""One after the other on one lab."""

REVIEWS = ("selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews")
PLACES = (
    "etc/hosts",
    "etc/certs/root-cert.pem",
    "var/lib/istio/envoy/cluster.env",
    "var/lib/istio/config/mesh",
    "etc/systemd/system/meshvm-http.service",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("world") / "lab") as world:
        yield world


def writes(requests: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Every request that is neither a read nor a question about ourselves."""
    return [
        (request["method"], request["path"])
        for request in requests
        if request["method"] != "GET" and not request["path"].endswith(REVIEWS) and "meshvm-tui" in request["userAgent"]
    ]


def fingerprints(root: Path) -> dict[str, tuple[str, int]]:
    """Content and inode of each file: an atomic rewrite of the same content shows as well."""
    found = {}
    for place in PLACES:
        file = root / place
        found[place] = (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_ino)
    return found


def starts_of_istio(root: Path) -> int:
    """How often the agent was started, by its own log."""
    log = (root / "var/log/istio/istio.log").read_text(encoding="utf-8")
    return log.count("Proxy role")


def finished(output: str) -> dict[str, dict[str, Any]]:
    """The last StepFinished of each step in a --json output."""
    events = [json.loads(line) for line in output.splitlines()]
    return {event["step"]: event for event in events if event["event"] == "StepFinished"}


def test_1_a_dry_run_lists_every_change_and_writes_nothing(lab: LabWorld) -> None:
    run = lab.run("apply", "-f", str(lab.plan), "--dry-run")
    assert run.returncode == 6, run.stdout + run.stderr
    for command in ("install -y -f istio-vm-install.yaml", "kubectl", "dpkg -i", "systemctl"):
        assert command in run.stdout, run.stdout
    assert "will be probed" in run.stdout
    assert writes(lab.requests()) == []


def test_2_apply_ends_with_an_answer_each_way(lab: LabWorld) -> None:
    run = lab.run("apply", "-f", str(lab.plan), "--yes", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    steps = finished(run.stdout)
    for probe in ("probe-vm-to-cluster", "probe-cluster-to-vm"):
        assert steps[probe]["state"] == "succeeded"
        assert "200" in steps[probe]["message"]
    assert "eyJ" not in run.stdout + run.stderr


def test_3_a_second_apply_changes_nothing(lab: LabWorld) -> None:
    root = lab.vm_root()
    before, starts, seen = fingerprints(root), starts_of_istio(root), len(lab.requests())
    run = lab.run("apply", "-f", str(lab.plan), "--yes", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    assert fingerprints(root) == before
    assert starts_of_istio(root) == starts
    made = writes(lab.requests()[seen:])
    assert [(method, path.rsplit("/", 1)[0] if method == "DELETE" else path) for method, path in made] == [
        ("POST", "/api/v1/namespaces/default/pods"),
        ("DELETE", "/api/v1/namespaces/default/pods"),
    ]
    changed = [step for step, event in finished(run.stdout).items() if event["changed"]]
    assert changed == []


def test_4_an_edited_group_makes_new_files_and_one_restart(lab: LabWorld) -> None:
    def edit(plan: dict[str, Any]) -> None:
        plan["workload"]["labels"]["version"] = "v2"
        plan["workload"]["ports"]["admin"] = 9090
        plan["workload"]["probe"] = {"httpGet": {"port": 8080}, "periodSeconds": 1}

    root = lab.vm_root()
    starts = starts_of_istio(root)
    run = lab.run("apply", "-f", str(lab.edit_plan(edit)), "--yes", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    steps = finished(run.stdout)
    assert steps["workload-group"]["changed"]
    assert "keep" in steps["workload-group"]["message"] or any(
        "keep" in warning for warning in steps["workload-group"]["observation"]["warnings"]
    )
    assert steps["bootstrap-files"]["changed"]
    assert steps["guest-files"]["changed"]
    assert starts_of_istio(root) == starts + 1
    assert '"name":"admin"' in (root / "var/lib/istio/envoy/cluster.env").read_text(encoding="utf-8")


def test_5_no_secret_was_kept_or_said(lab: LabWorld) -> None:
    kept = [file for file in (lab.state).rglob("*") if file.is_file() and "sessions" in file.parts]
    assert kept
    for file in kept:
        if file.suffix in {".json", ".jsonl", ".log"}:
            assert "eyJ" not in file.read_text(encoding="utf-8"), file


def test_6_another_operators_value_is_named_and_never_forced(lab: LabWorld) -> None:
    path = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadgroups/hello-vm"
    theirs = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "hello-vm", "namespace": "vm-namespace"},
        "spec": {"template": {"serviceAccount": "their-sa"}},
    }
    lab.api("PATCH", f"{path}?fieldManager=platform-team&force=true", theirs, "application/apply-patch+yaml")
    run = lab.run("apply", "-f", str(lab.plan), "--yes")
    assert run.returncode == 3, run.stdout + run.stderr
    said = run.stdout + run.stderr
    assert "MVM-110" in said
    assert "platform-team" in said
    assert lab.api("GET", path)["spec"]["template"]["serviceAccount"] == "their-sa"
