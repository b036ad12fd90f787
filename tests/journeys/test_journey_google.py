"""Onboarding on the lab's Google Cloud with real keys: the cluster is picked, the VM is created, both probes answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from meshvm_tui.events import Stage
from tests.google.discovery import judge_log
from tests.journeys.form import next_stage, on_stage
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
INSTANCES = "/compute/v1/projects/lab-project-1/zones/us-central1-a/instances"
TURNS = ("Both answered", "accept this key", "review again", "Enter applies")
"""What the screen can ask, or end with; a question stands over what was asked before."""


def test_a_gke_cluster_is_picked_and_a_vm_is_made_for_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with lab_world(tmp_path / "lab") as lab:
        plan = yaml.safe_load((lab.state / "google-plan.yaml").read_text(encoding="utf-8"))
        del plan["cluster"]
        small = tmp_path / "plan.yaml"
        small.write_text(yaml.safe_dump(plan), encoding="utf-8")
        environment = lab.environment | {"HOME": str(home)}
        command = (sys.executable, "-m", "meshvm_tui", "onboard", "--plan", str(small))
        with Terminal(command, environment, 80, 24) as terminal:
            on_stage(terminal, Stage.CLUSTER)
            lab.fault("google-slow:3")
            terminal.keys("Tab", "Tab", "F3")
            terminal.wait_for("GKE clusters", "↻")
            terminal.type("lab")
            assert "↻" in terminal.wait_for("lab"), "the keys come while Google is slow"
            terminal.wait_for("1 of 3")
            lab.fault()
            terminal.keys("Enter")
            terminal.wait_for("GKE lab, us-central1-a", "● yes")
            for stage in list(Stage)[1:]:
                next_stage(terminal, stage)
            terminal.keys("C-a")
            terminal.wait_for("Review", "Enter applies them.", seconds=60)
            terminal.keys("Enter")
            shown = terminal.wait_for("Both answered", seconds=90)
            assert "✓ VM → cluster" in shown
            assert "✓ cluster → VM" in shown
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
        lines = (lab.state / "google-requests.jsonl").read_text(encoding="utf-8").splitlines()
    assert judge_log(lines) == []
    sent = [asked for asked in map(json.loads, lines) if asked["method"] == "POST" and asked["status"] == 200]
    assert [asked["body"]["name"] for asked in sent if asked["path"] == INSTANCES] == ["my-mesh-vm"]
    assert [asked["body"]["name"] for asked in sent if asked["path"].endswith("/global/firewalls")] == [
        "cluster-pods-to-vm"
    ]
    last = [asked["body"] for asked in sent if asked["path"] == f"{INSTANCES}/my-mesh-vm/setMetadata"][-1]
    assert not [item for item in last["items"] if item["key"] == "ssh-keys" and item["value"]]


def test_an_instance_that_exists_is_picked_and_its_host_key_accepted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with lab_world(tmp_path / "lab") as lab:
        plan = yaml.safe_load((lab.state / "google-plan.yaml").read_text(encoding="utf-8"))
        (machine,) = plan["machines"]
        del machine["gce"]["create"]
        small = tmp_path / "plan.yaml"
        small.write_text(yaml.safe_dump(plan), encoding="utf-8")
        environment = lab.environment | {"HOME": str(home)}
        command = (sys.executable, "-m", "meshvm_tui", "onboard", "--plan", str(small))
        with Terminal(command, environment, 140, 45) as terminal:
            on_stage(terminal, Stage.CLUSTER)
            for stage in list(Stage)[1:5]:
                next_stage(terminal, stage)
            terminal.keys("Tab", "F3")
            terminal.type("vm-1")
            terminal.wait_for("1 of")
            terminal.keys("Enter")
            terminal.wait_for("name: vm-1")
            for stage in list(Stage)[5:]:
                next_stage(terminal, stage)
            terminal.keys("C-a")
            asked: list[str] = []
            while "Both answered" not in asked:
                assert len(asked) < 8, asked
                shown = terminal.wait_until(
                    lambda said: any(word in said for word in TURNS), "a question or the end", seconds=60
                )
                asked.append(next(word for word in TURNS if word in shown))
                if asked[-1] != "Both answered":
                    terminal.keys("Enter")
                    terminal.wait_gone(asked[-1])
            assert asked.count("accept this key") == 1, asked
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
