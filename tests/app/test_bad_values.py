"""A bad value in every field: it is told in the field's own line with what is valid, and neither it nor the last valid
value is lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from meshvm_tui.events import Stage
from meshvm_tui.plan import Plan
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.plan_fields import with_a_machine
from meshvm_tui.screens.field_row import FieldRow
from meshvm_tui.screens.fields import Field
from meshvm_tui.screens.stage_forms import FORMS
from tests.app.harness import world

ANYTHING = {
    "cluster.context": "any name may stand in a kubeconfig",
    "cluster.kubeconfig": "a path",
    "mesh.upgradeCluster": "compared with the context's name",
    "machines.{machine}.ssh.key": "a path",
    "sidecar.package": "official, a URL or a path",
}
"""Fields in which no text is wrong by itself: whether they are right is for the world to say."""
BAD = "Bad Name!"
TYPED = [
    (stage, field)
    for stage, form in FORMS.items()
    for field in form.fields
    if not field.choices and field.path not in ANYTHING
]


def draft_with(field: Field) -> PlanDraft:
    """A draft in which the field is there."""
    draft = PlanDraft(with_a_machine(Plan()))
    for condition in field.when:
        draft.edit(condition.path.replace("{machine}", "0"), condition.kind, condition.texts[0])
    return draft


@pytest.mark.parametrize(("stage", "field"), TYPED, ids=lambda item: getattr(item, "path", item))
def test_what_is_no_value_is_refused_with_what_is_valid(stage: Stage, field: Field) -> None:
    draft = draft_with(field)
    path = field.path.replace("{machine}", "0")
    before = draft.plan
    edited = draft.edit(path, field.kind, BAD)
    assert BAD in edited.error, f"{stage} {path} takes {BAD!r}"
    assert "valid:" in edited.error or "such as" in edited.error
    assert edited.plan == before


@pytest.mark.parametrize("path", sorted(ANYTHING))
def test_only_these_take_anything(path: str) -> None:
    field = next(field for form in FORMS.values() for field in form.fields if field.path == path)
    assert not draft_with(field).edit(path.replace("{machine}", "0"), field.kind, BAD).error


@pytest.mark.parametrize("stage", [stage for stage in FORMS if any(at is stage for at, _ in TYPED)])
async def test_every_field_of_a_stage_says_what_is_wrong_and_takes_the_right_value_back(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as made:
        made.burst(*["ctrl+n"] * list(Stage).index(stage))
        await made.until(lambda: made.wizard.stage is stage)
        for row in typed_rows(made.wizard.pane.rows()):
            before, plan = row.text, made.wizard.plan
            made.wizard.set_focus(row.editor)
            await made.press("end", "ctrl+u", *BAD)
            await made.until(partial(refused, row), f"{row.field.path} is refused")
            assert row.text == BAD
            await made.says(f"{row.field.label.strip()}: ", f"a valid {row.field.label.strip()}")
            await made.press("ctrl+u", *before)
            await made.until(partial(accepted, row), f"{row.field.path} is valid again")
            assert made.wizard.plan == plan


def refused(row: FieldRow) -> bool:
    """Whether the row says that its text is wrong."""
    return bool(row.error)


def accepted(row: FieldRow) -> bool:
    """Whether nothing is wrong with the row's text."""
    return not row.error


def typed_rows(rows: list[FieldRow]) -> list[FieldRow]:
    """Those in which something wrong can be typed."""
    return [row for row in rows if not row.field.choices and row.field.path not in ANYTHING and not row.editor.disabled]
