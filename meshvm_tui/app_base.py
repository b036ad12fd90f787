"""What the app is beside its screens: keys that must not get lost, help, problems, and how it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App
from textual.binding import Binding, BindingType

from meshvm_tui import app_messages as told
from meshvm_tui.app_memory import Settled
from meshvm_tui.app_opening import in_thread
from meshvm_tui.app_signals import on_signals
from meshvm_tui.key_order import run_bound
from meshvm_tui.preferences import Preferences, PreferencesFile
from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.key_names import shown_key
from meshvm_tui.screens.themes import DARK, MONOCHROME, AsciiOnly, PlainBackgrounds, extra_variables, themes
from meshvm_tui.type_ahead import TypeAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from textual.command import Provider
    from textual.driver import Driver
    from textual.filter import LineFilter
    from textual.message import Message

    from meshvm_tui.problems import ProblemRecord

STYLES = ("styles/app.tcss",)
"""What the first frame needs; each further screen brings its own sheet."""
PULSE = 0.1
"""Seconds between two paintings of what threads told: a flood of events costs no more than ten paintings a second."""
SETTLES = 1.0
"""Seconds between two looks whether further libraries were loaded."""

ASCII_ONLY = AsciiOnly()
FEW_COLOURS = PlainBackgrounds(colours=True)
NO_COLOURS = PlainBackgrounds(colours=False)


DEFAULTS = Preferences()


@dataclass(frozen=True)
class Look:
    """How the app is shown: the theme's name, whether in ASCII alone, and what the operator prefers beside these."""

    theme: str = DARK
    ascii: bool = False
    preferences: Preferences = DEFAULTS


LOOK = Look()
PALETTE_GOES = 0.1
NO_KEY = "f63"


def _palette() -> type[Provider]:
    from meshvm_tui.app_palette import Palette

    return Palette


class BaseApp(App[None]):
    """An app whose screens are `AppScreen`s."""

    TITLE = "meshvm-tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "show_help", "Help", id="app.help", tooltip="this help"),
        Binding("ctrl+q", "quit", "Quit", priority=True, id="app.quit", tooltip="quits; everything is saved"),
        Binding(
            "ctrl+p",
            "command_palette",
            "Commands",
            show=False,
            priority=True,
            id="app.commands",
            tooltip="everything that can be done now, by name",
        ),
        # Priority, so that the focus has moved before the next key of the same read is given to a field.
        Binding(
            "tab",
            "app.focus_next",
            "Next field",
            show=False,
            priority=True,
            id="app.next-field",
            tooltip="the next field",
        ),
        Binding(
            "shift+tab",
            "app.focus_previous",
            "Field before",
            show=False,
            priority=True,
            id="app.field-before",
            tooltip="the field before",
        ),
    ]

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    COMMAND_PALETTE_BINDING = NO_KEY
    """Textual's own would keep its key where the operator gives the action another one."""

    def get_driver_class(self) -> type[Driver]:
        """For a terminal one that outlives being stopped."""
        from meshvm_tui.terminal_driver import steady

        return steady(super().get_driver_class())

    def __init__(self, *styles: str, look: Look = LOOK) -> None:
        self.look = look
        self.settled = Settled()
        self.preferences = look.preferences
        super().__init__(css_path=[*STYLES, *styles])
        for theme in themes():
            self.register_theme(theme)
        self.theme = look.theme
        self.stylesheet.set_variables(self.get_css_variables())
        self.type_ahead = TypeAhead(self._is_being_left, self._take)

    def refresh_css(self, animate: bool = True) -> None:
        """As Textual does; before there is a screen nothing is parsed twice, for all of it was read in this theme."""
        if self._is_mounted:
            super().refresh_css(animate=animate)

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
        if self.preferences.keymap:
            self.set_keymap({item.action: ",".join(item.keys) for item in self.preferences.keymap})
        self.set_interval(PULSE, self._pulse_while_there)
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
        """After the first frame: the operator's keys are judged, which needs all screens."""
        self.settled.shown()
        self.set_interval(SETTLES, self.settled.loaded)
        if self.preferences.keymap:
            in_thread(self._judge_keymap, "meshvm-keymap")
        elif self.preferences.problems:
            self.show_preference_problems(self.preferences.problems)

    def show_preference_problems(self, problems: Sequence[str]) -> None:
        """What is not valid in the file of preferences: on home's status line, elsewhere as a note."""
        for screen in self.app_screens():
            screen.show_preference_problems(problems)

    def get_key_display(self, binding: Binding) -> str:
        """As the key is called everywhere, also where it is the operator's own."""
        return shown_key(binding.key, ascii_only=self.look.ascii)

    def action_picture(self) -> None:
        """Saves a picture of the screen, once the palette that asked for it has gone."""
        self.set_timer(PALETTE_GOES, self._picture)

    def _picture(self) -> None:
        svg, name = self.export_screenshot(), f"meshvm-tui-{time.strftime('%Y-%m-%d-%H%M%S')}.svg"

        def save() -> None:
            from meshvm_tui.app_palette import save_picture
            from meshvm_tui.locations import pictures_dir

            try:
                words = f"Saved {save_picture(pictures_dir(), name, svg)}"
            except OSError as error:
                words = f"The picture is not saved: {error.filename}: {error.strerror}."
            self.post(told.Noted(words))

        in_thread(save, "meshvm-picture")

    def action_theme(self, name: str) -> None:
        """Shows everything in this theme, and keeps it for the next time."""
        self.theme = name
        if path := self.preferences.path:
            in_thread(lambda: self._keep_theme(path), "meshvm-theme")

    def _keep_theme(self, path: Path) -> None:
        if words := PreferencesFile(path).keep_theme(lambda: self.theme):
            self.post(told.Noted(words))

    def _judge_keymap(self) -> None:
        from meshvm_tui.key_bindings import all_bindings, judged_keymap

        keymap, problems = judged_keymap(self.preferences, all_bindings())
        self.post(told.KeymapJudged(keymap, (*self.preferences.problems, *problems)))

    @on(told.KeymapJudged)
    def _keymap_judged(self, event: told.KeymapJudged) -> None:
        self.set_keymap(event.keymap)
        self.show_preference_problems(event.problems)

    @on(told.Noted)
    def _noted(self, event: told.Noted) -> None:
        self.notify(event.words, markup=False, timeout=10)

    def _pulse_while_there(self) -> None:
        """Not while the screens are taken down."""
        if self._screen_stack and not self._exit:
            self.pulse()

    def pulse(self) -> None:
        """Several times a second: shows what threads told."""

    def end(self, code: int) -> None:
        """Saves and leaves with this exit code."""
        self.exit(return_code=code)

    def action_show_help(self) -> None:
        """What the screen that is seen is for, its field with the cursor, and its keys."""
        if isinstance(self.screen, AppScreen):
            from meshvm_tui.screens.help_dialog import HelpDialog

            self.push_screen(HelpDialog(self.screen))

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
