"""The wizard's tables: the five files, and the plan's machines, of which one at a time is in the form."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import on

from meshvm_tui.events import Stage
from meshvm_tui.plan_fields import plan_with_machine_added, plan_without_machine
from meshvm_tui.screens.dialogs import ConfirmDialog
from meshvm_tui.screens.file_dialog import FileDialog
from meshvm_tui.screens.file_lines import files_of
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.machine_lines import ADD
from meshvm_tui.screens.messages import PlanEdited
from meshvm_tui.screens.row_list import MachineList, RowList
from meshvm_tui.screens.stage_pane import StagePane
from meshvm_tui.screens.wizard_frame import WizardFrame

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan


class WizardLists(WizardFrame):
    """What the keys in a table do, and what adds and removes a machine."""

    def action_list(self, stage: str) -> None:
        """Into the stage's table, or back to the fields."""
        rows = self.pane.row_list
        if rows is None or self.focused is rows:
            self.pane.focus_first()
            return
        self.close_panels()
        if isinstance(rows, MachineList):
            rows.asked = rows.display = True
        self.set_focus(rows)

    @on(MachineList.OptionHighlighted, "#machine-list")
    def _machine_under_cursor(self, event: MachineList.OptionHighlighted) -> None:
        """The VM with the cursor is the one in the form."""
        event.stop()
        name = self.pane.row_list.chosen if self.pane.row_list else ""
        if self.focused is event.option_list and name.isdecimal() and int(name) != self.machine:
            self._show_machine(int(name))

    @on(MachineList.OptionSelected, "#machine-list")
    def _machine_chosen(self, event: MachineList.OptionSelected) -> None:
        """Into its fields; or one more."""
        event.stop()
        if self.pane.row_list and self.pane.row_list.chosen == ADD:
            self.action_add_machine()
        elif self.pane.row_list:
            self._show_machine(int(self.pane.row_list.chosen))
        self.pane.focus_first()

    @on(RowList.OptionSelected, "#file-list")
    def _file_chosen(self, event: RowList.OptionSelected) -> None:
        """Shows one of the files."""
        event.stop()
        machine, _, name = self.pane.row_list.chosen.partition("/") if self.pane.row_list else ("", "", "")
        view = next((view for view in files_of(self.plan, self.board).get(machine, ()) if view.name == name), None)
        if view:
            self.app.push_screen(FileDialog(machine, view, time.time))

    def action_add_machine(self) -> None:
        """One more machine, in the form at once."""
        self._machines_changed(plan_with_machine_added(self.plan), len(self.plan.machines))

    def action_remove_machine(self) -> None:
        """The machine in the form leaves the plan; nothing on it changes."""
        if len(self.plan.machines) > 1:
            plan = plan_without_machine(self.plan, self.machine)
            self._machines_changed(plan, min(self.machine, len(plan.machines) - 1))

    def action_ask_remove_machine(self) -> None:
        """Says what it means before a VM leaves the plan."""
        at, machines = self.machine, self.plan.machines
        if len(machines) < 2:
            self.notify("A plan has at least one VM.", markup=False)
            return
        name = machines[at].name

        def answered(yes: bool | None) -> None:
            if yes and at < len(self.plan.machines) and self.plan.machines[at].name == name:
                self.action_remove_machine()

        words = "Nothing on it changes, but what is typed for it here is lost."
        self.app.push_screen(
            ConfirmDialog(f"Leave {printable(name)} out of the plan", words, yes="leave it out", no="keep it"), answered
        )

    def action_other_machine(self) -> None:
        """The plan's next machine in the form."""
        if self.plan.machines:
            self._show_machine((self.machine + 1) % len(self.plan.machines))

    def _machines_changed(self, plan: Plan, machine: int) -> None:
        self.plan = plan
        self.post_message(PlanEdited(plan))
        self._show_machine(machine)

    def _show_machine(self, machine: int) -> None:
        self.machine = machine
        if self.query("#stage-machine"):
            self.query_one("#stage-machine", StagePane).show_plan(self.plan, machine)
            editors = [row.editor for row in self.pane.rows()]
            if self.stage is Stage.MACHINE and self.focused not in [*editors, self.pane.row_list]:
                self.pane.focus_first()
        self.paint()
