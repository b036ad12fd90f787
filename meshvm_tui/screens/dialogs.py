"""Dialogs: a problem, a question with consequences. Each returns a plain value."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from meshvm_tui.problems import ProblemRecord
from meshvm_tui.screens.app_screen import Keyed
from meshvm_tui.screens.dialog_keys import DialogKeys
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.key_words import with_own_keys


class ProblemDialog(Keyed, ModalScreen[bool]):
    """A problem with its code, its cause, what is done and what to do. True where the operator goes on."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", "Go on", key_display="⏎", priority=True),
        Binding("r", "again", "Try again", key_display="R"),
        Binding("s", "skip", "Skip it", key_display="S"),
        Binding("ctrl+e", "evidence", "Evidence", key_display="^E", priority=True),
        Binding("escape", "leave", "Leave it for now", key_display="esc"),
    ]

    def __init__(
        self, problem: ProblemRecord, *, go_on: str, done: str = "", again: str = "", may_skip: bool = False
    ) -> None:
        super().__init__()
        self.problem = problem
        self.wants_again = False
        """Whether the operator goes on by trying the same again; `again` says so beside the other way."""
        self.wants_skip = False
        """Whether the operator goes on without the step; only where `may_skip`."""
        self._may_skip = may_skip
        self._again = again
        self._go_on = go_on
        self._done = done

    def compose(self) -> ComposeResult:
        """The words, and the keys under them."""
        problem = self.problem
        with VerticalGroup(classes="dialog -problem"):
            yield Static(
                Content.assemble((f"✗ {problem.code}  ", "$text-error"), (printable(problem.title), "bold")),
                classes="dialog-title",
            )
            with VerticalScroll(classes="dialog-body", can_focus=True):
                yield from _pair("The cause", printable(problem.cause))
                if self._done:
                    yield from _pair("What is done", self._done)
                yield from _pair("What to do", with_own_keys(printable(problem.next_action), self.app))
                evidence = "\n".join(f"{name}: {printable(value)}" for name, value in problem.evidence)
                yield Static(evidence or "There is no more.", id="evidence", markup=False)
            again = {"again": self._again} if self._again else {}
            skip = {"skip": "skip it"} if self._may_skip else {}
            yield DialogKeys(
                {"go_on": self._go_on, **again, **skip, "evidence": "evidence", "leave": "leave it for now"}
            )

    def action_go_on(self) -> None:
        """What the operator does about it."""
        self.dismiss(True)

    def action_again(self) -> None:
        """The same once more, where that is the other way."""
        if self._again:
            self.wants_again = True
            self.dismiss(True)

    def action_skip(self) -> None:
        """Goes on without it."""
        if self._may_skip:
            self.wants_skip = True
            self.dismiss(True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Trying again has a key of its own only beside another way; skipping only where the step allows it."""
        if action == "skip":
            return self._may_skip
        return bool(self._again) if action == "again" else True

    def action_evidence(self) -> None:
        """Shows or hides what was seen."""
        self.query_one("#evidence").toggle_class("-shown")

    def action_leave(self) -> None:
        """Leaves it as it is."""
        self.dismiss(False)


class ConfirmDialog(Keyed, ModalScreen[bool]):
    """A question with its consequences beside it; esc is the safe answer."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer(True)", "Yes", key_display="⏎", priority=True),
        Binding("escape", "answer(False)", "No", key_display="esc"),
    ]

    def __init__(self, question: str, consequence: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._words = question, consequence, yes, no

    def compose(self) -> ComposeResult:
        """Question, consequence, keys."""
        question, consequence, yes, no = self._words
        with VerticalGroup(classes="dialog"):
            yield Static(question, classes="dialog-title", markup=False)
            yield Static(consequence, classes="dialog-text", markup=False)
            yield DialogKeys({"answer(True)": yes, "answer(False)": no})

    def action_answer(self, answer: bool) -> None:
        """Gives the answer."""
        self.dismiss(answer)


def _pair(label: str, text: str) -> ComposeResult:
    yield Static(label, classes="dialog-label", markup=False)
    yield Static(text, classes="dialog-text", markup=False)
