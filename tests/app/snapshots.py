"""Snapshots of screens as text: the characters, and below them which part has which colour and weight.

A test takes a screen by a name and finds it equal to `tests/snapshots/<name>-<size>.txt`. They are renewed by
`python -m tools.snapshots`, which runs the same tests with RENEW set, and by nothing else.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.style import Style
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input

from meshvm_tui.screens.themes import DARK, LIGHT
from tests.app.harness import World
from tools.pictures import picture

FOLDER = Path(__file__).resolve().parents[1] / "snapshots"
RENEW = "MESHVM_TUI_RENEW_SNAPSHOTS"
"""The variable in the environment by which snapshots are written, not compared."""
RENEWING = bool(os.environ.get(RENEW))
PICTURES = os.environ.get("MESHVM_TUI_PICTURES", "")
"""A folder that gets a picture of each as well, dark and light."""
NOW = 1_795_435_200.0
"""What the clock shows: 2026-11-23T12:00:00Z."""
HERE = "/home/operator/mesh"
PATIENCE, CALM = 5.0, 0.4
"""Seconds that a screen has to become what it was, and for which it stays the same before it is written."""
SAME: tuple[tuple[str, str], ...] = (
    (r"elapsed( +)\d:\d\d", r"elapsed\g<1>0:12"),
    (r"\b\d\d:\d\d:\d\d\b", "12:00:00"),
    (r"\b\d\.\d s\b", "0.4 s"),
    (r"\b\d s ago", "8 s ago"),
    (r"\bpid \d+", "pid 4711"),
)
"""What differs from run to run, as it stands in every snapshot."""
ROLES = (
    "foreground",
    "foreground-muted",
    "foreground-disabled",
    "text-accent",
    "text-success",
    "text-warning",
    "text-error",
    "background",
    "surface",
    "panel",
)
"""The theme's names of colours, the first of several that are alike."""


class Album:
    """Compares what it is given, and tells all that differs at the end."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = f"{size[0]}x{size[1]}"
        self._differs: list[str] = []

    async def take(self, made: World, name: str) -> None:
        """The screen as it is when nothing moves any more."""
        path = FOLDER / f"{name}-{self._size}.txt"
        if RENEWING:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(await _calm(made, self._size), encoding="utf-8")
            if PICTURES:
                await _picture(made, f"{name}-{self._size}")
            return
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        end = time.monotonic() + (PATIENCE if not self._differs else CALM)
        while (seen := snapshot(made, self._size)) != kept:
            if time.monotonic() > end:
                self._differs.append(_difference(path, kept, seen))
                return
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """Fails where something differs."""
        if self._differs:
            how = "Look at each; where it is meant, renew: .venv/bin/python -m tools.snapshots"
            pytest.fail("\n\n".join([*self._differs, how]), pytrace=False)


def snapshot(made: World, size: str) -> str:
    """What is seen now."""
    strips = _seen(made)
    names = _names(made.app.theme_variables)
    text = "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
    for pattern, same in SAME:
        text = re.sub(pattern, same, text)
    styles = []
    for number, strip in enumerate(strips, 1):
        runs = "; ".join(_runs([(segment.text, segment.style) for segment in strip], names))
        if runs:
            styles.append(f"{number:>2}  {runs}")
    title = f"{type(made.app.screen).__name__} {size}"
    return "\n".join([title, "", text, "", "Colours", *styles]) + "\n"


def fixed_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands, a cursor that does not blink, a folder that is the same everywhere."""
    from meshvm_tui.screens import save_dialog

    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda _: None)
    monkeypatch.setattr(save_dialog, "_here", lambda: Path(HERE))


def _seen(made: World) -> list[Strip]:
    """The screen's lines; of a dialog those of its own box, as what is behind it has a snapshot itself."""
    screen = made.app.screen
    strips = [Strip(line) for line in screen._compositor.render_strips()]
    boxes = [child.region for child in screen.children if child.display and child.region]
    if not isinstance(screen, ModalScreen) or not boxes:
        return strips
    box = boxes[0]
    return [strip.crop(box.x, box.right) for strip in strips[box.y : box.bottom]]


def _shows_something(made: World) -> bool:
    """Not yet where the screen has just been pushed."""
    return any(segment.text.strip() for strip in _seen(made) for segment in strip)


async def _calm(made: World, size: str) -> str:
    seen, since = "", time.monotonic()
    while time.monotonic() - since < CALM:
        now = snapshot(made, size)
        if now != seen or not _shows_something(made):
            seen, since = now, time.monotonic()
        await asyncio.sleep(0.02)
    return seen


async def _picture(made: World, name: str) -> None:
    for theme in (LIGHT, DARK):
        made.app.theme = theme
        await _calm(made, "")
        svg = picture(made.app.export_screenshot(title="meshvm-tui"))
        (Path(PICTURES) / f"{name}-{theme}.svg").write_text(svg, encoding="utf-8")


def _names(variables: dict[str, str]) -> dict[str, str]:
    return {variables[name].lower(): name for name in reversed(ROLES)}


def _runs(segments: list[tuple[str, Style | None]], names: dict[str, str]) -> Iterator[str]:
    """`3-9 text-accent bold`: columns from one, and how they look where it is not plain text."""
    begins = column = 0
    words = ""
    for text, style in [*segments, ("", None)]:
        looks = _looks(text, style, names)
        if looks != words or not text:
            if words:
                yield f"{begins + 1}-{column} {words}"
            begins, words = column, looks
        column += sum(1 for _ in text)


def _looks(text: str, style: Style | None, names: dict[str, str]) -> str:
    if style is None:
        return ""
    front = _colour(style, names, behind=False) if text.strip() else ""
    behind = _colour(style, names, behind=True)
    kinds = [kind for kind in ("bold", "italic", "underline", "reverse", "dim") if getattr(style, kind)]
    parts = [front if front != "foreground" else "", *(kinds if text.strip() or "reverse" in kinds else [])]
    ground = f"on {behind}" if behind not in ("", "background") else ""
    return " ".join(part for part in (*parts, ground) if part)


def _colour(style: Style, names: dict[str, str], *, behind: bool) -> str:
    colour = style.bgcolor if behind else style.color
    if colour is None or colour.is_default:
        return ""
    code = colour.get_truecolor().hex
    return names.get(code, code)


def _difference(path: Path, kept: str, seen: str) -> str:
    lines = difflib.unified_diff(
        kept.splitlines(), seen.splitlines(), f"kept {path.name}", "seen now", lineterm="", n=1
    )
    return "\n".join(lines) if kept else f"There is no {path.name} yet. The screen shows:\n{seen}"
