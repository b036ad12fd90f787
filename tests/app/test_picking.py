"""Picking: the dialog is there before its answer, filters what is typed, and never holds anything up."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from meshvm_tui.events import Stage
from meshvm_tui.plan import GceCreate, GkeCluster
from meshvm_tui.problems import PermanentError
from tests.app.fakes import FakeConnections
from tests.app.google import FakeCompute, GoogleConnections, expired_login, machine_type
from tests.app.harness import WIDE, World, world
from tests.app.test_app_wizard import to_stage
from tests.app.test_google_forms import GCE, focus, on_google, row

CREATE = f"{GCE}.create"


async def pick(made: World, path: str, *keys: str) -> None:
    """Opens the field's list, waits for it, and presses keys in it."""
    await focus(made, path)
    await made.press("f3")
    await made.screen("PickDialog")
    await made.until(lambda: made.app.screen.query(".-found"), "the list")
    await made.press(*keys, "enter")
    await made.screen("WizardScreen")


async def test_what_is_picked_fills_its_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = GoogleConnections()
    async with world(tmp_path, monkeypatch, connections=connections, size=WIDE) as made:
        await focus(made, "cluster.gke")
        await made.press("f3")
        await made.says("GKE clusters", "Autopilot", "private nodes", "3 of 3", "! did not answer: europe-west4-a")
        await made.press(*"standard eu")
        await made.says("2 of 3")
        await made.press("enter")
        await made.screen("WizardScreen")
        picked = GkeCluster(project="acme-prod", location="europe-west1", name="prod")
        assert made.wizard.plan.cluster.gke == picked
        await to_stage(made, Stage.MACHINE)
        await pick(made, GCE, *"web")
        machine = made.wizard.plan.machines[0]
        assert machine.gce and (machine.name, machine.host, machine.gce.zone) == ("web-1", None, "europe-west1-b")
        assert row(made, "machines.{machine}.name").text == "web-1"
        await pick(made, f"{GCE}.zone", "down")
        await focus(made, CREATE)
        await made.press("y")
        await pick(made, f"{CREATE}.imageFamily", *"ubuntu")
        await pick(made, f"{CREATE}.subnet", *"def")
        gce = made.wizard.plan.machines[0].gce
        assert gce and (gce.project, gce.zone) == ("acme-prod", "us-central1-a")
        assert gce.create == GceCreate(
            image_family="ubuntu-2404-lts-amd64", image_project="ubuntu-os-cloud", subnet="default"
        )
        assert ("subnetworks", "acme-prod", "us-central1") in connections.compute.calls
        # The name of an instance can be picked too; then it is not created.
        await pick(made, "machines.{machine}.name", *"batch")
        machine = made.wizard.plan.machines[0]
        assert machine.gce and (machine.name, machine.gce.zone, machine.gce.create) == (
            "batch-1",
            "us-central1-a",
            None,
        )
        await focus(made, "machines.{machine}.ssh.user")
        await made.press("f3")
        assert type(made.app.screen).__name__ == "WizardScreen", "nothing can be picked there"


async def test_nothing_waits_for_a_slow_google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compute = FakeCompute(slow=True)
    async with world(tmp_path, monkeypatch, plan=on_google(), connections=GoogleConnections(compute=compute)) as made:
        await to_stage(made, Stage.MACHINE)
        await focus(made, f"{GCE}.zone")
        made.burst("f3", *"up")
        await made.says("Zones", "Asking Google …", "up")
        await made.press("escape")
        await made.screen("WizardScreen")
        await made.press("end", *"us-east1-b")
        await made.until(lambda: made.wizard.plan.machines[0].gce.zone == "us-east1-b")  # type: ignore[union-attr]
        # The answer to the dialog that was left comes while another one asks: it is nobody's.
        await focus(made, f"{CREATE}.machineType")
        await made.press("f3")
        await made.until(lambda: len([call for call in compute.calls if call[0] != "defaults"]) == 2, "both are asked")
        compute.let()
        await made.says("Machine types", "Asking Google …")
        await made.press(*"n1")
        compute.let()
        await made.until(lambda: made.app.screen.query(".-found"), "the list")
        await made.says("1 of 4", "n1-standard-2")
        assert "us-central1-a" not in made.text()
        await made.press("escape")
        await made.screen("WizardScreen")
        assert made.wizard.plan.machines[0].gce.create == GceCreate()  # type: ignore[union-attr]


async def test_a_problem_is_shown_and_asked_anew_once_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = tuple(machine_type(f"n{at % 9}-custom-{at}", at, at * 1024) for at in range(1, 501))
    compute = FakeCompute(problem=expired_login(), types=types)
    async with world(tmp_path, monkeypatch, plan=on_google(), connections=GoogleConnections(compute=compute)) as made:
        await to_stage(made, Stage.MACHINE)
        await focus(made, f"{CREATE}.machineType")
        await made.press("f3")
        await made.says("✗ MVM-802 The Google login has expired", "Reauthentication is needed")
        await made.says("Run gcloud auth application-default login, then retry.", "F3 ask again")
        await made.press("enter")
        assert made.wizard.plan == on_google(), "there is nothing to pick in a problem"
        compute.problem = None
        await made.press("f3")
        await made.says("500 of 500", "F3 ask again    esc leave")
        assert "MVM-802" not in made.text()
        options = made.app.screen.query_one(OptionList)
        await made.until(lambda: options.size.height, "the list is laid out")
        height = options.size.height
        await made.press(*"custom-49", "down", "down", "up")
        await made.says("11 of 500", "n4-custom-49")
        assert options.highlighted == 1 and options.size.height == height, "a filter moves nothing"
        await made.press(*"x")
        await made.says("None of 500 has that.")
        await made.press("enter", "backspace", "down", "enter")
        await made.until(lambda: row(made, f"{CREATE}.machineType").text == "n1-custom-496")


async def test_contexts_that_cannot_be_read_are_a_problem_of_the_dialog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = FakeConnections(problem=PermanentError("MVM-101", "there is no kubeconfig"))
    async with world(tmp_path, monkeypatch, connections=connections) as made:
        await made.press("f3")
        await made.says("✗ MVM-101", "there is no kubeconfig")
        connections.problem = None
        await made.press("f3")
        await made.says("2 of 2")
        await made.press(*"oth", "enter")
        await made.until(lambda: made.wizard.plan.cluster.context == "other")
        assert isinstance(made.wizard.focused, Input)
