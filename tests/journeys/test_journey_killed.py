"""A run that is cut off as by a power cut while the VM is being changed, and gone on with."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshvm_tui.events import Stage
from meshvm_tui.screens.stage_forms import FORMS
from tests.journeys.cluster import ENTRIES, LabCluster
from tests.journeys.form import next_stage, on_stage
from tests.journeys.guest import logged_in
from tests.journeys.terminal import POLL_SECONDS, Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
LOCKED = "dpkg-lock:600"
HELD = {
    Stage.CLUSTER: "cluster-reachable",
    Stage.MESH: "control-plane",
    Stage.GATEWAY: "eastwest-gateway",
    Stage.WORKLOAD: "workload-group",
    Stage.MACHINE: "guest-reachable",
    Stage.FILES: "bootstrap-files",
    Stage.INSTALL: "guest-files",
    Stage.SERVICES: "hello-world",
}
"""Of each stage the step that is killed: the other side has carried out its first change, and nobody has read so."""
PLACES = {
    "deployments": "/apis/apps/v1/namespaces/default/deployments",
    "groups": "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadgroups",
    "entries": ENTRIES,
    "accounts": "/api/v1/namespaces/vm-namespace/serviceaccounts",
    "pods": "/api/v1/namespaces/default/pods?labelSelector=app.kubernetes.io/part-of%3Dmeshvm-tui",
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabWorld]:
    with lab_world(tmp_path / "lab") as world:
        yield world


def stage_of(screen: str) -> Stage | None:
    """The stage that the wizard shows, by its sentence; None while it shows none."""
    starts = {stage: " ".join(FORMS[stage].sentence.split()[:6]) for stage in Stage}
    return next((stage for stage, start in starts.items() if start in screen), None)


def to_services(terminal: Terminal) -> None:
    """Forward to the last stage, from wherever the session opens and goes to by itself."""
    while True:
        here = stage_of(terminal.wait_until(stage_of, "a stage", seconds=60))
        if here is Stage.SERVICES:
            return
        terminal.keys("C-n")
        terminal.wait_until(lambda screen, here=here: stage_of(screen) not in (None, here), "the next one", seconds=60)  # type: ignore[misc]


def applied(terminal: Terminal) -> None:
    """Reviews everything and applies it."""
    to_services(terminal)
    terminal.keys("C-a")
    terminal.wait_for("Enter applies them.", seconds=60)
    terminal.keys("Enter")


def kept_states(lab: LabWorld) -> dict[str, str]:
    """The state of each step as the session on disk has it."""
    session = json.loads((lab.state / "sessions" / "sessions" / "hello-vm" / "session.json").read_text("utf-8"))
    return {record["step"]: record["state"] for record in session["records"]}


def nothing_is_there_twice(lab: LabWorld) -> None:
    """Cluster and VM after both answers, seen by nobody of the product."""
    plan: dict[str, Any] = yaml.safe_load(lab.plan.read_text(encoding="utf-8"))
    cluster = LabCluster(lab.state / "kubeconfig")
    assert [entry["spec"]["address"] for entry in cluster.items(PLACES["entries"])] == [plan["machines"][0]["address"]]
    assert cluster.names(PLACES["groups"]) == ["hello-vm"]
    assert sorted(cluster.names(PLACES["accounts"])) == ["default", "vm-sa"]
    assert len(cluster.names(PLACES["deployments"])) == len(set(cluster.names(PLACES["deployments"])))
    with logged_in(lab.state, plan["machines"][0]) as guest:
        assert guest.run("cat /etc/hosts").count("istiod.istio-system.svc") == 1
        units = guest.run("find /etc/systemd /lib/systemd -name 'meshvm-http*.service' -type f").split()
        assert units == ["/etc/systemd/system/meshvm-http.service"]
        assert guest.run("systemctl is-active istio meshvm-http").split() == ["active", "active"]
        assert guest.run("grep -c 'Proxy role' /var/log/istio/istio.log").strip() == "1"


def test_killed_in_the_middle_of_run_and_resumed(lab: LabWorld) -> None:
    # Another package manager holds the VM up, so that the run is certainly in the middle.
    lab.fault(LOCKED)
    with Terminal([*PRODUCT, "onboard", "--plan", str(lab.plan)], lab.environment, 100, 30) as terminal:
        on_stage(terminal, Stage.CLUSTER)
        for stage in list(Stage)[1:]:
            next_stage(terminal, stage)
        terminal.keys("C-a")
        terminal.wait_for("Enter applies them.", seconds=60)
        terminal.keys("Enter")
        terminal.wait_until(lambda screen: "↻ Sidecar package" in screen, "the package is being installed", seconds=90)
        terminal.kill()
    assert kept_states(lab)["sidecar-package"] == "running"
    assert kept_states(lab)["bootstrap-files"] == "succeeded"

    with Terminal([*PRODUCT, "resume"], lab.environment, 100, 30) as terminal:
        # Everything is looked at again first, and it opens where it is needed.
        on_stage(terminal, Stage.FILES, seconds=60)
        terminal.wait_for("not on the VM", "Ctrl+A lists them", seconds=60)
        next_stage(terminal, Stage.INSTALL)
        next_stage(terminal, Stage.SERVICES)
        terminal.keys("C-a")
        review = terminal.wait_for("Enter applies them.", seconds=60)
        assert "WorkloadGroup" not in review, "what is done is not listed again"
        terminal.keys("Enter")
        # What the killed run began on the VM still goes on there.
        terminal.wait_for("another run is at work on this VM", seconds=60)
        lab.fault()
        shown = terminal.wait_for("Both answered", seconds=150)
        assert "✓ VM → cluster" in shown
        assert "✓ cluster → VM" in shown
        terminal.keys("C-q")
        assert terminal.exit_status() == 0

    nothing_is_there_twice(lab)


def test_killed_once_in_each_stage_and_gone_on_with(lab: LabWorld, tmp_path: Path) -> None:
    """One onboarding of which every stage is killed by its pid, while Run shows the step at work."""
    for stage, step in HELD.items():
        held = tmp_path / step
        environment = lab.environment | {"KILL_AT": f"{step}:answer", "HOLD_FILE": str(held)}
        begun = ["onboard", "--plan", str(lab.plan)] if stage is Stage.CLUSTER else ["resume"]
        with Terminal([sys.executable, "-m", "tests.whole.killed_child", *begun], environment, 100, 30) as terminal:
            applied(terminal)
            end = time.monotonic() + 120
            while not held.exists():
                assert time.monotonic() < end, f"{step} is not reached; the screen shows:\n{terminal.screen()}"
                time.sleep(POLL_SECONDS)
            terminal.wait_for("↻", seconds=60)
            terminal.kill()
        assert kept_states(lab)[step] == "running", "the session is whole, and says where it was cut off"

    with Terminal([*PRODUCT, "resume"], lab.environment, 100, 30) as terminal:
        applied(terminal)
        shown = terminal.wait_for("Both answered", seconds=180)
        assert "✓ VM → cluster" in shown
        assert "✓ cluster → VM" in shown
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
    nothing_is_there_twice(lab)
