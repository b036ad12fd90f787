"""Home: sessions to go on with, a new onboarding, the monitor, the lab; at first what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.home_rows import SessionLine, entry, first_steps, session_rows
from meshvm_tui.screens.key_line import KeyLine
from meshvm_tui.screens.messages import LabChosen, MonitorChosen, NewOnboarding, SessionAct, SessionChosen, SessionWish
from meshvm_tui.start_facts import Fact, Found, StartFact

HELP = """\
Up and Down choose. Sessions go on where they need you: everything is looked at again first. One that is open in another
terminal is left alone until it is closed there.
A new onboarding asks for nothing yet and changes nothing by itself.
The monitor only reads: WorkloadEntries as they come, change and go.
"""
_OF_SESSIONS = ("rename", "duplicate", "save_plan", "delete")
_OF_PLANS = ("duplicate", "save_plan")
"""Those that a session that cannot be read has not."""


class HomeScreen(AppScreen):
    """The first screen. It is there before anything was read from disk."""

    help_title = "Home"
    help_text = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority, so that what is typed right after it is kept for the screen that it opens.
        Binding("enter", "open", "Open", priority=True, tooltip="opens what the cursor stands on"),
        Binding("r", "rename", "Rename", tooltip="another name for this session"),
        Binding("d", "duplicate", "Duplicate", tooltip="a second session with its plan, in which nothing is done"),
        Binding("s", "save_plan", "Save plan", tooltip="its plan as a file, for apply -f and onboard --plan"),
        Binding("x,delete", "delete", "Delete", tooltip="deletes it; what stays behind is named first"),
        Binding("n", "new", "New", tooltip="a new onboarding; changes nothing by itself"),
        Binding("m", "monitor", "Monitor", tooltip="the WorkloadEntries of a cluster; only reads"),
        Binding("l", "lab", "Lab", tooltip="a cluster and a VM on this computer, to try all of it"),
    ]

    def __init__(self, *, lab: bool) -> None:
        super().__init__()
        self._lab = lab
        self._sessions: tuple[SessionLine, ...] | None = None
        self._facts: dict[Fact, StartFact] = {}
        self._said_held = False

    def compose(self) -> ComposeResult:
        """What can be begun."""
        yield Static("meshvm-tui", id="home-title", markup=False)
        yield Static("From a cluster and a VM to two answers in the mesh.", id="home-sentence", markup=False)
        yield OptionList(*self._options(), id="home-menu", compact=True)
        yield Static("", id="home-needs")
        yield Static("", id="home-status", markup=False)
        yield KeyLine()

    def show_sessions(self, sessions: Sequence[SessionLine]) -> None:
        """Puts the sessions below; the cursor stays on what it stood on."""
        self._sessions = tuple(sessions)
        if self._said_held:
            self._said_held = False
            self.show_status("")
        self._show()

    def show_facts(self, facts: Sequence[StartFact]) -> None:
        """What was looked at for a first onboarding."""
        self._facts |= {item.fact: item for item in facts}
        self._show()

    @property
    def is_first_start(self) -> bool:
        """Whether there is no session at all."""
        return self._sessions == ()

    def on_mount(self) -> None:
        """Enter alone begins something new."""
        self.query_one(OptionList).highlighted = 0

    def on_resize(self, event: events.Resize) -> None:
        """Lines are cut for the width."""
        self.call_after_refresh(self._show)

    def show_preference_problems(self, problems: Sequence[str]) -> None:
        """What is not valid in the operator's preferences: beside the sessions, until it is mended."""
        self.show_status("\n".join(problems))

    def show_status(self, text: str) -> None:
        """Says what is going on."""
        self.query_one("#home-status", Static).update(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A session's own keys are there where the cursor is on one."""
        if action in _OF_SESSIONS:
            line = self._chosen_session()
            if line is None:
                return False
            return None if line.problem and action in _OF_PLANS else True
        if action in ("new", "monitor", "lab"):
            return (action != "lab" or self._lab) and self._chosen_session() is None
        return True

    def on_option_list_option_highlighted(self) -> None:
        """Another entry may have other keys."""
        self.refresh_bindings()

    def action_open(self) -> None:
        """Opens what the cursor stands on."""
        self._choose(self._chosen())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click opens as well."""
        self._choose(event.option_id or "")

    def action_new(self) -> None:
        """A new onboarding."""
        self.leave_by(NewOnboarding())

    def action_monitor(self) -> None:
        """The monitor."""
        self.leave_by(MonitorChosen())

    def action_lab(self) -> None:
        """The lab."""
        self.leave_by(LabChosen())

    def action_rename(self) -> None:
        """Asks for another name."""
        if line := self._free_session():
            self._ask_name(SessionAct.RENAME, line, f"Rename {line.name}", "Only its name on this computer.", line.name)

    def action_duplicate(self) -> None:
        """Asks for the second session's name."""
        from meshvm_tui.session_names import free_name

        if line := self._chosen_session():
            words = "The same plan in a session of its own, in which nothing counts as done."
            self._ask_name(SessionAct.COPY, line, f"Duplicate {line.name}", words, free_name(line.name, self._names()))

    def action_save_plan(self) -> None:
        """Asks for the file."""
        from meshvm_tui.screens.session_dialogs import TextDialog

        line = self._chosen_session()
        if line is None:
            return
        words = "As YAML, for apply -f and onboard --plan. It holds no secret."
        wrong = lambda text: "" if text.strip() else "Name a file"  # noqa: E731
        dialog = TextDialog(f"Save the plan of {line.name}", words, f"{line.name}-plan.yaml", wrong)
        self.app.push_screen(dialog, lambda path: self._wish(SessionAct.SAVE_PLAN, line, path))

    def action_delete(self) -> None:
        """Names what stays behind, and asks."""
        from meshvm_tui.screens.session_dialogs import DeleteDialog

        if line := self._free_session():
            answered = lambda yes: self._wish(SessionAct.DELETE, line, "-" if yes else "")  # noqa: E731
            self.app.push_screen(DeleteDialog(line), answered)

    def _ask_name(self, act: SessionAct, line: SessionLine, title: str, words: str, value: str) -> None:
        from meshvm_tui.screens.session_dialogs import TextDialog, wrong_name

        taken = self._names() - ({line.name} if act is SessionAct.RENAME else set())
        dialog = TextDialog(title, words, value, lambda text: wrong_name(text, taken))
        self.app.push_screen(dialog, lambda name: self._wish(act, line, name))

    def _wish(self, act: SessionAct, line: SessionLine, new: str | None) -> None:
        if new and new != line.name:
            self.post_message(SessionWish(act, line.name, new))

    def _names(self) -> frozenset[str]:
        return frozenset(line.name for line in self._sessions or ())

    def _choose(self, chosen: str) -> None:
        if chosen.startswith("session:"):
            self.leave_by(SessionChosen(chosen.removeprefix("session:")))
        elif chosen == "new":
            self.action_new()
        elif chosen == "monitor":
            self.action_monitor()
        elif chosen == "lab":
            self.action_lab()

    def _chosen(self) -> str:
        menu = self.query_one(OptionList) if self.ready else None
        if menu is None or menu.highlighted is None:
            return ""
        return menu.get_option_at_index(menu.highlighted).id or ""

    def _chosen_session(self) -> SessionLine | None:
        name = self._chosen().removeprefix("session:")
        return next((line for line in self._sessions or () if line.name == name), None)

    def _free_session(self) -> SessionLine | None:
        """The chosen session; where it is open elsewhere that is said instead."""
        line = self._chosen_session()
        if line is not None and line.held:
            self.show_status(f"{line.name} is {line.held}. Close it there first.")
            self._said_held = True
            return None
        return line

    def _show(self) -> None:
        if not self.ready:
            return
        menu, chosen = self.query_one(OptionList), self._chosen()
        options = self._options()
        menu.set_options(options)
        ids = [option.id for option in options if option]
        menu.highlighted = ids.index(chosen) if chosen in ids else 0
        needs = self.query_one("#home-needs", Static)
        self.set_class(bool(self._sessions), "-listed")
        needs.display = self.is_first_start
        if self.is_first_start:
            needs.update(first_steps(self._facts, self.content_size.width))
        self.refresh_bindings()

    def _options(self) -> list[Option | None]:
        new = [
            Option(entry("New onboarding", "lead a VM into the mesh, stage by stage"), id="new"),
            Option(entry("Monitor", "WorkloadEntries live; can change nothing"), id="monitor"),
        ]
        if self._lab:
            new.append(Option(self._lab_entry(), id="lab"))
        cells = self.content_size.width - 2
        old = [Option(session_rows(line, cells), id=f"session:{line.name}") for line in self._sessions or ()]
        return [*new, None, *old] if old else [*new]

    def _lab_entry(self) -> Content:
        cluster = self._facts.get(Fact.CLUSTER)
        if self.is_first_start and cluster and cluster.found is Found.MISSING:
            return entry("Lab", "No cluster at hand? It has one, and a VM", offered=True)
        return entry("Lab", "the same on a cluster and a VM of this computer")
