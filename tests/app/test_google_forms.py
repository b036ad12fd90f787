"""Cluster and Machine with Google Cloud: lines that come and go, defaults that are gcloud's, the cursor always seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.events import Stage
from meshvm_tui.plan import GceCreate, GceInstance, Machine, Plan, Ssh, Via
from meshvm_tui.screens.field_row import FieldRow
from tests.app.google import GoogleConnections
from tests.app.harness import WIDE, World, world
from tests.app.test_app_wizard import to_stage

GCE = "machines.{machine}.gce"


def row(made: World, path: str) -> FieldRow:
    """The line of a path that is there now."""
    return next(row for row in made.wizard.pane.rows() if row.field.path == path)


def paths(made: World) -> list[str]:
    """The lines that are there now."""
    return [row.field.path for row in made.wizard.pane.rows()]


async def focus(made: World, path: str) -> None:
    """Puts the cursor into a field."""
    made.wizard.set_focus(row(made, path).editor)
    await made.press()


async def type_into(made: World, path: str, text: str) -> None:
    """Replaces what stands in a field."""
    await focus(made, path)
    await made.press("end", *["backspace"] * len(row(made, path).text), *text)


def on_google() -> Plan:
    """A plan with one instance to be created."""
    return Plan(machines=[Machine(name="vm-1", gce=GceInstance(create=GceCreate()))])


async def test_a_machine_goes_to_compute_engine_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = GoogleConnections()
    async with world(tmp_path, monkeypatch, connections=connections) as made:
        await to_stage(made, Stage.MACHINE)
        assert not [path for path in paths(made) if path.startswith((f"{GCE}.", "firewall"))]
        await made.press("f3")
        assert type(made.app.screen).__name__ == "WizardScreen"
        assert connections.compute.calls == [], "a host needs nothing of Google"
        await made.press("tab", "y")
        await made.until(lambda: made.wizard.plan.machines[0].gce)
        assert made.wizard.plan.machines[0].host is None
        assert "machines.{machine}.host" not in paths(made) and "firewall.name" in paths(made)
        assert f"{GCE}.create.machineType" not in paths(made)
        await made.says("empty: acme-prod CLOUDSDK_CORE_PROJECT", "empty: europe-west1-b configuration work")
        assert all(name.startswith("meshvm-ask-") for name in connections.compute.threads)
        await type_into(made, f"{GCE}.zone", "us-central1-a")
        await made.until(lambda: "configuration work" not in made.words(), "a value of its own has no other source")
        # A text that is not valid is in nobody's way while its part is off, and is there again with it.
        await focus(made, f"{GCE}.create")
        await made.press("y")
        await type_into(made, f"{GCE}.create.tags", "No_Tag")
        await made.says("Next waits for a valid Network tags")
        await focus(made, GCE)
        await made.press("n")
        await made.until(lambda: made.wizard.plan.machines[0].host == "10.128.0.7")
        assert row(made, "machines.{machine}.host").text == "10.128.0.7"
        assert not made.wizard.pane.why_not_next()
        await made.press("y")
        tags = row(made, f"{GCE}.create.tags")
        assert tags.text == "No_Tag" and tags.error
        assert row(made, f"{GCE}.zone").text == "us-central1-a"
        await type_into(made, f"{GCE}.create.tags", "web")
        await focus(made, "machines.{machine}.ssh.via")
        await made.press("j")
        await made.says("Next waits for Jump host of vm-1")
        await made.press("e")
        await made.until(lambda: "machines.{machine}.ssh.jump" not in paths(made))
        made.burst("j", "tab", *"me@bastion")
        await made.until(lambda: made.wizard.plan.machines[0].ssh == Ssh(via=Via.JUMP, jump="me@bastion"))
        await made.press("ctrl+n")
        assert made.wizard.stage is Stage.FILES


async def test_a_gke_cluster_lacks_its_names_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, connections=GoogleConnections()) as made:
        await focus(made, "cluster.gke")
        await made.press("y")
        await made.says("Next waits for Location of the GKE cluster", "not needed with GKE", "empty: acme-prod")
        await made.press("ctrl+n")
        assert str(made.wizard.stage) == "Cluster" and made.wizard.plan.cluster.gke is None
        await type_into(made, "cluster.gke.location", "europe-west1")
        await type_into(made, "cluster.gke.name", "prod")
        await made.says("GKE prod, europe-west1 ·")
        await made.press("ctrl+n")
        assert made.wizard.stage is Stage.MESH
        await made.press("escape")
        assert row(made, "cluster.gke.name").text == "prod"


def long_form() -> Plan:
    """A plan with every line of the Machine stage."""
    return Plan(machines=[Machine(name="vm-1", gce=GceInstance(create=GceCreate()), ssh=Ssh(via=Via.JUMP, jump="b"))])


async def test_the_field_with_the_cursor_is_always_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, plan=long_form(), connections=GoogleConnections()) as made:
        await to_stage(made, Stage.MACHINE)
        pane, rows = made.wizard.pane, made.wizard.pane.rows()
        assert len(rows) > 24 and len({line.editor.region.x for line in rows}) == 1
        for line in rows:
            assert made.wizard.focused is line.editor, line.field.path
            await made.until(lambda: pane.region.contains_region(line.editor.region), line.field.path)  # noqa: B023
            await made.press("tab")


async def test_a_wide_screen_shows_the_whole_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, plan=long_form(), size=WIDE, connections=GoogleConnections()) as made:
        await to_stage(made, Stage.MACHINE)
        rows = made.wizard.pane.rows()
        await made.until(lambda: all(line.editor.region.width >= 20 for line in rows), "room for values")
        assert len({line.editor.region.x for line in rows}) == 1
        assert all(made.wizard.pane.region.contains_region(line.region) for line in rows)


async def test_every_key_of_a_stage_stands_in_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, connections=GoogleConnections(), plan=on_google()) as made:
        await to_stage(made, Stage.MACHINE)
        await made.says("^N Next ^A Review esc Back F2 Panel F3 Pick F4 VMs ^L Log ^Q Quit F1 Help")
