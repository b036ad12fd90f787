"""The marks of states. A colour never stands without its glyph or a word."""

from __future__ import annotations

from enum import StrEnum


class Mark(StrEnum):
    """Where something stands."""

    DONE = "done"
    HERE = "here"
    ATTENTION = "attention"
    WAITING = "waiting"
    FAILED = "failed"
    WORKING = "working"
    SKIPPED = "skipped"


GLYPHS = {
    Mark.DONE: "✓",
    Mark.HERE: "●",
    Mark.ATTENTION: "!",
    Mark.WAITING: "○",
    Mark.FAILED: "✗",
    Mark.WORKING: "↻",
    Mark.SKIPPED: "–",
}

# Theme variables: they follow whichever theme the operator picks.
COLOURS = {
    Mark.DONE: "$text-success",
    Mark.HERE: "$text-accent",
    Mark.ATTENTION: "$text-warning",
    Mark.WAITING: "$foreground-muted",
    Mark.FAILED: "$text-error",
    Mark.WORKING: "$text-accent",
    Mark.SKIPPED: "$foreground-muted",
}


ENTER = "⏎"
ARROW = "→"
BETWEEN = "·"
MORE = "…"
BAR_FULL, BAR_EMPTY = "█", "░"
FOLDED, UNFOLDED = "▸", "▾"
UP_DOWN = "↑↓"

ASCII_FORMS = {
    "✓": "+",
    "●": "*",
    "○": ".",
    "✗": "x",
    "↻": "~",
    "–": "-",
    "—": "-",
    "⏎": "<",
    "→": ">",
    "←": "<",
    "↑": "^",
    "↓": "v",
    "›": ">",
    "‹": "<",
    "·": "-",
    "…": "~",
    "•": "*",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "▶": ">",
    "▼": "v",
    "▸": ">",
    "▾": "v",
    "■": "#",
    "×": "x",
    "≥": ">",
    "≤": "<",
    **dict.fromkeys("─━╌╍┄┅═▔▁▂▃▄▀", "-"),
    **dict.fromkeys("│┃┆┇║▏▎▍▌▐▕", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╸╺╶╴┏┓┗┛", "+"),
    **dict.fromkeys("█▓▅▆▇▉▊▋▖▗▘▝", "#"),
    **dict.fromkeys("░▒", ":"),
}
"""Every sign that the product writes, and Textual's lines and bars, in one cell of ASCII each."""


def printable(text: str) -> str:
    """Foreign text without control characters, which could move the cursor or switch the terminal's modes."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text.expandtabs(4))
