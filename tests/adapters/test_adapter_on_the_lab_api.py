"""The Kubernetes adapter against a server that keeps what it is told: token, reviews, watch, preconditions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, connect
from meshvm_tui.ports import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, WORKLOAD_ENTRIES, Access
from meshvm_tui.problems import Problem
from tests.conformance_api.servers import Server, lab_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with lab_server(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> Iterator[KubernetesCluster]:
    file = tmp_path / "kubeconfig"
    document = {
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server.url, "certificate-authority": str(server.ca_file)}}],
        "users": [{"name": "lab", "user": {"token": server.token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
    }
    file.write_text(json.dumps(document))
    found = KubernetesCluster(connect(str(file)))
    yield found
    found.close()


def test_who_where_and_when(cluster: KubernetesCluster) -> None:
    assert cluster.version().startswith("v1.")
    assert cluster.user()
    assert abs((cluster.server_time() or 0) - time.time()) < 30
    assert cluster.serves(WORKLOAD_ENTRIES)
    assert cluster.allowed([Access("create", SERVICE_ACCOUNTS, "default", "token")]) == (True,)


def test_token_preconditions_and_no_such_place(cluster: KubernetesCluster) -> None:
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "t-"}})
    name = made["metadata"]["name"]
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa", "namespace": name}})
    token = cluster.create_token(name, "sa", audience="istio-ca", seconds=3600)
    assert (token.value.count("."), token.expires[:2]) == (2, "20")
    with pytest.raises(Problem) as moved:
        cluster.delete(SERVICE_ACCOUNTS, "sa", name, uid="another")
    assert moved.value.code == "MVM-111"
    with pytest.raises(Problem) as nowhere:
        cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "nowhere"}})
    assert (nowhere.value.code, 'namespaces "nowhere" not found' in nowhere.value.cause) == ("MVM-115", True)
    cluster.delete(NAMESPACES, name, None, uid=made["metadata"]["uid"])


def test_watch_sees_what_happens(cluster: KubernetesCluster) -> None:
    stop = False
    events = cluster.watch(CONFIG_MAPS, "default", lambda: stop)
    assert next(events).type == "SYNCED"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seen", "namespace": "default"}}
    cluster.apply({**body, "data": {"a": "1"}})
    cluster.apply({**body, "data": {"a": "2"}})
    cluster.delete(CONFIG_MAPS, "seen", "default")
    seen = [next(events) for _ in range(3)]
    assert [(event.type, event.object["data"]["a"]) for event in seen] == [
        ("ADDED", "1"),
        ("MODIFIED", "2"),
        ("DELETED", "2"),
    ]
    stop = True
    assert list(events) == []
