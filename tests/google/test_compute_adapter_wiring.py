"""How the adapter is opened: one login for who asks the same way, nothing of Google's before it is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.compute_ports import Compute, ComputeReader, Listing
from meshvm_tui.plan import Plan
from meshvm_tui.problems import ActionNeeded, TransientError
from meshvm_tui.wiring import WiredConnections
from tests.google.google_server import GoogleServer

P = "lab-project-1"
MUTATING = ("insert_instance", "start_instance", "set_metadata", "insert_firewall", "patch_firewall", "wait")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server that the environment leads to."""
    found = GoogleServer()
    found.start()
    for name, value in found.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    yield found
    found.stop()
    assert found.violations == []


def a_plan(**google: str) -> Plan:
    """A plan with a machine on Compute Engine."""
    return Plan.model_validate({"google": google, "machines": [{"name": "vm-1", "gce": {}}]})


def test_the_reader_reads_and_cannot_change_anything(server: GoogleServer) -> None:
    server.answers["compute.zones.list"] = {"items": [{"name": "us-central1-a"}]}
    connections = WiredConnections()
    reader = connections.compute_reader(a_plan())
    assert reader.zones(P) == ({"name": "us-central1-a"},)
    assert not [name for name in MUTATING if hasattr(reader, name)]
    connections.close()


def test_where_nothing_may_be_changed_no_mutating_port_is_given(server: GoogleServer) -> None:
    connections = WiredConnections(read_only=True)
    with pytest.raises(ActionNeeded, match="MVM-722"):
        connections.compute(a_plan())
    connections.compute_reader(a_plan())
    connections.close()


def test_reader_and_writer_share_their_clients_and_close_with_the_connections(server: GoogleServer) -> None:
    server.answers["compute.zones.list"] = {}
    connections = WiredConnections()
    reader, writer = connections.compute_reader(a_plan()), connections.compute(a_plan())
    assert all(hasattr(writer, name) for name in MUTATING)
    reader.zones(P)
    connections.close()
    for port in (reader, writer):
        with pytest.raises(TransientError, match="closed here"):
            port.zones(P)


def test_another_login_has_clients_of_its_own(server: GoogleServer) -> None:
    connections = WiredConnections()
    server.answers["compute.zones.list"] = {}
    connections.compute_reader(a_plan()).zones(P)
    connections.compute_reader(a_plan(quotaProject="billed")).zones(P)
    first, second = server.asked
    assert "x-goog-user-project" not in first.headers
    assert second.headers["x-goog-user-project"] == "billed"
    connections.close()


def test_threads_share_one_adapter(server: GoogleServer) -> None:
    server.answers["compute.zones.list"] = {"items": [{"name": "us-central1-a"}]}
    server.answers["compute.regions.get"] = {"name": "us-central1"}
    server.answers["container.projects.locations.clusters.list"] = {}
    connections = WiredConnections()
    calls: list[Callable[[ComputeReader], object]] = [
        lambda port: port.zones(P),
        lambda port: port.region(P, "us-central1"),
        lambda port: port.clusters(P),
        lambda port: port.instance(P, "us-central1-a", "vm-1"),
    ]
    with ThreadPoolExecutor(8) as pool:
        ports = list(pool.map(connections.compute_reader, [a_plan()] * 24))
        found = [pool.submit(calls[number % 4], port) for number, port in enumerate(ports)]
        answers = [future.result() for future in found]
    zones: object = ({"name": "us-central1-a"},)
    assert answers == [zones, {"name": "us-central1"}, Listing(), None] * 6
    assert len(server.asked) == 24
    connections.close()


def test_a_proxy_of_the_environment_never_stands_before_loopback(
    server: GoogleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answers["compute.zones.list"] = {}
    connections = WiredConnections()
    assert connections.compute_reader(a_plan()).zones(P) == ()
    connections.close()


def test_the_port_is_fulfilled(server: GoogleServer) -> None:
    connections = WiredConnections()
    port: Compute = connections.compute(a_plan())
    assert port.defaults().project.value == P
    connections.close()


PROBE = """
import sys
HEAVY = ("google", "requests", "urllib3", "kubernetes", "grpc", "proto")
def heavy(): return sorted(name for name in sys.modules if name.split(".")[0] in HEAVY)
import meshvm_tui.wiring, meshvm_tui.engine, meshvm_tui.app
assert not heavy(), heavy()
from meshvm_tui.plan import Plan
plan = Plan.model_validate({"machines": [{"name": "vm-1", "gce": {}}]})
connections = meshvm_tui.wiring.WiredConnections()
connections.compute_reader(plan).defaults()
connections.compute(plan)
connections.close()
assert not heavy(), heavy()
print("light")
"""


def test_nothing_of_googles_libraries_is_loaded_before_google_is_asked(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CLOUDSDK_CORE_PROJECT": P, "NO_GCE_CHECK": "true"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "light\n", run.stderr


LOADING = """
import gc
from meshvm_tui.adapters.google_compute_clients import library
gc.collect()
before = gc.get_stats()[2]["collections"]
assert library().InstancesClient
assert gc.get_stats()[2]["collections"] == before, "a full collection ran meanwhile"
assert gc.isenabled()
assert gc.get_freeze_count() > 100_000
gc.disable()
library()
assert not gc.isenabled()
print("smooth")
"""


def test_loading_the_library_does_not_stop_the_screens_for_garbage(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOADING],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "smooth\n", run.stderr
