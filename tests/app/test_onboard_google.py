"""onboard --project and --zone: the plan begins on Google Cloud, or its parts there are elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from meshvm_tui.commands import onboard
from meshvm_tui.locations import sessions_dir
from meshvm_tui.plan import GceInstance, GkeCluster, Machine, Plan
from meshvm_tui.plan_file import dump_plan
from meshvm_tui.problems import PermanentError
from meshvm_tui.session_store import SessionStore


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What the app would have been started with."""
    started: list[dict[str, Any]] = []
    monkeypatch.setenv("MESHVM_TUI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(onboard, "need_terminal", lambda instead: None)

    def show_app(**given: Any) -> int:
        started.append(given)
        return 0

    monkeypatch.setattr(onboard, "show_app", show_app)
    return started


def run(*arguments: str) -> Any:
    """The command; its exceptions go on."""
    return CliRunner().invoke(onboard.onboard, arguments, standalone_mode=False, catch_exceptions=False)


def test_without_a_plan_the_machine_is_on_compute_engine(shown: list[dict[str, Any]]) -> None:
    run("--project", "acme-prod", "--zone", "europe-west1-b", "--context", "prod")
    plan = shown[0]["plan"]
    assert [machine.gce for machine in plan.machines] == [GceInstance(project="acme-prod", zone="europe-west1-b")]
    assert plan.cluster.context == "prod" and plan.cluster.gke is None
    with pytest.raises(PermanentError, match="a zone such as"):
        run("--zone", "Europe")


def test_a_plans_google_parts_are_moved(shown: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    plan = Plan(machines=[Machine(name="a", gce=GceInstance(zone="us-central1-a")), Machine(name="b", host="10.1.1.1")])
    plan.cluster.gke = GkeCluster(location="europe-west1", name="prod")
    path.write_text(dump_plan(plan))
    run("--plan", str(path), "--project", "acme-prod")
    held = SessionStore(sessions_dir()).read(shown[0]["name"]).plan
    assert held.cluster.gke and held.cluster.gke.project == "acme-prod"
    assert held.machines[0].gce == GceInstance(project="acme-prod", zone="us-central1-a")
    assert held.machines[1] == plan.machines[1]


def test_a_plan_without_google_has_no_use_for_them(shown: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(dump_plan(Plan(machines=[Machine(name="b", host="10.1.1.1")])))
    with pytest.raises(click.UsageError, match="no machine on Compute Engine"):
        run("--plan", str(path), "--zone", "europe-west1-b")
    assert shown == []
