"""F1 says what the screen and the field are for, what is valid, and the keys as they are set."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from meshvm_tui.app_base import Look
from meshvm_tui.events import Mode, RunFinished
from meshvm_tui.plan import Plan
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.plan_fields import Kind
from meshvm_tui.plan_file import json_schema
from meshvm_tui.plan_valid import plain_path, valid_words
from meshvm_tui.plan_words import PLAN_WORDS
from meshvm_tui.preferences import Preferences, Remapped
from meshvm_tui.screens.fields import Field
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.run_lines import done_words
from meshvm_tui.screens.stage_forms import FORMS
from tests.app.fakes import plan_with_vm
from tests.app.harness import NARROW, WIDE, world

FIELDS = {f"{field.path} {field.variant}": field for form in FORMS.values() for field in form.fields}
FREE = ("cluster.context", "cluster.kubeconfig", "mesh.upgradeCluster", "sidecar.package", "machines.ssh.key")


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_every_field_says_what_it_is_for_and_its_example_is_valid(field: Field) -> None:
    words = PLAN_WORDS[plain_path(field.path)]
    assert words.purpose.endswith(".")
    draft = PlanDraft(plan_with_vm())
    place = field.path.replace("{machine}", "0")
    for part in ("cluster.gke", "machines.0.gce", "machines.0.gce.create"):
        if place.startswith(f"{part}."):
            draft.edit(part, Kind.PART, "yes")
    if words.example:
        assert draft.edit(place, field.kind, words.example).error == ""


@pytest.mark.parametrize("path", [path for path in PLAN_WORDS if not path.startswith(("workload.probe", "google."))])
def test_what_is_valid_is_known_where_not_everything_is(path: str) -> None:
    assert path in FREE or path.endswith("ddress") or PLAN_WORDS[path].valid or valid_words(path)


def test_the_schema_describes_every_field() -> None:
    schema = json_schema()
    assert schema["$defs"]["Mesh"]["properties"]["revision"]["description"].startswith("The control plane")
    assert PLAN_WORDS["machines.ssh.via"].purpose in json.dumps(schema)
    assert Plan.model_validate({}).mesh.revision == "auto"


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_stage_and_its_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    async with world(tmp_path, monkeypatch, size=size) as made:
        await made.press("ctrl+n", "tab", "tab", "f1")
        await made.screen("HelpDialog")
        await made.says("Istio's control plane, istiod. One that runs is kept as it is.")
        await made.says("The control plane that the VM joins", "valid", "example", "mesh.revision")
        await made.press("end")
        await made.says("quits; everything is saved", "esc close")
        await made.press("escape")
        await made.screen("WizardScreen")


async def test_an_own_key_stands_in_the_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Preferences(keymap=(Remapped("wizard.next", ("ctrl+g",), 2),))
    async with world(tmp_path, monkeypatch, size=WIDE, look=Look(preferences=own)) as made:
        await made.press("f1")
        await made.screen("HelpDialog")
        await made.press("end")
        await made.says("^G the next stage, once this one lacks nothing")


async def test_a_click_on_a_dialogs_key_presses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, start="home") as made:
        await made.press("f1")
        await made.screen("HelpDialog")
        await made.says("close")
        await made.pilot.click("DialogKeys", offset=(2, 0))
        await made.screen("HomeScreen")


async def test_a_sentence_names_an_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (
        Remapped("review.apply", ("f9",), 2),
        Remapped("wizard.apply", ("f10",), 3),
        Remapped("run.retry", ("t",), 4),
    )
    async with world(tmp_path, monkeypatch, size=WIDE, look=Look(preferences=Preferences(keymap=own))) as made:
        app = made.app
        assert with_own_keys("Enter applies; Ctrl+A", app, Enter="review.apply") == "F9 applies; F10"
        keys = partial(with_own_keys, app=app, Enter="run.onward", R="run.retry")
        ended = RunFinished("2026-11-23T20:00:00Z", "s", Mode.APPLY, 1, changed=False, message="MVM-1 failed")
        assert "T tries again" in done_words(ended, "", keys).plain
