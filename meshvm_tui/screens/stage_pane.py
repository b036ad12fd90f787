"""One stage's form: what you want (fields), what is there now (observed), what would change.

It edits a copy of the plan and tells each accepted one; a text that is not valid stays in its field, and the plan
stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from meshvm_tui.events import Stage
from meshvm_tui.plan_fields import edit, has, lacking, text_of, with_a_machine
from meshvm_tui.screens.field_row import FieldRow
from meshvm_tui.screens.observed import observed
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.stage_forms import FORMS

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import Board


class StagePane(VerticalScroll, can_focus=False):
    """The form of one stage.

    `accepted` is called with each new plan at once, not by a message: a stage that is opened by the next key must
    not begin with the plan of before.
    """

    class Judged(Message):
        """A text was judged: whether the stage can be left may have changed."""

    def __init__(self, stage: Stage, plan: Plan, accepted: Callable[[Plan], None], machine: int = 0) -> None:
        super().__init__(id=f"stage-{stage.value.lower()}")
        self.stage = stage
        self.form = FORMS[stage]
        self.machine = machine
        self._accepted = accepted
        self._board: Board | None = None
        self._plan = with_a_machine(plan) if stage is Stage.MACHINE else plan

    def compose(self) -> ComposeResult:
        """The sentence, the fields, and what is there."""
        yield Static(self.form.sentence, classes="stage-sentence", markup=False)
        for field in self.form.fields:
            yield FieldRow(field, text_of(self._plan, self._path(field.path), field.kind))
        yield Painted(classes="stage-observed")

    def on_mount(self) -> None:
        """Parts that are left out take no keys."""
        self._enable()

    def rows(self) -> list[FieldRow]:
        """The fields in their order."""
        return list(self.query(FieldRow))

    def focus_first(self) -> None:
        """Puts the cursor in the first field, or in the first one that is wrong."""
        rows = self.rows()
        wrong = [row for row in rows if row.error]
        # At once: `focus()` would only be done after the keys that were typed meanwhile.
        self.screen.set_focus((wrong or rows)[0].editor)

    def focus_after(self) -> bool:
        """Moves on to the next field; False where the cursor is in the last one."""
        editors = [row.editor for row in self.rows() if not row.editor.disabled]
        focused = self.screen.focused
        if focused not in editors:
            self.screen.set_focus(editors[0])
            return True
        at = editors.index(focused)
        if at + 1 == len(editors):
            return False
        self.screen.set_focus(editors[at + 1])
        return True

    def why_not_next(self) -> str:
        """Why the stage cannot be left yet; "" where it can."""
        for row in self.rows():
            if row.error:
                return f"a valid {row.field.label.strip()}"
        return lacking(self._plan, self.stage)

    def commit(self) -> None:
        """Judges every text that was typed but not told yet."""
        for row in self.rows():
            if row.text != row.heard:
                row.heard = row.text
                self._judge(row, row.text)

    def show_plan(self, plan: Plan, machine: int | None = None) -> None:
        """Takes the plan as another stage left it; a text with an error stays as it was typed."""
        self._plan = with_a_machine(plan) if self.stage is Stage.MACHINE else plan
        moved = machine is not None and machine != self.machine
        self.machine = self.machine if machine is None else machine
        for row in self.rows():
            text = text_of(self._plan, self._path(row.field.path), row.field.kind)
            if moved or (not row.error and text != row.text and not self._means(row, text)):
                row.show_error("")
                row.show_text(text)
        self._enable()

    def show_board(self, board: Board) -> None:
        """What is there now."""
        self._board = board
        width = max(40, self.scrollable_content_region.width)
        self.query_one(".stage-observed", Painted).show(observed(board, self.stage, width))

    def on_resize(self) -> None:
        """What is there is wrapped anew."""
        if self._board is not None:
            self.show_board(self._board)

    def put(self, name: str, text: str) -> None:
        """Fills a field as if it had been typed."""
        row = self.query_one(f"#{name}", FieldRow)
        row.show_text(text)
        self._judge(row, text)

    def on_field_row_typed(self, event: FieldRow.Typed) -> None:
        """A text to judge."""
        event.stop()
        self._judge(event.row, event.text)

    def _judge(self, row: FieldRow, text: str) -> None:
        edited = edit(self._plan, self._path(row.field.path), row.field.kind, text)
        row.show_error(edited.error)
        if not edited.error and edited.plan != self._plan:
            self._plan = edited.plan
            self._enable()
            self._accepted(edited.plan)
        self.post_message(self.Judged())

    def _means(self, row: FieldRow, text: str) -> bool:
        """Whether what stands in the field is another spelling of the same value."""
        edited = edit(self._plan, self._path(row.field.path), row.field.kind, row.text)
        return not edited.error and text_of(edited.plan, self._path(row.field.path), row.field.kind) == text

    def _enable(self) -> None:
        for row in self.rows():
            present = has(self._plan, self._path(row.field.path))
            if present and row.editor.disabled:
                row.show_text(text_of(self._plan, self._path(row.field.path), row.field.kind))
            row.show_enabled(present)

    def _path(self, path: str) -> str:
        return path.replace("{machine}", str(self.machine))
