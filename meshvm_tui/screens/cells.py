"""Text measured in terminal cells: a CJK letter takes two, a combining mark none. `len` and `str.format` do not know.

Right-to-left text is given whole to the terminal, in the order in which it is stored; only its width counts here.
"""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from meshvm_tui.screens.glyphs import printable

ELLIPSIS = "…"


def width(text: str) -> int:
    """Cells that the text takes."""
    return cell_len(text)


def cut(text: str, cells: int) -> str:
    """The text on one line in at most so many cells, with an ellipsis where something is left out."""
    line = " ".join(printable(text).split())
    if cell_len(line) <= cells:
        return line
    return set_cell_size(line, max(0, cells - 1)).rstrip() + ELLIPSIS if cells > 0 else ""


def padded(text: str, cells: int) -> str:
    """The text on one line in exactly so many cells: cut, or filled with spaces."""
    shown = cut(text, cells)
    return shown + " " * (cells - cell_len(shown))


def wrapped(text: str, cells: int) -> list[str]:
    """The text in lines of at most so many cells, broken at spaces; a word that is longer than a line is cut into
    lines. Empty for an empty text."""
    lines: list[str] = []
    for paragraph in printable(text).splitlines():
        line = ""
        for word in paragraph.split():
            *full, rest = _pieces(word, max(2, cells))
            if full or (line and cell_len(line) + 1 + cell_len(rest) > cells):
                lines += [line] if line else []
                lines += full
                line = rest
            else:
                line = f"{line} {rest}" if line else rest
        lines += [line] if line else []
    return lines


def _pieces(word: str, cells: int) -> list[str]:
    """A word in pieces that each fit."""
    pieces, piece = [], ""
    for letter in word:
        if cell_len(piece + letter) > cells:
            pieces.append(piece)
            piece = ""
        piece += letter
    return [*pieces, piece]
