"""The real tools, and an API server that both ask: the real kube-apiserver where it is, else the lab's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance_api.driver import Driver
from tests.conformance_api.servers import Server, lab_server, real_server
from tests.real_api import binaries
from tests.real_istioctl import releases
from tests.real_istioctl.cluster_state import ClusterState
from tests.real_istioctl.tools import Configure, Istioctl


@pytest.fixture(scope="session")
def istioctls() -> tuple[Istioctl, ...]:
    """Every release's istioctl that is there, the newest first."""
    return releases.istioctls()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API server of this run's own."""
    directory, assets = tmp_path_factory.mktemp("api"), binaries.assets()
    with real_server(assets, directory) if assets else lab_server(directory) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(server: Server, istioctls: tuple[Istioctl, ...]) -> Iterator[ClusterState]:
    """The objects on it. A real server gets the newest release's own definitions; the lab's has its own."""
    driver = Driver(server)
    state = ClusterState(driver)
    state.prepare(releases.definitions(istioctls[0]) if server.real else ())
    yield state
    driver.close()


@pytest.fixture(scope="session")
def configure(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Configure:
    """Both tools against the server."""
    file = tmp_path_factory.mktemp("kubeconfig") / "config"
    file.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\n"
        f"clusters: [{{name: it, cluster: {{server: '{server.url}', certificate-authority: '{server.ca_file}'}}}}]\n"
        f"users: [{{name: it, user: {{token: '{server.token}'}}}}]\n"
        "contexts: [{name: it, context: {cluster: it, user: it}}]\n"
    )
    file.chmod(0o600)
    return Configure(file)
