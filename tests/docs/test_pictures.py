"""The pictures of the documents load nothing from elsewhere and hold nothing of the run that made them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.pictures import FOLDER, picture

PICTURES = sorted(FOLDER.glob("*.svg"))


def test_a_picture_has_no_font_of_another_host_and_the_same_times_in_every_run() -> None:
    made = picture(
        '<svg><style>@font-face { src: url("https://cdn.example/f.woff2"); }\n.terminal-12-matrix '
        "{ font-family: Fira Code, monospace; }</style><text>12:34:56</text><text>7.3&#160;s</text></svg>"
    )
    assert "https://" not in made
    assert "Fira Code" not in made
    assert ">12:00:00<" in made
    assert ">0.4&#160;s<" in made


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_committed_picture_stands_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?:href=|src=|url\()[\"']?https?:", text), "nothing is loaded"
    assert "eyJ" not in text
