"""Pictures of the app for the documents: `python -m tools.pictures` walks it on the lab and writes docs/pictures/*.svg.

Every screen is taken at 80x24, the main ones also at 140x45, dark and light. Names, addresses and times are the same in
every run, so that a new run changes only what the app changed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from meshvm_tui.app import MeshVMApp

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
STATE = Path("/tmp/meshvm-lab")
"""Stands in pictures, so it is short and the same everywhere."""
POOL = "127.77.5.128/27"
NARROW, WIDE = (80, 24), (140, 45)
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
HOST_KEY = "SHA256:eW2ZZsY2s/vvUOA1z8m48CGjqVhVJbJeZ+IMKv3bf3o"
SAME: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"SHA256:[A-Za-z0-9+/]{5,43}", lambda found: HOST_KEY[: len(found[0])]),
    (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", lambda _: "2026-11-23T12:00:00Z"),
    (r"\b\d\d:\d\d:\d\d\b", lambda _: "12:00:00"),
    (r"elapsed&#160;0:\d\d", lambda _: "elapsed&#160;0:12"),
    (r"\b\d\.\d&#160;(m?s)\b", lambda found: f"0.4&#160;{found[1]}"),
    (r"\b\d\d\.\d&#160;ms\b", lambda _: "14.7&#160;ms"),
    (r"\b\d&#160;s&#160;ago", lambda _: "8&#160;s&#160;ago"),
    (r"\b\d\d&#160;s&#160;ago", lambda _: "14&#160;s&#160;ago"),
    (r"\bid=[0-9a-f]{16}", lambda _: "id=5d862f2f91e9031a"),
    (r"-[a-z0-9]{10}-[a-z0-9]{5}\b", lambda _: "-7c9f8d6b54-x2k9p"),
)
"""What differs from run to run, as it stands in every picture; as wide as it was."""


class Camera:
    """Walks one app and takes its pictures."""

    def __init__(self, app: MeshVMApp, pilot: Pilot[None], folder: Path) -> None:
        self._app = app
        self._pilot = pilot
        self._folder = folder

    async def until(self, *texts: str, seconds: float = 120.0) -> None:
        """Waits until one of the texts is seen."""
        await self.when(lambda shown: any(text in shown for text in texts), str(texts), seconds=seconds)

    async def when(self, true: Callable[[str], object], what: str, *, seconds: float = 120.0) -> None:
        """Waits until something is true of what is seen."""
        end = time.monotonic() + seconds
        while not true(self._text()):
            if time.monotonic() > end:
                raise SystemExit(f"{what} did not come; the screen shows:\n{self._text()}")
            await asyncio.sleep(0.05)

    async def press(self, *keys: str) -> None:
        """Presses keys."""
        await self._pilot.press(*keys)
        await self._pilot.pause(0.3)

    async def take(self, name: str, *, wide: bool = False) -> None:
        """Takes what is seen in both themes, at one size or at both."""
        from meshvm_tui.screens.themes import DARK, LIGHT

        for size in (NARROW, WIDE) if wide else (NARROW,):
            if self._app.size != size:
                await self._pilot.resize_terminal(*size)
                await self._pilot.pause(0.6)
            for theme in (DARK, LIGHT):
                self._app.theme = theme
                await self._pilot.pause(0.2)
                self._write(f"{name}-{size[0]}-{theme}.svg")
        self._app.theme = DARK
        if wide:
            await self._pilot.resize_terminal(*NARROW)
            await self._pilot.pause(0.6)
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()

    def _write(self, name: str) -> None:
        (self._folder / name).write_text(picture(self._app.export_screenshot(title="meshvm-tui")), encoding="utf-8")

    def _text(self) -> str:
        lines = self._app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line) for line in lines)


def picture(svg: str) -> str:
    """The picture without fonts from elsewhere, and with what differs from run to run made the same."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family:\s*[^;]+;", f"font-family: {FONTS};", svg)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    for pattern, same in SAME:
        svg = re.sub(pattern, same, svg)
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


