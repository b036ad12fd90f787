"""Text in cells: what is cut, filled and wrapped takes exactly the room that it was given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from meshvm_tui.screens.cells import cut, padded, wrapped

LETTERS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs", "Mn", "Cf", "Cc")), max_size=80)


@given(LETTERS, st.integers(2, 60))
def test_padded_takes_exactly_its_cells(text: str, cells: int) -> None:
    assert cell_len(padded(text, cells)) == cells


@given(LETTERS, st.integers(2, 60))
def test_no_wrapped_line_is_wider_and_no_letter_is_lost(text: str, cells: int) -> None:
    lines = wrapped(text, cells)
    assert all(cell_len(line) <= cells for line in lines)
    joined = "".join("".join(lines).split())
    assert joined == "".join("".join(char if char.isprintable() else " " for char in text).split())


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("short", 8, "short"),
        ("a longer text", 8, "a longe…"),
        ("漢字漢字漢字", 6, "漢字…"),
        ("two\nlines", 20, "two lines"),
    ],
)
def test_a_cut_text_says_that_it_was_cut(text: str, cells: int, shown: str) -> None:
    assert cut(text, cells) == shown


def test_a_name_of_253_characters_goes_over_several_lines() -> None:
    assert [len(line) for line in wrapped("a" * 253, 100)] == [100, 100, 53]
