"""A WorkloadGroup in a file, and the folder that the files go into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.files.worlds import (
    GROUP,
)


@pytest.fixture
def group(tmp_path: Path) -> Path:
    path = tmp_path / "workloadgroup.yaml"
    path.write_text(GROUP)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "vm-files"