@contextmanager
def lab() -> Iterator[None]:
    """A fresh lab, with its environment in this process."""
    if STATE.exists():
        raise SystemExit(f"{STATE} is there already: remove it, or wait for whoever uses it.")
    command = [sys.executable, "-m", "meshvm_tui.lab", "serve", "--state", str(STATE), "--pool", POOL, "--seed", "1"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while not (STATE / "ready").exists():
            if process.poll() is not None:
                raise SystemExit("The lab did not start.")
            time.sleep(0.05)
        os.environ.update(json.loads((STATE / "env.json").read_text(encoding="utf-8")))
        yield
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(STATE, ignore_errors=True)


@contextmanager
def app_on_the_lab(**how: Any) -> Iterator[MeshVMApp]:
    """The app as the command line makes it."""
    from meshvm_tui.app import make_app
    from meshvm_tui.locations import sessions_dir
    from meshvm_tui.operator_secrets import MemorySecrets
    from meshvm_tui.session_store import SessionStore
    from meshvm_tui.start_needs import StartNeeds
    from meshvm_tui.wiring import WiredConnections

    secrets = MemorySecrets()
    connections = WiredConnections(secrets=secrets)
    store = SessionStore(sessions_dir())
    try:
        yield make_app(
            connections=connections,
            secrets=secrets,
            store=store,
            lab_command=("meshvm-tui", "lab"),
            needs=StartNeeds(),
            **how,
        )
    finally:
        connections.close()


def session(name: str, **ssh: str) -> None:
    """A session with the lab's plan; `ssh` are other values of its machine's login."""
    from meshvm_tui.locations import sessions_dir
    from meshvm_tui.plan_file import load_plan
    from meshvm_tui.session_store import SessionStore

    plan = load_plan(STATE / "plan.yaml")
    machines = [item.model_copy(update={"ssh": item.ssh.model_copy(update=ssh)}) for item in plan.machines]
    SessionStore(sessions_dir()).create(name, plan.model_copy(update={"machines": machines})).close()


async def walk(folder: Path) -> None:
    """From the first start to both answers."""
    with app_on_the_lab(start="home") as app:
        async with app.run_test(size=NARROW) as pilot:
            camera = Camera(app, pilot, folder)
            await camera.until("it answers")
            await camera.take("first-start", wide=True)
    session("hello-vm")
    with app_on_the_lab(start="wizard", session_name="hello-vm") as app:
        async with app.run_test(size=NARROW) as pilot:
            await onboarding(Camera(app, pilot, folder))
    session("other-vm", known_host="")
    with app_on_the_lab(start="wizard", session_name="other-vm") as app:
        async with app.run_test(size=NARROW) as pilot:
            await trouble(Camera(app, pilot, folder))
    with app_on_the_lab(start="home") as app:
        async with app.run_test(size=NARROW) as pilot:
            camera = Camera(app, pilot, folder)
            await camera.until("hello-vm")
            await camera.take("home", wide=True)
    with app_on_the_lab(start="monitor") as app:
        async with app.run_test(size=NARROW) as pilot:
            camera = Camera(app, pilot, folder)
            await camera.until("hello-vm-")
            await camera.take("monitor", wide=True)


async def onboarding(camera: Camera) -> None:
    """Each stage, then review, run and finish."""
    from meshvm_tui.screens.board import STAGES

    for number, stage in enumerate(STAGES, 1):
        await camera.until("up to here")
        await camera.take(f"stage-{number}-{stage.value.lower()}", wide=stage.value in ("Workload", "Machine", "Files"))
        if number == 1:
            await _dialogs(camera)
        if number < len(STAGES):
            await camera.press("ctrl+n")
            await camera.until(FIRST[STAGES[number].value])
    await camera.press("ctrl+a")
    await camera.until("Enter applies", "applies them")
    await camera.take("review", wide=True)
    await camera.press("enter")
    await camera.until("↻ Sidecar package", "↻ Files on the VM", "↻ Sidecar running", seconds=240)
    await camera.take("run", wide=True)
    await camera.until("Both answered", "both ways", seconds=240)
    await camera.take("answers")
    await camera.press("enter")
    await camera.until("All of this is so")
    await camera.take("finish", wide=True)


FIRST = {
    "Mesh": "Istio's control plane, istiod",
    "Gateway": "The door through which",
    "Workload": "Who the VM is in the mesh",
    "Machine": "The VM itself and how",
    "Files": "Five bootstrap files",
    "Install": "Package, files and service",
    "Services": "Samples, and one request",
}
"""How each stage's sentence begins."""


async def _dialogs(camera: Camera) -> None:
    for name, key in (("help", "f1"), ("pick", "f3"), ("commands", "ctrl+p")):
        await camera.press(key)
        await asyncio.sleep(1)
        await camera.take(name)
        await camera.press("escape")
        await asyncio.sleep(0.5)


async def trouble(camera: Camera) -> None:
    """A host key that nobody knows yet."""
    await camera.until("up to here", "not looked", "Nothing to change", "shows what can be done")
    for _ in range(4):
        await camera.press("ctrl+n")
    await camera.until("MVM-404", "known")
    await camera.press("ctrl+a")
    await camera.until("accept")
    await camera.take("problem", wide=True)


def main() -> int:
    """Makes all pictures in a folder."""
    arguments = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__)
    arguments.add_argument("--into", type=Path, default=FOLDER, help="the folder (default: docs/pictures)")
    folder: Path = arguments.parse_args().into
    folder.mkdir(parents=True, exist_ok=True)
    with lab():
        for earlier in folder.glob("*.svg"):
            earlier.unlink()
        asyncio.run(walk(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
