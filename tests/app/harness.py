"""An app under a pilot with a scripted engine, and waits that end as soon as what they wait for is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from meshvm_tui import app_base, app_onboarding, engine, look_pace
from meshvm_tui.app import MeshVMApp, make_app
from meshvm_tui.screens.wizard import WizardScreen
from tests.app.fakes import FakeConnections, ScriptedEngine, plan_with_vm, store_at

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

NARROW = (80, 24)
WIDE = (140, 45)


class World:
    """What a test holds: the app, its pilot, the engine that it drives and the cluster that it reads."""

    def __init__(self, app: MeshVMApp, pilot: Pilot[None], scripted: ScriptedEngine, connections: FakeConnections):
        self.app = app
        self.pilot = pilot
        self.engine = scripted
        self.connections = connections

    @property
    def wizard(self) -> WizardScreen:
        """The wizard, wherever it is in the stack."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, WizardScreen))

    async def until(self, true: Callable[[], object], what: str = "", seconds: float = 20.0) -> None:
        """Waits until it is true."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"{what or true} did not come true; the screen says:\n{self.text()}"
            await asyncio.sleep(0.01)

    async def screen(self, name: str) -> Screen[Any]:
        """Waits until a screen of this class is seen."""
        await self.until(lambda: type(self.app.screen).__name__ == name, name)
        return self.app.screen

    async def says(self, *texts: str) -> None:
        """Waits until all texts are on the screen."""
        await self.until(lambda: all(text in self.words() or text in self.text() for text in texts), str(texts))

    def words(self) -> str:
        """What the screen shows, as one line with single blanks: where it is wrapped does not matter."""
        return " ".join(self.text().split())

    async def press(self, *keys: str) -> None:
        """Presses keys and waits until the app has taken them; what they lead to is waited for by `until`."""
        self.burst(*keys)
        taken = asyncio.Event()
        self.app.call_later(taken.set)
        await asyncio.wait_for(taken.wait(), 20)
        await asyncio.sleep(0.01)

    def burst(self, *keys: str) -> None:
        """Gives keys to the app in one piece, as one read of a slow line does: nothing is processed in between."""
        from textual import events

        for key in keys:
            char = key if len(key) == 1 else None
            self.app.post_message(events.Key(key, char))

    def text(self) -> str:
        """What the screen shows, line by line."""
        return screen_text(self.app)


def screen_text(app: MeshVMApp) -> str:
    """The visible characters."""
    screen = app.screen
    lines = screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line) for line in lines)


@asynccontextmanager
async def world(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    size: tuple[int, int] = NARROW,
    start: str = "wizard",
    plan: Plan | None = None,
    session_name: str = "",
    scripted: ScriptedEngine | None = None,
    connections: FakeConnections | None = None,
    look_again: float = 3600.0,
    **more: Any,
) -> AsyncIterator[World]:
    """A running app. Without a plan it begins with one that lacks nothing. `look_again` are the seconds between two
    looks at what is there; few tests want a second one."""
    scripted, connections = scripted or ScriptedEngine(), connections or FakeConnections()
    monkeypatch.setattr(engine, "run", scripted)
    monkeypatch.setattr(app_base, "PULSE", 0.02)
    monkeypatch.setattr(app_onboarding, "LOOK_SOON", 0.02)
    monkeypatch.setattr(look_pace, "EVERY", look_again)
    monkeypatch.setattr(look_pace, "REST", max(look_again, look_pace.REST))
    given = plan if plan is not None or start == "home" or session_name else plan_with_vm()
    app = make_app(
        connections=connections,
        store=store_at(tmp_path / "sessions"),
        start=start,
        plan=given,
        session_name=session_name,
        **more,
    )
    async with app.run_test(size=size) as pilot:
        made = World(app, pilot, scripted, connections)
        if start == "wizard":
            await made.screen("WizardScreen")
            await made.until(lambda: made.wizard.focused, "the first field has the keys")
            await pilot.pause()
        yield made
    connections.close()
