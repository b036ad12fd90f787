"""The four themes: they can be read, and a terminal gets no more than it can show."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from meshvm_tui.app_base import Look
from meshvm_tui.screens.glyphs import ASCII_FORMS
from meshvm_tui.screens.themes import (
    ANSI,
    DARK,
    LIGHT,
    MONOCHROME,
    THEMES,
    AsciiOnly,
    PlainBackgrounds,
    ascii_form,
    first_theme,
)
from tests.app.harness import WIDE, world

SCREENS = Path(__file__).parents[2] / "meshvm_tui" / "screens"
TEXTS = ("foreground", "text", "text-muted", "foreground-muted")
SIGNALS = ("text-accent", "text-success", "text-warning", "text-error")


@pytest.mark.parametrize("theme", [DARK, LIGHT])
async def test_every_text_can_be_read_on_every_ground(
    theme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch, start="home", look=Look(theme)) as made:
        found = {name: value for name, value in made.app.get_css_variables().items() if "auto" not in value}
    below = Color.parse(found["background"])
    grounds = {name: Color.parse(found[name]) for name in ("background", "surface", "panel", "dialog")}
    tint, _, strength = found["highlight"].partition(" ")
    grounds["highlight"] = below.blend(Color.parse(tint), float(strength.rstrip("%")) / 100)
    for name, ground in grounds.items():
        for text in (*TEXTS, *SIGNALS):
            contrast = _contrast(ground, Color.parse(found[text]))
            wanted = 4.5 if name != "highlight" or text in ("foreground", "text") else 3.0
            assert contrast >= wanted, f"{text} on {name}: {contrast:.2f}"
        dim = _contrast(ground, Color.parse(found["foreground-disabled"]))
        assert dim >= 3.0 or name == "highlight", f"foreground-disabled on {name}: {dim:.2f}"


@pytest.mark.parametrize("theme", THEMES)
async def test_each_theme_shows_the_whole_wizard(theme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=WIDE, look=Look(theme)) as made:
        await made.says("Cluster", "● Cluster")
        grounds = {
            segment.style.bgcolor
            for line in made.app.screen._compositor.render_strips()
            for segment in line
            if segment.style and segment.style.bgcolor and not segment.style.bgcolor.is_default
        }
        assert bool(grounds) is (theme in (DARK, LIGHT))


@pytest.mark.parametrize(
    ("environ", "preferred", "theme"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm"}, "", DARK),
        ({"TERM": "xterm-256color"}, "", DARK),
        ({"TERM": "xterm"}, "", ANSI),
        ({"TERM": "linux"}, "", ANSI),
        ({"TERM": "dumb"}, "", ANSI),
        ({}, "", ANSI),
        ({"TERM": "xterm"}, LIGHT, LIGHT),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, LIGHT, MONOCHROME),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "", DARK),
    ],
)
def test_the_terminal_chooses_unless_the_operator_has(environ: dict[str, str], preferred: str, theme: str) -> None:
    assert first_theme(environ, preferred) == theme


def test_without_colours_what_has_a_background_is_reversed() -> None:
    line = [Segment("here", Style.parse("red on blue")), Segment("there", Style.parse("bold red"))]
    marked, other = PlainBackgrounds(colours=False).apply(line, Color.parse("black"))
    assert marked.style and marked.style.reverse and marked.style.color and marked.style.color.is_default
    assert other.style and other.style.bold and not other.style.reverse
    assert other.style.color and other.style.color.is_default


def test_in_ascii_each_sign_is_as_wide_as_before() -> None:
    assert ascii_form("✓ done → 名前 é") == "+ done > ???? ?"
    (segment,) = AsciiOnly().apply([Segment("┌─ … ●")], Color.parse("black"))
    assert segment.text == "+- ~ *"


def test_every_sign_in_the_screens_has_an_ascii_form() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in SCREENS.glob("*.py")}
    lacking = {
        f"{name}: {char}"
        for name, text in sources.items()
        for char in text
        if ord(char) > 126 and char not in ASCII_FORMS
    }
    assert not lacking


async def test_an_ascii_terminal_is_sent_ascii_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, size=WIDE, look=Look(DARK, ascii=True)) as made:
        await made.says("* Cluster")
        await made.press("f1")
        await made.screen("HelpDialog")
        assert made.text().isascii()


def _contrast(one: Color, other: Color) -> float:
    """As the WCAG defines it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
