"""Home: sessions to go on with, a new onboarding, the monitor; the lab where there is one to start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.messages import LabChosen, MonitorChosen, NewOnboarding, SessionChosen

HELP = """\
Up and Down choose. Sessions go on where they need you: everything is looked at again first.
A new onboarding asks for nothing yet and changes nothing by itself.
The monitor only reads: WorkloadEntries as they come, change and go.
"""


@dataclass(frozen=True)
class SessionLine:
    """A session in the list; one with a `problem` cannot be opened now."""

    name: str
    beside: str
    problem: str = ""


class HomeScreen(AppScreen):
    """The first screen. It is there before anything was read from disk."""

    help_title = "Home"
    help_text = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority, so that what is typed right after it is kept for the screen that it opens.
        Binding("enter", "open", "Open", priority=True, tooltip="opens what the cursor stands on"),
        Binding("n", "new", "New", show=False, tooltip="a new onboarding; changes nothing by itself"),
        Binding("m", "monitor", "Monitor", show=False, tooltip="the WorkloadEntries of a cluster; only reads"),
    ]

    def __init__(self, *, lab: bool) -> None:
        super().__init__()
        self._lab = lab
        self._sessions: tuple[SessionLine, ...] = ()

    def compose(self) -> ComposeResult:
        """What can be begun."""
        yield Static("meshvm-tui", id="home-title", markup=False)
        yield Static("From a cluster and a VM to two answers in the mesh.", id="home-sentence", markup=False)
        yield OptionList(*self._options(), id="home-menu", compact=True)
        yield Static("", id="home-status", markup=False)
        yield KeyLine()

    def show_sessions(self, sessions: Sequence[SessionLine]) -> None:
        """Puts the sessions below; the cursor stays where it stood."""
        self._sessions = tuple(sessions)
        menu = self.query_one(OptionList)
        at = menu.highlighted or 0
        menu.set_options(self._options())
        menu.highlighted = min(at, menu.option_count - 1)

    def on_mount(self) -> None:
        """Enter alone begins something new."""
        self.query_one(OptionList).highlighted = 0

    def show_preference_problems(self, problems: Sequence[str]) -> None:
        """What is not valid in the operator's preferences: beside the sessions, until it is mended."""
        self.show_status("\n".join(problems))

    def show_status(self, text: str) -> None:
        """Says what is going on."""
        self.query_one("#home-status", Static).update(text)

    def action_open(self) -> None:
        """Opens what the cursor stands on."""
        menu = self.query_one(OptionList)
        if menu.highlighted is not None:
            self._choose(menu.get_option_at_index(menu.highlighted).id or "")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click opens as well."""
        self._choose(event.option_id or "")

    def action_new(self) -> None:
        """A new onboarding."""
        self.leave_by(NewOnboarding())

    def action_monitor(self) -> None:
        """The monitor."""
        self.leave_by(MonitorChosen())

    def _choose(self, chosen: str) -> None:
        if chosen.startswith("session:"):
            self.leave_by(SessionChosen(chosen.removeprefix("session:")))
        elif chosen == "new":
            self.action_new()
        elif chosen == "monitor":
            self.action_monitor()
        elif chosen == "lab":
            self.leave_by(LabChosen())

    def _options(self) -> list[Option | None]:
        new = [
            _option("new", "New onboarding", "lead a VM into the mesh, stage by stage"),
            _option("monitor", "Monitor", "WorkloadEntries live; can change nothing"),
        ]
        if self._lab:
            new.append(_option("lab", "Lab", "the same on a cluster and a VM of this computer"))
        old = [
            _option(f"session:{line.name}", line.name, line.problem or line.beside, disabled=bool(line.problem))
            for line in self._sessions
        ]
        return [*new, None, *old] if old else [*new]


def _option(name: str, title: str, beside: str, *, disabled: bool = False) -> Option:
    content = Content.assemble((f"{printable(title):<22}", "bold"), (printable(beside), "$foreground-muted"))
    return Option(content, id=name, disabled=disabled)
