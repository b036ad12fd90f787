"""One stage's form: what you want (fields), what is there now (observed), what would change.

It edits a copy of the plan and tells each accepted one; a text that is not valid stays in its field, and the plan
stays as it was. Lines whose conditions are not true take no room and no keys.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from meshvm_tui.events import Stage
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.plan_fields import with_a_machine
from meshvm_tui.screens.field_row import FieldRow
from meshvm_tui.screens.file_lines import file_rows, files_of
from meshvm_tui.screens.key_words import with_own_keys
from meshvm_tui.screens.machine_lines import ADD, machine_rows
from meshvm_tui.screens.observed import observed
from meshvm_tui.screens.painted import Painted
from meshvm_tui.screens.row_list import MachineList, RowList
from meshvm_tui.screens.stage_forms import FORMS

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.plan_draft import Unfinished
    from meshvm_tui.screens.board import Board
    from meshvm_tui.screens.fields import Field, When

Setting = tuple[str, str]
"""A value and where it stands."""


class StagePane(VerticalScroll, can_focus=False):
    """The form of one stage.

    `accepted` is called with each new plan, `drafted` with what the plan cannot hold yet: at once and not by a message,
    for a stage that is opened by the next key must not begin with the plan of before.
    """

    class Judged(Message):
        """A text was judged: whether the stage can be left may have changed."""

    class DefaultsWanted(Message):
        """Fields for which gcloud's settings may stand in are seen now."""

    def __init__(
        self,
        stage: Stage,
        plan: Plan,
        accepted: Callable[[Plan], None],
        *,
        machine: int,
        unfinished: Unfinished,
        drafted: Callable[[Unfinished], None],
    ) -> None:
        super().__init__(id=f"stage-{stage.value.lower()}")
        self.stage = stage
        self.form = FORMS[stage]
        self.machine = machine
        self._accepted = accepted
        self._drafted = drafted
        self._board: Board | None = None
        self._draft = PlanDraft(with_a_machine(plan) if stage is Stage.MACHINE else plan, unfinished)
        self._defaults: Mapping[str, Setting] | None = None
        self._asked = False

    def compose(self) -> ComposeResult:
        """The sentence, the fields, and what is there."""
        yield Static(self.form.sentence, classes="stage-sentence", markup=False)
        if self.stage is Stage.MACHINE:
            yield MachineList(id="machine-list")
        for field in self.form.fields:
            yield FieldRow(field, self._text(field), seen=self._all(field.when))
        if self.stage is Stage.FILES:
            yield RowList(id="file-list")
        yield Painted(classes="stage-observed")

    def on_mount(self) -> None:
        """Parts that are left out take no keys."""
        self._settle()

    @property
    def row_list(self) -> RowList | None:
        """The stage's table, where it has one."""
        return self.query_one(RowList) if self.query(RowList) else None

    @property
    def has_form(self) -> bool:
        """Whether its fields are there: not yet while it opens, no more while it is taken down."""
        return any(isinstance(row, FieldRow) for row in self.children)

    def rows(self) -> list[FieldRow]:
        """The fields that are there now, in their order."""
        return [row for row in self.children if isinstance(row, FieldRow) and row.seen]

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
        return self._draft.lacking(self.stage)

    def commit(self) -> None:
        """Judges every text that was typed but not told yet."""
        for row in self.rows():
            if row.text != row.heard:
                row.heard = row.text
                self._judge(row, row.text)

    def show_plan(self, plan: Plan, machine: int | None = None) -> None:
        """Takes the plan as another stage left it; a text with an error stays as it was typed."""
        self._draft.take(with_a_machine(plan) if self.stage is Stage.MACHINE else plan)
        moved = machine is not None and machine != self.machine
        self.machine = self.machine if machine is None else machine
        for row in self.query(FieldRow):
            text = self._text(row.field)
            if moved or (not row.error and text != row.text and not self._means(row, text)):
                row.show_error("")
                row.show_text(text)
        self._asked = False
        self._settle()

    def show_board(self, board: Board) -> None:
        """What is there now."""
        self._board = board
        width = max(40, self.scrollable_content_region.width)
        self.query_one(".stage-observed", Painted).show(observed(board, self.stage, width, self._own_keys))
        self._show_rows(board, width)

    def _own_keys(self, words: str) -> str:
        return with_own_keys(words, self.app, Enter="wizard.advance")

    def _show_rows(self, board: Board, width: int) -> None:
        rows, plan = self.row_list, self._draft.plan
        if isinstance(rows, MachineList):
            rows.show_rows(list(machine_rows(plan, board, width)))
            if rows.chosen != ADD or not rows.has_focus:
                rows.choose(str(self.machine))
            rows.display = len(plan.machines) > 1 or rows.asked
        elif rows is not None:
            rows.show_rows(list(file_rows(files_of(plan, board), time.time(), width)))

    def show_defaults(self, defaults: Mapping[str, Setting]) -> None:
        """What gcloud's settings say."""
        self._defaults = defaults
        self._hint()

    def on_resize(self) -> None:
        """What is there is wrapped anew."""
        if self._board is not None:
            self.show_board(self._board)

    def put(self, texts: Iterable[tuple[str, str]]) -> None:
        """Fills fields, each named by its path, as if they had been typed."""
        for path, text in texts:
            row = next(row for row in self.query(FieldRow) if row.field.path == path and self._all(row.field.when))
            row.show_text(text)
            self._judge(row, text)

    def pick_of(self, row: FieldRow) -> str:
        """The question whose answers can be picked in this field now; "" where there is none."""
        return row.field.pick if self._all(row.field.pick_when) else ""

    def about(self, row: FieldRow) -> dict[str, str]:
        """What stands in the fields that the answer for this one depends on."""
        fields = {field.path: field for field in self.form.fields}
        return {name: self._text(fields[path]) for name, path in row.field.about}

    def on_field_row_typed(self, event: FieldRow.Typed) -> None:
        """A text to judge."""
        event.stop()
        self._judge(event.row, event.text)

    def _judge(self, row: FieldRow, text: str) -> None:
        before, unfinished = self._draft.plan, self._draft.unfinished
        edited = self._draft.edit(self._path(row.field.path), row.field.kind, text)
        row.show_error(edited.error)
        self._settle()
        if edited.plan != before:
            self._accepted(edited.plan)
        if self._draft.unfinished != unfinished:
            self._drafted(self._draft.unfinished)
        self.post_message(self.Judged())

    def _means(self, row: FieldRow, text: str) -> bool:
        """Whether what stands in the field is another spelling of the same value."""
        return self._draft.means(self._path(row.field.path), row.field.kind, row.text, text)

    def _settle(self) -> None:
        """Lines come and go with their conditions; fields of a part that is left out take no keys."""
        for row in self.query(FieldRow):
            seen = self._all(row.field.when)
            present = self._draft.has(self._path(row.field.path))
            if seen and present and (row.editor.disabled or not row.seen) and not row.error:
                row.show_text(self._text(row.field))
            row.show_seen(seen)
            row.show_enabled(present)
        self._hint()

    def _hint(self) -> None:
        wanted = False
        for row in self.rows():
            field = row.field
            hint = next((words for conditions, words in field.hints if self._all(conditions)), field.hint)
            if not field.default:
                row.show_hint(hint)
                continue
            wanted = True
            row.show_hint(*self._default_words(field, hint))
        if wanted and not self._asked:
            self._asked = True
            self.post_message(self.DefaultsWanted())

    def _default_words(self, field: Field, hint: str) -> tuple[str, str]:
        """Hint and stand-in of a field that may be left to gcloud."""
        if self._text(field):
            return hint, ""
        if self._defaults is None:
            return "asking gcloud …", ""
        value, source = self._defaults.get(field.default, ("", ""))
        if not value:
            return "gcloud names none", ""
        return source.removeprefix("gcloud "), f"empty: {value}"

    def _text(self, field: Field) -> str:
        return self._draft.text(self._path(field.path), field.kind)

    def _all(self, conditions: tuple[When, ...]) -> bool:
        return all(self._holds(condition) for condition in conditions)

    def _holds(self, condition: When) -> bool:
        return self._draft.text(self._path(condition.path), condition.kind) in condition.texts

    def _path(self, path: str) -> str:
        return path.replace("{machine}", str(self.machine))
