"""The first frame waits for nothing that it does not show."""

from __future__ import annotations

import gc
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from textual.app import App

from meshvm_tui.app_base import Look
from meshvm_tui.app_memory import Settled
from meshvm_tui.app_onboarding import OnboardingApp
from meshvm_tui.app_opening import WIZARD
from meshvm_tui.screens.themes import LIGHT
from tests.app.harness import world

FIRST = (
    "app",
    "commands.look",
    "commands.onboard",
    "operator_secrets",
    "session_store",
    "start_needs",
    "terminal_writer",
    "wiring",
)
"""All that `show_app` loads."""
LATER = ("pydantic", "yaml", "kubernetes", "google", "paramiko")
LATER_OF_OURS = ("ports", "events", "session", "plan", "engine", "screens.wizard", "screens.board", "watching")


def test_what_home_does_not_show_is_not_loaded() -> None:
    code = (
        f"import {', '.join('meshvm_tui.' + name for name in FIRST)}, sys;"
        f"print([n for n in {LATER!r} if n in sys.modules]"
        f" + [n for n in {LATER_OF_OURS!r} if f'meshvm_tui.{{n}}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_sheets_are_read_once_in_the_theme_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[App[None]] = []
    refresh = App.refresh_css

    def counted(app: App[None], animate: bool = True) -> None:
        again.append(app)
        refresh(app, animate=animate)

    monkeypatch.setattr(App, "refresh_css", counted)
    async with world(tmp_path, monkeypatch, start="home", look=Look(LIGHT)) as made:
        assert made.app.screen.styles.background.hex == (made.app.current_theme.background or "").upper()
        assert not again
        made.app.theme = "dark"
        await made.until(lambda: bool(again))


def test_a_session_that_is_open_waits_for_no_module() -> None:
    taken_up = inspect.getsource(OnboardingApp._session_opened)
    assert set(re.findall(r"from (meshvm_tui\S+) import", taken_up)) <= set(WIZARD)


def test_what_is_loaded_is_settled_once_and_only_where_the_collector_rested(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    resting = [True]
    monkeypatch.setattr(gc, "isenabled", lambda: not resting[0])
    monkeypatch.setattr(gc, "freeze", lambda: calls.append("freeze"))
    monkeypatch.setattr(gc, "enable", lambda: calls.append("enable"))
    settled = Settled()
    settled.shown()
    settled.loaded()
    assert calls == ["freeze", "enable"]
    monkeypatch.setitem(sys.modules, "a_library_that_was_loaded", sys)
    settled.loaded()
    settled.loaded()
    assert calls == ["freeze", "enable", "freeze"]
    resting[0] = False
    Settled().shown()
    assert len(calls) == 3
