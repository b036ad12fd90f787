"""A GKE cluster and the wiring against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.wiring import WiredConnections
from tests.conformance_api.servers import Server, lab_server
from tests.gke.gke_world import Door, Gke, a_cluster, control_plane
from tests.google_auth.google_world import World, google_server


@pytest.fixture(scope="session")
def control_plane_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with lab_server(tmp_path_factory.mktemp("gke-api")) as running:
        yield running


@pytest.fixture
def gke(tmp_path: Path, control_plane_api: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gke]:
    """A cluster that runs, and a service account's key that Google takes; the process's own environment is set."""
    assert control_plane_api.lab
    access = control_plane_api.lab.api._access
    door = Door(access.authenticate)
    monkeypatch.setattr(access, "authenticate", door)
    with google_server() as server:
        environ = {
            "HOME": str(tmp_path),
            "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER": f"{server.url}/",
            "CLOUDSDK_CORE_PROJECT": "lab-project-1",
            "NO_GCE_CHECK": "true",
            "KUBECONFIG": str(tmp_path / "no-kubeconfig"),
            "TMPDIR": str(tmp_path),
        }
        world = World(tmp_path / "gcloud", server, environ)
        world.key_file(world.service_account())
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        found = Gke(world, control_plane_api, door, a_cluster())
        found.describe(**control_plane(control_plane_api))
        yield found
        world.close()


@pytest.fixture
def connections(gke: Gke) -> Iterator[WiredConnections]:
    """The product's own wiring."""
    opened = WiredConnections()
    yield opened
    opened.close()
