"""The Python client and kubectl against the server: what users and our own adapter send."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance_api.driver import Driver

JSON = dict[str, Any]
Kubectl = Callable[..., str]
GROUP = """
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: vm}
spec: {template: {serviceAccount: vm-sa, labels: {app: vm}}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: %s}]
"""


@pytest.fixture
def client(kubeconfig: Path) -> Iterator[Any]:
    config: Any = importlib.import_module("kubernetes.config")
    made = config.new_client_from_config(config_file=str(kubeconfig), persist_config=False)
    yield made
    made.close()


def test_the_python_client_reads_writes_and_watches(client: Any, api: Driver, namespace: str) -> None:
    kubernetes: Any = importlib.import_module("kubernetes.client")
    watch: Any = importlib.import_module("kubernetes.watch")
    core = kubernetes.CoreV1Api(client)
    account = kubernetes.V1ServiceAccount(metadata=kubernetes.V1ObjectMeta(name="vm-sa"))
    core.create_namespaced_service_account(namespace, account)
    spec = kubernetes.V1TokenRequestSpec(audiences=["istio-ca"], expiration_seconds=3600)
    request = kubernetes.AuthenticationV1TokenRequest(spec=spec)
    token = core.create_namespaced_service_account_token("vm-sa", namespace, request)
    assert token.status.token.count(".") == 2
    custom = kubernetes.CustomObjectsApi(client)
    where = ("networking.istio.io", "v1", namespace, "workloadgroups")
    body = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "vm"},
        "spec": {"template": {"serviceAccount": "vm-sa"}},
    }
    custom.create_namespaced_custom_object(*where, body)
    watching = watch.Watch()
    for event in watching.stream(custom.list_namespaced_custom_object, *where, timeout_seconds=10):
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "vm")
        custom.delete_namespaced_custom_object(*where, "vm")
        break
    else:
        pytest.fail("the watch told nothing")
    watching.stop()
    with pytest.raises(kubernetes.ApiException) as refused:
        core.read_namespaced_config_map("none", namespace)
    assert json.loads(refused.value.body)["message"] == 'configmaps "none" not found'
    service = kubernetes.V1Service(
        metadata=kubernetes.V1ObjectMeta(name="web"),
        spec=kubernetes.V1ServiceSpec(ports=[kubernetes.V1ServicePort(port=80)]),
    )
    assert core.create_namespaced_service(namespace, service).spec.cluster_ip.startswith("10.96.")
    assert [one.metadata.name for one in core.list_namespaced_service(namespace).items] == ["web"]


@pytest.fixture
def kubectl(kubeconfig: Path, tmp_path: Path, namespace: str) -> Kubectl:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")

    def run(*words: str, given: str = "", code: int = 0) -> str:
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path)}
        command = [str(program), "--namespace", namespace, "--cache-dir", str(tmp_path / "cache"), *words]
        done = subprocess.run(
            command, input=given, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run


def test_kubectl_creates_built_in_kinds(kubectl: Kubectl, namespace: str) -> None:
    assert f"namespace/{namespace}-two created" in kubectl("create", "namespace", f"{namespace}-two")
    assert "serviceaccount/vm-sa created" in kubectl("create", "serviceaccount", "vm-sa")
    assert kubectl("create", "token", "vm-sa", "--audience", "istio-ca", "--duration", "1h").count(".") == 2
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"


def test_kubectl_applies_changes_and_prints_columns(kubectl: Kubectl) -> None:
    assert "workloadgroup.networking.istio.io/vm created" in kubectl("apply", "-f", "-", given=GROUP)
    assert "workloadgroup.networking.istio.io/vm unchanged" in kubectl("apply", "-f", "-", given=GROUP)
    assert "service/web created" in kubectl("apply", "-f", "-", given=SERVICE % 80)
    assert "service/web configured" in kubectl("apply", "-f", "-", given=SERVICE % 8080)
    lines = kubectl("get", "services").splitlines()
    assert lines[0].split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert "8080/TCP" in lines[1]
    wrong = GROUP.replace("serviceAccount", "serviceAcount")
    assert 'unknown field "spec.template.serviceAcount"' in kubectl("apply", "-f", "-", given=wrong, code=1)


def test_kubectl_applies_on_the_server_side_and_meets_conflicts(kubectl: Kubectl) -> None:
    words = ("apply", "--server-side", "-f", "-", "--field-manager")
    assert "serverside-applied" in kubectl(*words, "one", given=GROUP)
    refused = kubectl(*words, "two", given=GROUP.replace("vm-sa", "other"), code=1)
    assert 'conflict with "one": .spec.template.serviceAccount' in refused
    kubectl(*words, "two", "--force-conflicts", given=GROUP.replace("vm-sa", "other"))


def test_kubectl_waits_labels_and_deletes(kubectl: Kubectl, api: Driver, namespace: str) -> None:
    path = f"/apis/networking.istio.io/v1/namespaces/{namespace}/workloadentries"
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": "vm-1"},
        "spec": {"address": "10.0.0.1"},
    }
    api.ok("POST", path, entry)
    lines = kubectl("get", "workloadentries").splitlines()
    assert lines[0].split() == ["NAME", "AGE", "ADDRESS"]
    assert lines[1].split()[0::2] == ["vm-1", "10.0.0.1"]
    assert "labeled" in kubectl("label", "we", "vm-1", "seen=yes")
    assert kubectl("get", "we", "-l", "seen=yes", "-o", "name").strip() == "workloadentry.networking.istio.io/vm-1"
    assert "deleted" in kubectl("delete", "we", "vm-1", "--timeout=10s")
    assert "NotFound" in kubectl("get", "we", "vm-1", code=1)
