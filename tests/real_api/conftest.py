"""One real API server per session with Istio's own definitions, and namespaces of its own for every test."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance_api.driver import Driver
from tests.conformance_api.servers import Server, real_server
from tests.real import need
from tests.real_api import binaries
from tests.real_api.audit import POLICY, Audit
from tests.real_api.controllers import running
from tests.real_api.istio_release import IstioRelease
from tests.real_api.world import World

USERS = ("operator", "newcomer", "halfway", "monitor", "stranger")
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def istio() -> IstioRelease:
    """The newest pinned release."""
    version = binaries.istio_versions()[0]
    istioctl, module = binaries.istioctl(version), binaries.istio_module(version)
    need(bool(istioctl and module), f"istioctl {version} and its module are not here", "make real-tools")
    assert istioctl and module
    return IstioRelease(version, istioctl, module)


@pytest.fixture(scope="session")
def tokens() -> dict[str, str]:
    """Tokens of users that have no rights until a test gives them some."""
    return {name: secrets.token_hex(16) for name in USERS}


@pytest.fixture(scope="session")
def server(istio: IstioRelease, tokens: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """kube-apiserver with RBAC, an audit log and Istio's own definitions."""
    assets = binaries.assets()
    need(assets is not None, "etcd and kube-apiserver are not here", "make real-tools")
    assert assets
    directory = tmp_path_factory.mktemp("real-api")
    policy = directory / "audit-policy.json"
    policy.write_text(POLICY)
    flags = (f"--audit-policy-file={policy}", f"--audit-log-path={directory / 'audit.log'}")
    with real_server(assets, directory, flags=flags, users=tokens) as running_server:
        driver = Driver(running_server)
        _define(driver, istio)
        driver.close()
        yield running_server


@pytest.fixture
def driver(server: Server) -> Iterator[Driver]:
    """The server, asked by its admin without the product."""
    made = Driver(server)
    yield made
    made.close()


@pytest.fixture
def world(
    server: Server, driver: Driver, istio: IstioRelease, tokens: dict[str, str], tmp_path: Path
) -> Iterator[World]:
    """A corner of the server, with stand-ins for the controllers of its namespaces."""
    audit = Audit(server.ca_file.parent / "audit.log", driver)
    made = World(server, driver, audit, istio, tmp_path, next(_NUMBERS), tokens)
    with running(server, made.namespaces, made.home):
        yield made


def _define(driver: Driver, istio: IstioRelease) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    waiting = {driver.ok("POST", path, one)["metadata"]["name"] for one in istio.definitions()}
    with driver.watch(f"{path}?watch=1&timeoutSeconds=60") as events:
        for event in events:
            conditions = event["object"].get("status", {}).get("conditions") or ()
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                waiting.discard(event["object"]["metadata"]["name"])
            if not waiting:
                return
