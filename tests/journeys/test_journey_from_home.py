"""From Home to both answers, every value typed with real keys, in a narrow and in a wide terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from meshvm_tui.events import Stage
from tests.journeys.cluster import ENTRIES, LabCluster
from tests.journeys.form import fill, next_stage, values_of
from tests.journeys.guest import logged_in
from tests.journeys.terminal import Terminal
from tests.whole.lab_world import lab_world

pytestmark = pytest.mark.slow

PRODUCT = (sys.executable, "-m", "meshvm_tui")
VM_FILES = (
    "/etc/certs/root-cert.pem",
    "/var/run/secrets/tokens/istio-token",
    "/var/lib/istio/envoy/cluster.env",
    "/etc/istio/config/mesh",
    "/etc/systemd/system/meshvm-http.service",
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("theme", ["dark", "ansi"])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 45)])
def test_from_home_to_both_answers(tmp_path: Path, columns: int, rows: int, theme: str) -> None:
    preferred = tmp_path / "lab/config"
    preferred.mkdir(parents=True)
    (preferred / "config.yaml").write_text(f"theme: {theme}\n", encoding="utf-8")
    with lab_world(tmp_path / "lab") as lab, Terminal(PRODUCT, lab.environment, columns, rows) as terminal:
        plan = yaml.safe_load(lab.plan.read_text(encoding="utf-8"))
        values = values_of(plan)

        terminal.wait_for("New onboarding")
        terminal.keys("Enter")
        # The first frame that shows the form has the layout of its width already.
        frame = terminal.wait_for("Kubeconfig", "Context")
        assert ("Stage 1 of 8" in frame, "● Cluster" in frame) == (columns < 100, columns >= 100), frame
        for stage in list(Stage)[1:]:
            next_stage(terminal, stage)
            if stage is Stage.MESH:
                terminal.wait_for("● keep", "○ install", "○ upgrade")
            if stage in values:
                fill(terminal, stage, values[stage])
        terminal.keys("C-a")
        review = terminal.wait_for("Review", "everything up to Services", "Enter applies them.", seconds=60)
        assert "create" in review
        cluster = LabCluster(lab.state / "kubeconfig")
        assert cluster.items(ENTRIES) == [], "a review changes nothing"
        terminal.keys("Enter")
        shown = terminal.wait_for("Both answered", seconds=150)

        assert "The VM is in the mesh, both ways." in shown
        assert [line for line in shown.splitlines() if "✓ VM → cluster" in line and "200" in line], shown
        assert [line for line in shown.splitlines() if "✓ cluster → VM" in line and "200" in line], shown

        address = plan["machines"][0]["address"]
        assert [entry["spec"]["address"] for entry in cluster.items(ENTRIES)] == [address]
        assert cluster.names("/api/v1/namespaces/default/pods?labelSelector=app.kubernetes.io/managed-by") == []
        with logged_in(lab.state, plan["machines"][0]) as guest:
            for place in VM_FILES:
                assert guest.run(f"sudo cat {place}").strip(), place
            assert guest.run("cat /etc/hosts").count("istiod.istio-system.svc") == 1
            assert guest.run("systemctl is-active istio meshvm-http").split() == ["active", "active"]

        terminal.keys("C-q")
        assert terminal.exit_status() == 0
