"""A stage that is on the screen follows the world: what somebody else changes shows without a key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.events import Stage
from tests.journeys.form import next_stage, on_stage
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = pytest.mark.slow

PRODUCT = (sys.executable, "-m", "meshvm_tui")
GROUP = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadgroups/hello-vm"


@pytest.fixture(scope="module")
def onboarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    """A lab in which the first VM is in the mesh."""
    with lab_world(tmp_path_factory.mktemp("observed") / "lab") as lab:
        plan = lab.edit_plan(lambda value: value.update(machines=value["machines"][:1]))
        done = lab.run("apply", "-f", str(plan), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        yield lab


def with_port(lab: LabWorld, port: int) -> int:
    """Somebody else sets the group's port; what it was before."""
    group = lab.api("GET", GROUP)
    ports = group["spec"]["template"]["ports"]
    before, ports["http"] = int(ports["http"]), port
    lab.api("PUT", GROUP, group)
    return before


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 45)])
def test_what_somebody_else_changes_shows_without_a_key(
    onboarded: LabWorld, tmp_path: Path, columns: int, rows: int
) -> None:
    environment = onboarded.environment | {"MESHVM_TUI_STATE_DIR": str(tmp_path / "state")}
    command = [*PRODUCT, "onboard", "--plan", str(onboarded.state / "edited-plan.yaml")]
    with Terminal(command, environment, columns, rows) as terminal:
        on_stage(terminal, Stage.CLUSTER)
        for stage in (Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD):
            next_stage(terminal, stage)
        terminal.wait_for("Nothing to change up to here", seconds=60)
        port = with_port(onboarded, 81)
        terminal.wait_for("! WorkloadGroup: Another manager owns this", seconds=60)
        with_port(onboarded, port)
        terminal.wait_for("Nothing to change up to here", seconds=60)

        for stage in (Stage.MACHINE, Stage.FILES, Stage.INSTALL):
            next_stage(terminal, stage)
        terminal.wait_for("Nothing to change up to here", seconds=60)
        onboarded.inside("sudo systemctl stop istio")
        terminal.wait_for("istio.service is not active", seconds=60)
        onboarded.inside("sudo systemctl start istio")
        terminal.wait_for("Nothing to change up to here", seconds=60)
        terminal.keys("C-q")
        assert terminal.exit_status() == 0
