"""What goes wrong in a run is mended from its own screen: a field of the plan, and a login that has expired."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshvm_tui.events import Stage
from tests.journeys.form import next_stage, on_stage
from tests.journeys.looks import coloured
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")
SIZES = [(80, 24), (140, 45)]


@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_port_is_mended_where_it_is_shown_and_the_run_goes_on(tmp_path: Path, size: tuple[int, int]) -> None:
    with lab_world(tmp_path / "lab") as lab:
        port = 0

        def elsewhere(plan: dict[str, Any]) -> None:
            nonlocal port
            ssh = plan["machines"][0]["ssh"]
            port, ssh["port"] = ssh["port"], 9

        plan = lab.edit_plan(elsewhere)
        environment = coloured(lab.environment, tmp_path, size)
        with Terminal([*PRODUCT, "onboard", "--plan", str(plan)], environment, *size) as terminal:
            on_stage(terminal, Stage.CLUSTER)
            for stage in list(Stage)[1:]:
                next_stage(terminal, stage)
            terminal.keys("C-a")
            terminal.wait_for("MVM-402", "mend SSH port", seconds=120)
            terminal.keys("Enter")
            terminal.wait_for("take it and go on")
            terminal.keys("C-u")
            terminal.type("70000")
            terminal.keys("Enter")
            terminal.wait_for("'70000' is not valid", "65535")
            terminal.keys("C-u")
            terminal.type(str(port))
            terminal.keys("Enter")
            terminal.wait_until(
                lambda shown: "Enter applies them." in shown and "stops at" not in shown,
                "all is listed",
                seconds=120,
            )
            terminal.keys("Enter")
            terminal.wait_for("Both answered", seconds=180)
            terminal.keys("C-q")
            assert terminal.exit_status() == 0


def listed(shown: str) -> bool:
    """Whether the review is complete, and nothing stands in its way."""
    return "Enter applies them." in shown and "stops at" not in shown


def with_a_plugin(lab: LabWorld, folder: Path) -> Path:
    """The lab's kubeconfig with a credential plugin whose login has expired until its own gcloud was run."""
    config: dict[str, Any] = yaml.safe_load((lab.state / "kubeconfig").read_text(encoding="utf-8"))
    renewed, answer = folder / "renewed", folder / "answer"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": config["users"][0]["user"]["token"]},
    }
    answer.write_text(json.dumps(credential), encoding="utf-8")
    expired = "echo 'the login has expired: please run: gcloud auth login' >&2; exit 1"
    script(folder / "plugin", f"[ -f {renewed} ] || {{ {expired}; }}\ncat {answer}")
    script(folder / "gcloud", f'printf \'the code of %s: \' "$*"; read code; [ "$code" = sesame ] && : >{renewed}')
    config["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(folder / "plugin"),
            "interactiveMode": "IfAvailable",
        }
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_a_login_that_expires_has_the_terminal_and_the_review_goes_on(tmp_path: Path) -> None:
    with lab_world(tmp_path / "lab") as lab:
        folder = tmp_path / "tools"
        folder.mkdir()
        kubeconfig = with_a_plugin(lab, folder)
        environment = {**lab.environment, "PATH": f"{folder}:{lab.environment['PATH']}"}
        plan = lab.edit_plan(lambda value: value["cluster"].update(kubeconfig=str(kubeconfig)))
        with Terminal([*PRODUCT, "onboard", "--plan", str(plan)], environment, 80, 24) as terminal:
            on_stage(terminal, Stage.CLUSTER)
            for code, said in (("wrong", "MVM-723"), ("sesame", "Nothing to change")):
                terminal.keys("C-a")
                terminal.wait_for("MVM-105", "log in", "look again", seconds=120)
                terminal.keys("Enter")
                terminal.wait_for("the code of auth login:")
                assert terminal.state("alternate_on") == "0"
                terminal.type(code)
                terminal.keys("Enter")
                terminal.wait_for(said, seconds=120)
                assert terminal.state("alternate_on") == "1"
                if code == "wrong":
                    terminal.keys("Escape", "Escape")
                    on_stage(terminal, Stage.CLUSTER)
            terminal.keys("C-q")
            assert terminal.exit_status() == 0
