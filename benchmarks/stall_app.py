"""The app from Home to the end of a run, headless, with a pulse in its loop; a process of its own.

`python -m benchmarks.stall_app LAB` prints the longest stall of each part as JSON; its environment is the lab's, with
a slow Google. `python -m benchmarks.stall_app - KEYS LINES` is the minimal app that takes as many keys and lines.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.stall_pulse import Pulse, pulse
from meshvm_tui import engine
from meshvm_tui.app import MeshVMApp, make_app
from meshvm_tui.app_memory import rest_until_shown
from meshvm_tui.events import Event, Mode, RunFinished, RunStarted, Stage, StepLogged
from meshvm_tui.plan_file import load_plan
from meshvm_tui.session_store import SessionStore
from meshvm_tui.wiring import WiredConnections

ENTRIES = 500
LOUD = 50
"""Lines that are logged in one go, twenty times a second, while the run lasts."""
PATIENCE = 240.0


async def until(true: Callable[[], object], what: str) -> None:
    """Waits for it."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            sys.exit(f"waited in vain for {what}")
        await asyncio.sleep(0.05)


class Loud:
    """`engine.run` whose applying runs log as an installation does that prints everything."""

    def __init__(self) -> None:
        self._run = engine.run
        self.lines = 0
        self.ended: RunFinished | None = None

    def __call__(self, request: Any, connections: Any, emit: Callable[[Event], None], *more: Any) -> Any:
        if request.mode is not Mode.APPLY:
            return self._run(request, connections, emit, *more)
        over = threading.Event()

        def log() -> None:
            while not over.wait(0.05):
                for _ in range(LOUD):
                    self.lines += 1
                    text = f"line {self.lines} of much log, as wide as such lines are when something is installed"
                    emit(StepLogged("2026-11-22T20:00:00Z", request.session, "control-plane", "", "istioctl", text))

        thread = threading.Thread(target=log, daemon=True)

        def tell(event: Event) -> None:
            emit(event)
            if isinstance(event, RunStarted):
                thread.start()
            if isinstance(event, RunFinished):
                self.ended = event

        try:
            return self._run(request, connections, tell, *more)
        finally:
            over.set()


async def ours(lab: Path) -> dict[str, Any]:
    """Every part of the app, one after another."""
    loud = Loud()
    vars(engine)["run"] = loud
    connections = WiredConnections()
    async with pulse() as beats:
        rest_until_shown()
        app = make_app(connections=connections, store=SessionStore(lab / "bench-sessions"), start="home")
        async with app.run_test(size=(140, 45)):
            await _typing(app, beats, lab)
            await _running(app, beats, lab, loud)
            await _watching(app, beats, lab)
            beats.part = ""
    connections.close()
    return {"longest": beats.longest, "keys": beats.keys, "lines": loud.lines}


async def _wizard(app: MeshVMApp, name: str, plan: Path) -> None:
    app.open_session(name, await asyncio.to_thread(load_plan, plan))
    await until(lambda: type(app.screen).__name__ == "WizardScreen" and app.wizard and app.wizard.focused, "the wizard")


async def _typing(app: MeshVMApp, beats: Pulse, lab: Path) -> None:
    """Into every field of every stage, with a Google that takes a second for each answer."""
    await _wizard(app, "typed", lab / "google-plan.yaml")
    for stage in Stage:
        beats.part = f"typing in {stage.value}"
        await app.back_to_wizard(stage)
        await asyncio.sleep(0.3)
        begun, seen = app.screen.focused, 0
        while seen < 40 and (seen == 0 or app.screen.focused is not begun):
            seen += 1
            await beats.type(app, *"xyz", *["backspace"] * 3, "tab")
    beats.part = "leaving"
    app.close_session()
    await app.pop_screen()
    await app.type_ahead.release()


async def _running(app: MeshVMApp, beats: Pulse, lab: Path, loud: Loud) -> None:
    """Everything, applied to the lab, with much log."""
    beats.part = "opening"
    await _wizard(app, "applied", lab / "plan.yaml")
    await app.back_to_wizard(Stage.SERVICES)
    await asyncio.sleep(3)
    beats.part = "review"
    await beats.type(app, "ctrl+a")
    await until(lambda: type(app.screen).__name__ == "ReviewScreen", "the review")
    await until(lambda: app.runs and app.runs.shown.lines and not app.runs.shown.running, "the review's end")
    await asyncio.sleep(1)
    beats.part = "a run with much log"
    await beats.type(app, "enter")
    await until(lambda: type(app.screen).__name__ == "RunScreen", "the run")
    await beats.type(app, "ctrl+l")
    while loud.ended is None:
        await beats.type(app, "up", "down")
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    if loud.ended.exit_code:
        print(f"the run did not end well: {loud.ended.message}", file=sys.stderr)


async def _watching(app: MeshVMApp, beats: Pulse, lab: Path) -> None:
    """Hundreds of entries, of which a hundred change each second."""
    beats.part = ""
    command = [sys.executable, "-m", "benchmarks.stall_world", str(lab / "kubeconfig"), "vm-namespace", str(ENTRIES)]
    world = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert world.stdout is not None
    try:
        await asyncio.to_thread(world.stdout.readline)
        beats.part = f"{ENTRIES} live entries"
        await beats.type(app, "f6")
        await until(lambda: type(app.screen).__name__ == "WatchScreen", "the live table")
        for _ in range(100):
            await beats.type(app, "down", "down", "up")
    finally:
        beats.part = ""
        await asyncio.to_thread(world.communicate, b"\n")


async def minimal(keys: int, lines: int) -> dict[str, Any]:
    """A field, a log and a footer."""
    from textual.app import App, ComposeResult
    from textual.widgets import Footer, Input, Log

    class Minimal(App[None]):
        def compose(self) -> ComposeResult:
            yield Input()
            yield Log(max_lines=2000)
            yield Footer()

    async with pulse() as beats:
        beats.part = "minimal"
        app = Minimal()
        async with app.run_test(size=(140, 45)):
            for at in range(keys):
                await beats.type(app, "xyz"[at % 3] if at % 6 < 3 else "backspace")
                app.query_one(Log).write_lines([f"line {at}"] * (lines // keys + 1))
            beats.part = ""
    return {"longest": beats.longest, "keys": beats.keys, "lines": lines}


if __name__ == "__main__":
    if sys.argv[1] == "-":
        print(json.dumps(asyncio.run(minimal(int(sys.argv[2]), int(sys.argv[3])))))
    else:
        print(json.dumps(asyncio.run(ours(Path(sys.argv[1])))))
