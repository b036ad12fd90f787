"""A lab's Google for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_google.google_lab import GoogleLab, google_lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleLab]:
    """Running, with Google's documents as the judge."""
    with google_lab(tmp_path, monkeypatch) as running:
        yield running
