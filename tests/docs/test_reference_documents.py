"""docs/plan.md and docs/keys.md are what the product says of itself."""

from __future__ import annotations

import pytest

from tools.reference import DOCS, MADE


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_committed_document_is_what_the_tool_makes(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == MADE[name](), "run: python -m tools.reference"
