"""The server's own word on what a run would write: on the wire, each request is a dry run, and nothing is changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from meshvm_tui.events import Stage
from meshvm_tui.plan_file import load_plan
from meshvm_tui.server_trial import ServerSaid, Word, try_on_server
from meshvm_tui.wiring import WiredConnections
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("world") / "lab", "--fault", "istio-present") as world:
        yield world


def answers(lab: LabWorld) -> dict[str, ServerSaid]:
    """What is said of each object."""
    connections = WiredConnections()
    said: list[ServerSaid] = []
    try:
        try_on_server(load_plan(lab.plan), connections, Stage.SERVICES, {}, threading.Event(), said.append)
    finally:
        connections.close()
    return {answer.target: answer for answer in said}


def test_every_write_is_a_dry_run_and_the_refusal_is_the_servers_own(lab: LabWorld) -> None:
    first = answers(lab)
    assert first["Namespace vm-namespace"].word is Word.TAKEN
    assert first["WorkloadGroup vm-namespace/hello-vm"].word is Word.LATER
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vm-namespace"}}
    lab.api("POST", "/api/v1/namespaces", namespace)
    group = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "hello-vm", "namespace": "vm-namespace"},
        "spec": {"template": {"serviceAccount": "somebody-else"}},
    }
    place = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadgroups/hello-vm"
    lab.api("PATCH", f"{place}?fieldManager=helm", group, "application/apply-patch+yaml")

    second = answers(lab)
    refused = second["WorkloadGroup vm-namespace/hello-vm"]
    assert (refused.word, refused.code) == (Word.REFUSED, "MVM-110")
    assert "helm" in refused.words
    assert second["ServiceAccount vm-namespace/vm-sa"].word is Word.TAKEN
    assert second["Service istio-system/istio-eastwestgateway"].word is Word.TAKEN

    written = [
        request
        for request in lab.requests()
        if request["method"] in ("POST", "PUT", "PATCH", "DELETE")
        and "meshvm-tui" in request["userAgent"]
        and not request["path"].endswith(("reviews",))
    ]
    assert len(written) >= 8
    assert all("All" in request["query"].get("dryRun", "") for request in written), written
    accounts = lab.api("GET", "/api/v1/namespaces/vm-namespace/serviceaccounts")["items"]
    assert [item["metadata"]["name"] for item in accounts if item["metadata"]["name"] == "vm-sa"] == []
