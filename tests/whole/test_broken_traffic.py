"""What breaks one way of the traffic makes its own probe fail, and only that one, with the code of the cause."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meshvm_tui.events import Mode
from tests.whole.in_process import Engine, engine_of
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("broken-traffic")]
"""One after the other on one lab."""

FROM_VM, FROM_CLUSTER = "probe-vm-to-cluster", "probe-cluster-to-vm"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("broken") / "lab") as world:
        applied = world.run("apply", "-f", str(world.plan), "--yes")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        yield world


@pytest.fixture
def engine(lab: LabWorld, tmp_path: Path) -> Iterator[Engine]:
    with engine_of(lab.plan, tmp_path / "files") as opened:
        yield opened


def probed(engine: Engine) -> dict[str, str]:
    """The codes of the probes that fail."""
    return engine.run(Mode.APPLY, FROM_VM, FROM_CLUSTER).codes


def test_a_stopped_sample_server_fails_the_probe_from_the_cluster(lab: LabWorld, engine: Engine) -> None:
    lab.inside("sudo systemctl stop meshvm-http")
    try:
        assert probed(engine) == {FROM_CLUSTER: "MVM-615"}
    finally:
        lab.inside("sudo systemctl start meshvm-http")
    assert probed(engine) == {}


def test_a_closed_firewall_fails_the_probe_from_the_cluster(lab: LabWorld, engine: Engine) -> None:
    lab.fault("firewall-closed")
    try:
        codes = probed(engine)
    finally:
        lab.fault()
    assert codes == {FROM_CLUSTER: "MVM-615"}
    assert probed(engine) == {}


def test_a_sample_without_pods_fails_the_probe_from_the_vm(lab: LabWorld, engine: Engine) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/hello-world"
    lab.api("PATCH", path, {"spec": {"replicas": 0}}, "application/merge-patch+json")
    wait_until(lambda: "hello-world" not in pods(lab))
    codes = probed(engine)
    assert list(codes) == [FROM_VM]
    assert codes[FROM_VM].startswith("MVM-6")


def test_a_stopped_sidecar_fails_the_probe_from_the_vm_first(lab: LabWorld, engine: Engine) -> None:
    """Its names were the agent's: curl cannot resolve them. The entry goes with the connection, and then Pods have
    nobody to ask either."""
    lab.inside("sudo systemctl stop istio")
    assert probed(engine)[FROM_VM] == "MVM-611"


def pods(lab: LabWorld) -> str:
    """The names of the Pods in the sample's namespace."""
    found = lab.api("GET", "/api/v1/namespaces/default/pods")["items"]
    return " ".join(item["metadata"]["name"] for item in found)


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for a condition of the world."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
