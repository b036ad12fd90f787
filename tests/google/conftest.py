"""A pretended Google with the adapter against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.adapters import google_compute_calls, google_compute_operations
from meshvm_tui.adapters.google_compute import GoogleCompute
from tests.google.google_server import GoogleServer, google


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried or asked again is so soon."""
    monkeypatch.setattr(google_compute_calls, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(google_compute_operations, "PAUSE_SECONDS", 0.05)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[GoogleServer, GoogleCompute]]:
    """The server and the adapter; at the end no request and no answer may have violated Google's documents."""
    with google(tmp_path) as found:
        yield found
