"""Each case has a cluster of its own: the lab's API server starts in some fifty milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance_api.servers import lab_server

from .clusters import Foreign, foreign_cluster


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Foreign]:
    with lab_server(tmp_path) as server, foreign_cluster(server, tmp_path) as made:
        yield made
