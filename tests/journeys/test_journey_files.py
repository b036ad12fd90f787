"""The stage Files on a VM that is in the mesh: what somebody alters there is seen by file and key, and mended."""

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
CLUSTER_ENV = "var/lib/istio/envoy/cluster.env"
TOKEN = "run/secrets/tokens/istio-token"
PATIENCE = 60


@pytest.fixture(scope="module")
def onboarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    """A lab in which the first VM is in the mesh."""
    with lab_world(tmp_path_factory.mktemp("files") / "lab") as lab:
        plan = lab.edit_plan(lambda value: value.update(machines=value["machines"][:1]))
        done = lab.run("apply", "-f", str(plan), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "is in its place" in done.stdout + done.stderr
        yield lab


def says(terminal: Terminal, name: str, standing: str) -> str:
    """Waits until the table says this of a file."""

    def there(screen: str) -> bool:
        return any(f" {name} " in line and f" {standing} " in line for line in screen.splitlines())

    return terminal.wait_until(there, f"{name}: {standing}", seconds=PATIENCE)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 45)])
def test_an_altered_file_is_seen_shown_and_mended(onboarded: LabWorld, tmp_path: Path, columns: int, rows: int) -> None:
    environment = onboarded.environment | {"MESHVM_TUI_STATE_DIR": str(tmp_path / "state")}
    command = [*PRODUCT, "onboard", "--plan", str(onboarded.state / "edited-plan.yaml")]
    secret = (onboarded.vm_root() / TOKEN).read_text(encoding="utf-8").strip()
    file = onboarded.vm_root() / CLUSTER_ENV
    with Terminal(command, environment, columns, rows) as terminal:
        on_stage(terminal, Stage.CLUSTER)
        for stage in (Stage.MESH, Stage.GATEWAY, Stage.WORKLOAD, Stage.MACHINE, Stage.FILES):
            next_stage(terminal, stage)
        says(terminal, "cluster.env", "same")
        says(terminal, "istio-token", "same")
        terminal.wait_for("left of the token", seconds=PATIENCE)

        file.write_text(file.read_text(encoding="utf-8").replace("hello-vm", "other-vm"), encoding="utf-8")
        says(terminal, "cluster.env", "differs")
        says(terminal, "mesh.yaml", "same")
        terminal.keys("F4", "Down", "Down", "Enter")
        terminal.wait_for("cluster.env  of vm-1", "is 'other-vm', wanted 'hello-vm'", seconds=PATIENCE)
        terminal.keys("Escape", "Up", "Enter")
        shown = terminal.wait_for("istio-token  of vm-1", "never shown", "left of the token", seconds=PATIENCE)
        assert not any(part in "".join(shown.split()) for part in secret.split("."))

        terminal.keys("Escape", "Escape", "C-n")
        on_stage(terminal, Stage.INSTALL)
        terminal.wait_for("up to here", "Ctrl+A lists them", seconds=PATIENCE)
        terminal.keys("C-a")
        terminal.wait_for("Enter applies them", seconds=PATIENCE)
        terminal.keys("Enter")
        terminal.wait_for("✓ Done.", seconds=2 * PATIENCE)
        terminal.keys("Escape")
        on_stage(terminal, Stage.INSTALL, seconds=PATIENCE)
        terminal.keys("Escape")
        on_stage(terminal, Stage.FILES)
        says(terminal, "cluster.env", "same")
        terminal.keys("C-q")
        assert terminal.exit_status(seconds=PATIENCE) == 0
    assert "other-vm" not in file.read_text(encoding="utf-8")
