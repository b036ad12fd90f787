"""A short table in a form: rows with a cursor, each of which stands for something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Row(NamedTuple):
    """One row; without a name it is a heading, which the cursor passes over."""

    name: str
    content: Content


class RowList(OptionList):
    """Set anew only where something in it is another; the cursor then stays on what it stood on."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 (Textual's own word)
        super().__init__(id=id, compact=True, classes="row-list", markup=False)
        self._rows: tuple[Row, ...] = ()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Other rows; the cursor stays on what it stood on."""
        if [(row.name, row.content, row.content.spans) for row in rows] == [
            (row.name, row.content, row.content.spans) for row in self._rows
        ]:
            return
        chosen, self._rows = self.chosen, tuple(rows)
        self.set_options([Option(row.content, disabled=not row.name) for row in rows])
        self.choose(chosen)

    @property
    def chosen(self) -> str:
        """What the cursor stands on; "" where there is nothing."""
        return self._rows[self.highlighted].name if self.highlighted is not None else ""

    def choose(self, name: str) -> None:
        """Puts the cursor on a row; on the first one where there is none of that name."""
        names = [row.name for row in self._rows]
        first = next((at for at, found in enumerate(names) if found), None)
        self.highlighted = names.index(name) if name and name in names else first


class MachineList(RowList):
    """The plan's VMs; the one with the cursor is the one in the form."""

    asked = False
    """Whether somebody wants to see it although there is one VM only."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "screen.add_machine", "Add", show=False, id="machines.add", tooltip="one more VM"),
        Binding(
            "x,delete",
            "screen.ask_remove_machine",
            "Leave out",
            show=False,
            id="machines.leave-out",
            tooltip="the VM with the cursor leaves the plan; nothing on it changes",
        ),
    ]
