"""The Google world of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.google_auth.google_world import GoogleServer, World, google_server


@pytest.fixture
def server() -> Iterator[GoogleServer]:
    """A server on loopback."""
    with google_server() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, server: GoogleServer) -> Iterator[World]:
    """gcloud's folder, empty; tokens of users and of impersonation come from the server."""
    folder = tmp_path / "gcloud"
    environ = {
        "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(folder),
        "NO_GCE_CHECK": "true",
        "CLOUDSDK_AUTH_TOKEN_HOST": f"{server.url}/token",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS": f"{server.url}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER": f"{server.url}/",
    }
    found = World(folder, server, environ)
    yield found
    found.close()
