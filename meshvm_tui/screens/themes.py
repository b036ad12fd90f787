"""How the app is coloured: dark, light, the terminal's own sixteen colours, or none.

Each theme has one accent, which marks what can be done next, and three strengths of text: `$foreground`,
`$foreground-muted` for what stands beside, `$foreground-disabled` for what can not be done now.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from meshvm_tui.screens.glyphs import ASCII_FORMS

DARK, LIGHT, ANSI, MONOCHROME = "dark", "light", "ansi", "monochrome"
THEMES = (DARK, LIGHT, ANSI, MONOCHROME)
QUIET = "ansi_bright_black"
"""What stands beside, in the terminal's palette. Shown as dim text: not every palette makes this colour readable."""
RICH_TERMINALS = ("256color", "direct", "kitty", "alacritty", "ghostty", "wezterm")
"""Last words of TERM that stand for 256 colours or more."""


def first_theme(environ: Mapping[str, str], preferred: str = "") -> str:
    """The theme to begin with: none of colour where NO_COLOR says so, then the operator's, then the terminal's."""
    if environ.get("NO_COLOR"):
        return MONOCHROME
    if preferred:
        return preferred
    if environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return DARK
    return DARK if environ.get("TERM", "").rpartition("-")[2] in RICH_TERMINALS else ANSI


def themes() -> tuple[Theme, ...]:
    """All four."""
    return (
        _full(
            DARK,
            background="#11161c",
            surface="#1c232c",
            panel="#1a212a",
            text=("#e1e6eb", "#9fabb7", "#6f7b88"),
            accent="#6cb6ff",
            states=("#6fca8e", "#e3b560", "#f4877b"),
        ),
        _full(
            LIGHT,
            background="#fbfbfa",
            surface="#eceff2",
            panel="#f0f2f4",
            text=("#1b2228", "#515c67", "#7b8590"),
            accent="#0a58a8",
            states=("#176f3a", "#835200", "#b3261e"),
        ),
        _terminal(ANSI),
        _terminal(MONOCHROME),
    )


def extra_variables(theme: Theme, found: Mapping[str, str]) -> dict[str, str]:
    """What the sheets name beside Textual's own variables, and scrollbars that do not draw the eye."""
    front, back = found["foreground"], found["background"]
    places = ("scrollbar-background", "scrollbar-background-hover", "scrollbar-background-active")
    bars = dict.fromkeys((*places, "scrollbar-corner-color"), back)
    if theme.ansi:
        thumbs = dict.fromkeys(("scrollbar", "scrollbar-hover", "scrollbar-active"), QUIET)
        own = {"highlight": "ansi_blue", "line": QUIET, "dialog": back, "behind": "transparent"}
        quiet = ("text-muted", "text-disabled", "foreground-muted", "foreground-disabled")
        return {**bars, **thumbs, **own, **dict.fromkeys(quiet, QUIET)}
    thumbs = {
        "scrollbar": f"{front} 25%",
        "scrollbar-hover": f"{front} 40%",
        "scrollbar-active": f"{front} 60%",
    }
    own = {
        "highlight": f"{found['primary']} 25%",
        "line": f"{front} 20%",
        "dialog": found["panel"],
        "behind": f"{back} 60%",
    }
    return {**bars, **thumbs, **own}


def _full(
    name: str,
    *,
    background: str,
    surface: str,
    panel: str,
    text: tuple[str, str, str],
    accent: str,
    states: tuple[str, str, str],
) -> Theme:
    strong, muted, disabled = text
    success, warning, error = states
    return Theme(
        name=name,
        dark=name == DARK,
        primary=accent,
        secondary=accent,
        accent=accent,
        success=success,
        warning=warning,
        error=error,
        foreground=strong,
        background=background,
        surface=surface,
        panel=panel,
        variables={
            "text": strong,
            "text-muted": muted,
            "text-disabled": disabled,
            "foreground-muted": muted,
            "foreground-disabled": disabled,
            "text-accent": accent,
            "text-primary": accent,
            "text-success": success,
            "text-warning": warning,
            "text-error": error,
            "block-cursor-foreground": strong,
            "block-cursor-background": f"{accent} 25%",
            "block-cursor-text-style": "none",
        },
    )


def _terminal(name: str) -> Theme:
    """In the terminal's own palette, whichever that is: backgrounds are left alone (see `PlainBackgrounds`)."""
    plain = "ansi_default"
    return Theme(
        name=name,
        ansi=True,
        primary="ansi_cyan",
        secondary="ansi_cyan",
        accent="ansi_cyan",
        success="ansi_green",
        warning="ansi_yellow",
        error="ansi_red",
        foreground=plain,
        background=plain,
        surface=plain,
        panel=plain,
        boost=plain,
        variables={
            "block-cursor-foreground": plain,
            "block-cursor-background": "ansi_blue",
            "block-cursor-text-style": "none",
            "ansi-background": plain,
            "ansi-foreground": plain,
            "screen-selection-background": "ansi_blue",
            "screen-selection-foreground": plain,
            "border": QUIET,
            "border-blurred": QUIET,
        },
    )


BRIGHT_BLACK = 8
NO_COLOUR = RichColor.default()


class PlainBackgrounds(LineFilter):
    """Shows whatever has a background reversed, which can be read on every palette; `colours` False takes the
    colours of texts away as well."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__()
        self._colours = colours

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The line without backgrounds."""
        return [
            Segment(text, None if style is None else _plain(style, colours=self._colours), control)
            for text, style, control in segments
        ]


class AsciiOnly(LineFilter):
    """Shows every sign in its ASCII form, for a terminal that has no other."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The line in ASCII, each sign as wide as before."""
        return [
            segment if segment.text.isascii() else Segment(ascii_form(segment.text), segment.style, segment.control)
            for segment in segments
        ]


@lru_cache(4096)
def ascii_form(text: str) -> str:
    """The text in as many cells of ASCII."""
    return "".join(char if char.isascii() else ASCII_FORMS.get(char, "?" * cell_len(char)) for char in text)


@lru_cache(1024)
def _plain(style: Style, *, colours: bool) -> Style:
    marked = style.bgcolor is not None and not style.bgcolor.is_default
    quiet = style.color is not None and style.color.number == BRIGHT_BLACK
    front = style.color if colours and not marked and not quiet else NO_COLOUR
    return style + Style(color=front, bgcolor=NO_COLOUR, reverse=marked or style.reverse, dim=quiet and not marked)
