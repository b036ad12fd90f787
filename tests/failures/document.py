"""The table as docs/troubleshooting.md has it. `python -m tests.failures.document` writes it."""

from __future__ import annotations

import re
from pathlib import Path

from meshvm_tui.problem_catalog import CATALOG
from tests.failures.table import CHAPTERS, Chapter, Row

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md"
BEGIN, END = "<!-- failure table: begin -->", "<!-- failure table: end -->"
COLUMNS = ("code", "what you see", "what the other system says", "exit", "what to do", "how to make it happen")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"
PLACEHOLDER = re.compile(r"(?<!\{)\{(\w+)\}")


def table() -> str:
    """Every chapter's table."""
    return "\n".join(_chapter(chapter) for chapter in CHAPTERS)


def written() -> str:
    """The table as the document has it now."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def write() -> None:
    """Puts the table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table().strip()}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def _chapter(chapter: Chapter) -> str:
    return f"## {chapter.title}\n\n{HEAD}{''.join(_line(row) for row in chapter.rows)}"


def _line(row: Row) -> str:
    entry = CATALOG[row.code]
    cells = (row.code, entry.title, _cause(row), str(row.exit_code), entry.next_action, row.made)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _cause(row: Row) -> str:
    parts = [PLACEHOLDER.sub(lambda match: match[1].upper(), part) for part in row.cause.split(" … ")]
    return " … ".join(f"`{part.replace('{{', '{').replace('}}', '}')}`" for part in parts)


if __name__ == "__main__":
    write()
