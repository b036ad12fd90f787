"""The wizard's forms: what is typed becomes the plan, and what is not valid stays where it was typed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from meshvm_tui.events import Mode, Stage
from meshvm_tui.screens.field_row import Choice, FieldRow
from meshvm_tui.session_store import SessionStore
from tests.app.harness import NARROW, WIDE, World, world


def row(made: World, name: str) -> FieldRow:
    """A field of the stage that is seen."""
    return made.wizard.pane.query_one(f"#field-{name}", FieldRow)


async def to_stage(made: World, stage: Stage) -> None:
    """Steps on to a stage, as fast as keys can come."""
    steps = list(Stage).index(stage) - list(Stage).index(made.wizard.stage)
    made.burst(*["ctrl+n"] * steps)
    await made.until(lambda: made.wizard.stage is stage and made.wizard.pane.rows(), str(stage))
    await made.pilot.pause()


async def test_what_is_typed_is_in_the_plan_and_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.WORKLOAD)
        await made.press(*"edge-vm")
        await made.until(lambda: made.wizard.plan.workload.name == "edge-vm")
        store = SessionStore(tmp_path / "sessions")
        await made.until(lambda: store.read("hello-vm").plan.workload.name == "edge-vm", "saved", 1.0)
        await made.says("· saved")


async def test_keys_of_one_read_land_in_two_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.WORKLOAD)
        made.burst("x", "tab", *"yq", "backspace", "enter", *"z-", "left", "!", "delete", "backspace", "a")
        await made.until(lambda: made.wizard.plan.workload.service_account == "za")
        assert made.wizard.plan.workload.name == "x"
        assert made.wizard.plan.workload.namespace == "y"


async def test_a_busy_editor_loses_no_key_to_quitting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Input._on_key

    async def slow(editor: Input, event: events.Key) -> None:
        await asyncio.sleep(0.12)
        await taken(editor, event)

    monkeypatch.setattr(Input, "_on_key", slow)
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.WORKLOAD)
        made.burst(*"ledger", "ctrl+q")
        await made.until(lambda: not made.app.is_running, "the app has ended")
    assert SessionStore(tmp_path / "sessions").read("hello-vm").plan.workload.name == "ledger"


async def test_keys_that_come_after_the_end_are_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.WORKLOAD)
        made.burst("x", "ctrl+q", "y", "backspace", "tab", "ctrl+n")
        await made.until(lambda: not made.app.is_running, "the app has ended")
    assert made.app.return_code == 0
    assert SessionStore(tmp_path / "sessions").read("hello-vm").plan.workload.name == "x"


async def test_keys_typed_before_the_wizard_is_there_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, start="home") as made:
        made.burst("enter", *"ctx", "ctrl+n", "tab", *"mesh-ns", "ctrl+n")
        await made.screen("WizardScreen")
        await made.until(lambda: made.wizard.stage is Stage.GATEWAY)
        assert made.wizard.plan.cluster.context == "ctx"
        assert made.wizard.plan.mesh.istio_namespace == "mesh-ns"


async def test_a_value_typed_right_before_apply_is_in_the_review(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.WORKLOAD)
        made.burst(*"late", "ctrl+a")
        await made.screen("ReviewScreen")
        await made.until(lambda: any(request.plan.workload.name == "late" for request in made.engine.requests))
        assert made.engine.requests[-1].plan.workload.name == "late"


async def test_a_bad_value_keeps_its_text_and_the_last_valid_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.MACHINE)
        row(made, "machines-machine-ssh-port").editor.focus()
        await made.press(*"70000")
        port = row(made, "machines-machine-ssh-port")
        await made.until(lambda: port.error)
        assert port.text == "70000"
        assert made.wizard.plan.machines[0].ssh.port == 7000
        await made.says("SSH port: '70000' is not valid; valid: 65535 or less", "Next waits for  a valid SSH port")
        await made.press("ctrl+n")
        assert made.wizard.stage.value == "Machine"
        assert made.wizard.focused is port.editor
        await made.press("escape")
        await made.press("ctrl+n")
        assert row(made, "machines-machine-ssh-port").text == "70000"
        await made.press("end", "backspace")
        await made.until(lambda: not port.error)
        await made.press("ctrl+n")
        assert made.wizard.stage is Stage.FILES


async def test_a_machine_without_a_host_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshvm_tui.plan import Plan

    async with world(tmp_path, monkeypatch, plan=Plan()) as made:
        await to_stage(made, Stage.MACHINE)
        await made.says("Next waits for  Host")
        await made.press("tab", "tab", *"10.1.2.3")
        await made.until(lambda: made.wizard.plan.machines and made.wizard.plan.machines[0].host == "10.1.2.3")
        await made.press("ctrl+n")
        assert made.wizard.stage is Stage.FILES


async def test_choices_follow_the_arrows_and_parts_can_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.MESH)
        await made.press("right")
        await made.until(lambda: made.wizard.plan.mesh.install == "install")
        await to_stage(made, Stage.SERVICES)
        assert isinstance(made.wizard.focused, Choice)
        await made.press("n")
        await made.until(lambda: made.wizard.plan.services.hello_world is None)
        assert row(made, "services-helloWorld-image").editor.disabled
        await made.press("y")
        await made.until(lambda: made.wizard.plan.services.hello_world is not None)
        assert row(made, "services-helloWorld-namespace").text == "default"


async def test_what_is_there_is_observed_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await made.says("Nothing to change up to here")
        await to_stage(made, Stage.WORKLOAD)
        await made.says("There now", "4 changes up to here")
        assert {request.mode for request in made.engine.requests} == {Mode.PLAN}


async def test_contexts_are_picked_from_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await made.press("f3")
        await made.screen("PickDialog")
        await made.says("acme", "other")
        await made.press("down", "enter")
        await made.until(lambda: made.wizard.plan.cluster.context == "other")
        assert row(made, "cluster-context").text == "other"


async def test_narrow_shows_one_thing_and_f2_the_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=NARROW) as made:
        await to_stage(made, Stage.WORKLOAD)
        await made.says("Stage 4 of 8  Workload", "next: Machine")
        assert "kind: WorkloadGroup" not in made.text()
        await made.press("f2")
        await made.says("kind: WorkloadGroup", "name: hello-vm")
        assert "ServiceAccount" not in made.text()
        await made.press("ctrl+e")
        await made.says("root-cert.pem")
        await made.press("ctrl+e")
        await made.says("kubectl apply -f workload-group.yaml")
        await made.press("escape")
        await made.says("ServiceAccount    vm-sa")
        assert made.wizard.stage is Stage.WORKLOAD


async def test_wide_shows_rail_form_and_panel_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=WIDE) as made:
        await to_stage(made, Stage.WORKLOAD)
        await made.says("✓ Cluster", "● Workload", "○ Services", "kind: WorkloadGroup")
        await made.press("end", *"-2")
        await made.says("name: hello-vm-2")
        assert "Stage 4 of 8" not in made.text()


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_every_stage_fits_and_every_field_gets_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, size=size) as made:
        for stage in Stage:
            await to_stage(made, stage)
            editors = [field.editor for field in made.wizard.pane.rows()]
            assert made.wizard.focused is editors[0], stage
            assert [widget for widget in made.wizard.focus_chain if widget in editors] == editors
            await made.until(lambda: all(editor.region.width >= 20 for editor in editors), stage)  # noqa: B023


async def test_a_second_machine_is_added_and_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await to_stage(made, Stage.MACHINE)
        made.wizard.action_add_machine()
        await made.pilot.pause()
        assert row(made, "machines-machine-host").text == ""
        made.wizard.pane.put([("machines.{machine}.host", "10.128.0.8")])
        hosts = ["10.128.0.7", "10.128.0.8"]
        await made.until(lambda: [machine.host for machine in made.wizard.plan.machines] == hosts)
        made.wizard.action_other_machine()
        assert row(made, "machines-machine-host").text == "10.128.0.7"
        made.wizard.action_remove_machine()
        assert [machine.host for machine in made.wizard.plan.machines] == ["10.128.0.8"]


async def test_help_log_and_back_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch) as made:
        await made.press("f1")
        await made.says("^A", "lists every change up to here")
        await made.press("escape")
        await made.press("ctrl+l")
        assert made.wizard.has_class("-log-open")
        await made.press("ctrl+l")
        assert isinstance(made.wizard.focused, Input)
        await made.press("escape")
        await made.screen("HomeScreen")
        await made.says("New onboarding", "hello-vm")
        assert made.app.keeper is None
