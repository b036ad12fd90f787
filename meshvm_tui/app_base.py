"""What the app is beside its screens: keys that must not get lost, help, problems, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType

from meshvm_tui.app_signals import on_signals
from meshvm_tui.key_order import run_bound
from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.themes import DARK, MONOCHROME, AsciiOnly, PlainBackgrounds, extra_variables, themes
from meshvm_tui.type_ahead import TypeAhead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.filter import LineFilter
    from textual.message import Message

    from meshvm_tui.problems import ProblemRecord

STYLES = ("styles/app.tcss",)
"""What the first frame needs; each further screen brings its own sheet."""
PULSE = 0.1
"""Seconds between two paintings of what threads told: a flood of events costs no more than ten paintings a second."""


ASCII_ONLY = AsciiOnly()
FEW_COLOURS = PlainBackgrounds(colours=True)
NO_COLOURS = PlainBackgrounds(colours=False)


@dataclass(frozen=True)
class Look:
    """How the app is shown: the theme's name, and whether in ASCII alone."""

    theme: str = DARK
    ascii: bool = False


LOOK = Look()


class BaseApp(App[None]):
    """An app whose screens are `AppScreen`s."""

    TITLE = "meshvm-tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "show_help", "Help", key_display="F1"),
        Binding("ctrl+q", "quit", "Quit", key_display="^Q", priority=True),
        # Priority, so that the focus has moved before the next key of the same read is given to a field.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, *styles: str, look: Look = LOOK) -> None:
        self.look = look
        super().__init__(css_path=[*STYLES, *styles])
        for theme in themes():
            self.register_theme(theme)
        self.theme = look.theme
        self.type_ahead = TypeAhead(self._is_being_left, self._take)

    def get_css_variables(self) -> dict[str, str]:
        """What the sheets may name, in the theme that is chosen."""
        found = super().get_css_variables()
        return found | extra_variables(self.current_theme, found)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is shown in few colours, in none, or in ASCII alone."""
        own: list[LineFilter] = []
        if self.current_theme.ansi:
            own.append(NO_COLOURS if self.theme == MONOCHROME else FEW_COLOURS)
        if self.look.ascii:
            own.append(ASCII_ONLY)
        return [*super().get_line_filters(), *own]

    def on_mount(self) -> None:
        """The first frame needs no disk and no heavy library; both come after it."""
        on_signals(self.end)
        self.set_interval(PULSE, self.pulse)
        self.call_after_refresh(self.begin)

    async def on_event(self, event: events.Event) -> None:
        """Keys for a screen that is being left wait for the next one; all others run in their order.

        Those that come after the end, while the screens are taken down, are nobody's.
        """
        over = self._exit or not self._screen_stack
        if over and isinstance(event, events.Key | events.Paste):
            return
        if not self.type_ahead.keeps(event):
            await self._take(event)

    def begin(self) -> None:
        """After the first frame."""

    def pulse(self) -> None:
        """Several times a second: shows what threads told."""

    def end(self, code: int) -> None:
        """Saves and leaves with this exit code."""
        self.exit(return_code=code)

    def action_show_help(self) -> None:
        """The keys of the screen that is seen."""
        if isinstance(self.screen, AppScreen):
            from meshvm_tui.screens.dialogs import HelpDialog

            self.push_screen(HelpDialog("Keys", self.screen.help_text))

    def post(self, message: Message) -> None:
        """Takes a message from any thread; one that comes after the end is dropped."""
        try:
            self.post_message(message)
        except RuntimeError:
            return

    def app_screens(self) -> list[AppScreen]:
        """The screens of the stack, the one that is seen last."""
        return [screen for screen in self.screen_stack if isinstance(screen, AppScreen)]

    def show_problem(self, problem: ProblemRecord) -> None:
        """A problem that no screen of its own waits for."""
        from meshvm_tui.screens.dialogs import ProblemDialog

        self.push_screen(ProblemDialog(problem, go_on="close"))

    def stay(self) -> None:
        """The screen that wanted to be left is not left: its keys are its own again."""
        for screen in self.app_screens():
            screen.leaving = False
        self.type_ahead.drop()

    async def _take(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded and await run_bound(self, event):
            return
        await super().on_event(event)

    def _is_being_left(self) -> bool:
        screen = self.screen
        return isinstance(screen, AppScreen) and screen.leaving
