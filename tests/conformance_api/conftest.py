"""Every test of this folder runs against the lab's API server, and in the tier `real_tools` against a real one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance_api.driver import Driver
from tests.conformance_api.servers import Server, lab_server, real_server
from tests.real import need
from tests.real_api import binaries

_NUMBERS = itertools.count(1)


# Whoever names a server gets it asked by every run; the one of the cache is asked by the tier of its own.
_REAL = pytest.mark.kubebuilder if os.environ.get("KUBEBUILDER_ASSETS") else pytest.mark.real_tools


@pytest.fixture(scope="session", params=["lab", pytest.param("real", marks=_REAL)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp(f"api-{request.param}")
    if request.param == "lab":
        with lab_server(directory) as running:
            yield running
        return
    assets = binaries.assets()
    need(assets is not None, "there is no kube-apiserver", "make real-tools")
    assert assets
    with real_server(assets, directory) as running:
        driver = Driver(running)
        _install_definitions(driver)
        driver.close()
        yield running


@pytest.fixture
def api(server: Server) -> Iterator[Driver]:
    """The server, asked by its admin."""
    driver = Driver(server)
    yield driver
    driver.close()


@pytest.fixture
def namespace(api: Driver) -> str:
    """A namespace of the test's own."""
    name = f"conf-{next(_NUMBERS)}"
    api.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def kubeconfig(server: Server, tmp_path: Path) -> Path:
    """A kubeconfig of the server's admin."""
    file = tmp_path / "kubeconfig"
    file.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\n"
        f"clusters: [{{name: it, cluster: {{server: '{server.url}', certificate-authority: '{server.ca_file}'}}}}]\n"
        f"users: [{{name: it, user: {{token: '{server.token}'}}}}]\n"
        "contexts: [{name: it, context: {cluster: it, user: it}}]\n"
    )
    file.chmod(0o600)
    return file


def _install_definitions(driver: Driver) -> None:
    from meshvm_tui.lab.cluster_api.istio_crds import crd_objects

    definitions = crd_objects()
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    with driver.watch(f"{path}?watch=1&timeoutSeconds=30") as events:
        for definition in definitions:
            driver.ok("POST", path, definition)
        waiting = {definition["metadata"]["name"] for definition in definitions}
        for event in events:
            conditions = event["object"].get("status", {}).get("conditions") or ()
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                waiting.discard(event["object"]["metadata"]["name"])
            if not waiting:
                return
