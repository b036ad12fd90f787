"""The cluster is deleted and built anew under its old name, while the VM stays: nothing is taken for done in it, and
only the typed name of the cluster leads on to both answers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.events import Stage
from tests.journeys.form import on_stage
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
OF_THE_CLUSTER = ("objects.json", "api-ca", "mesh-ca", "tokens", "admin-token", "istiod", "kubeconfig")
REVIEWS = ("selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews")


def rebuild(state: Path) -> None:
    """The cluster goes, with all that it knew; VMs and addresses stay."""
    for name in OF_THE_CLUSTER:
        place = state / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    (state / "requests.jsonl").unlink()


def kept(lab: LabWorld) -> dict[str, Any]:
    """The session on disk."""
    found: dict[str, Any] = json.loads((lab.state / "sessions/sessions/hello-vm/session.json").read_text("utf-8"))
    return found


def uid(lab: LabWorld) -> str:
    """The cluster's own."""
    return str(lab.api("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])


def written(lab: LabWorld) -> list[str]:
    """What the product has changed in this cluster."""
    return [
        request["path"]
        for request in lab.requests()
        if "meshvm-tui" in request["userAgent"] and request["method"] != "GET" and not request["path"].endswith(REVIEWS)
    ]


def test_apply_stops_until_the_cluster_is_accepted_by_name(tmp_path: Path) -> None:
    with lab_world(tmp_path / "lab") as lab:
        assert lab.run("apply", "-f", str(lab.plan), "--yes").returncode == 0
        before = uid(lab)
        assert kept(lab)["clusterUID"] == before
    rebuild(lab.state)
    with lab_world(tmp_path / "lab") as lab:
        for way in ("--yes", "--dry-run"):
            refused = lab.run("apply", "-f", str(lab.plan), way)
            assert refused.returncode == 3, refused.stdout + refused.stderr
            assert "MVM-714" in refused.stdout
            assert f"{uid(lab)}, not {before}" in " ".join(refused.stdout.split())
            assert "--accept-cluster" in refused.stdout
        wrong = lab.run("apply", "-f", str(lab.plan), "--yes", "--accept-cluster", "prod")
        assert wrong.returncode == 2
        assert "the plan's cluster is called meshvm-lab" in wrong.stderr
        listed = lab.run("apply", "-f", str(lab.plan), "--dry-run", "--accept-cluster", "meshvm-lab")
        assert listed.returncode == 6, listed.stdout + listed.stderr
        assert written(lab) == []
        assert kept(lab)["clusterUID"] == before

        done = lab.run("apply", "-f", str(lab.plan), "--yes", "--accept-cluster", "meshvm-lab")
        assert done.returncode == 0, done.stdout + done.stderr
        assert kept(lab)["clusterUID"] == uid(lab)
        again = lab.run("apply", "-f", str(lab.plan), "--yes", "--json")
        assert again.returncode == 0
        ends = [json.loads(line) for line in again.stdout.splitlines()]
        assert not [event["step"] for event in ends if event["event"] == "StepFinished" and event["changed"]]


def test_the_wizard_says_it_by_itself_and_goes_on_by_the_typed_name(tmp_path: Path) -> None:
    with lab_world(tmp_path / "lab") as lab:
        assert lab.run("apply", "-f", str(lab.plan), "--yes").returncode == 0
        terminal = Terminal([*PRODUCT, "resume"], lab.environment, 100, 30)
        try:
            on_stage(terminal, Stage.SERVICES, seconds=60)
            terminal.wait_for("Nothing to change up to here", seconds=60)
        except BaseException:
            terminal.__exit__()
            raise
    with terminal:
        rebuild(lab.state)
        with lab_world(tmp_path / "lab") as lab:
            # The wizard has seen both clusters with no key in between.
            terminal.wait_for("Another cluster answers now", "Ctrl+A shows", seconds=60)
            terminal.keys("C-a")
            terminal.wait_for("use this one", "What to do", seconds=60)
            terminal.keys("Enter")
            terminal.wait_for("Type the cluster's name: meshvm-lab")
            terminal.type("meshvm-lab")
            terminal.keys("Enter")
            terminal.wait_for("Enter applies them.", "install", seconds=60)
            assert kept(lab)["clusterUID"] == uid(lab)
            assert written(lab) == []
            terminal.keys("Enter")
            terminal.wait_for("Both answered", seconds=180)
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
