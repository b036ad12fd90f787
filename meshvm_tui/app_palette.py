"""The command palette: all that can be done now, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider

from meshvm_tui.screens.app_screen import AppScreen
from meshvm_tui.screens.themes import THEMES

if TYPE_CHECKING:
    from pathlib import Path

    from textual.screen import Screen

    from meshvm_tui.app_base import BaseApp

UNLISTED = ("wizard.advance", "app.next-field", "app.field-before", "app.commands", "app.quit", "app.help")
"""Keys that nobody looks for by name, and those that are listed in other words."""
LISTED_WIDGETS = ("panel",)


class Palette(Provider):
    """The commands in the order of their use, and those that match what is typed, best first."""

    async def discover(self) -> Hits:
        """All, while nothing is typed."""
        for command in commands(self._app(), self.screen):
            yield DiscoveryHit(command.title, command.callback, help=command.help)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for command in commands(self._app(), self.screen):
            if (score := matcher.match(command.title)) > 0:
                yield Hit(score, matcher.highlight(command.title), command.callback, help=command.help)

    def _app(self) -> BaseApp:
        return cast("BaseApp", self.app)


def commands(app: BaseApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """What the screen can do now, then what every screen can."""
    yield from _of_bindings(app, screen)
    if isinstance(screen, AppScreen):
        for name, words, act in screen.commands():
            yield SystemCommand(name, words, act)
        yield SystemCommand("Help", "What this screen is for, and its keys", app.action_show_help)
    for theme in THEMES:
        if theme != app.theme:
            yield SystemCommand(f"Theme: {theme}", "Kept for the next time", partial(app.action_theme, theme))
    yield SystemCommand("Save a screenshot", "A picture of this screen as an SVG file", app.action_picture)
    yield SystemCommand("Quit", "Everything is saved; a run that changes something is asked about", app.action_quit)


def save_picture(folder: Path, name: str, svg: str) -> Path:
    """Writes a picture for the operator alone and says where."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    number = 1
    while path.exists():
        number += 1
        path = folder / name.replace(".svg", f"-{number}.svg")
    # Viewers would otherwise take several blanks for one.
    path.write_text(svg.replace("<text ", '<text xml:space="preserve" '), encoding="utf-8")
    path.chmod(0o600)
    return path


def _of_bindings(app: BaseApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    seen: set[str] = set()
    for item in screen.active_bindings.values():
        binding = item.binding
        name = binding.id or ""
        known = item.node is screen or name.partition(".")[0] in LISTED_WIDGETS
        if not (name and item.enabled and known and binding.description) or name in seen or name in UNLISTED:
            continue
        seen.add(name)
        words = f"{binding.tooltip or binding.description}   {app.get_key_display(binding)}"
        yield SystemCommand(binding.description, words, _runs(app, item.node, binding.action))


def _runs(app: BaseApp, node: Any, action: str) -> Callable[[], Any]:
    async def act() -> None:
        await app.run_action(action, node)

    return act
