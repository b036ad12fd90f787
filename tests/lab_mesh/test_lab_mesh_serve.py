"""The lab as a process: what it hands out, how it ends, that it goes on where it was, and that two run at once."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from meshvm_tui.lab.mesh.kube_client import KubeClient, KubeError

PATIENCE = 30.0
OPERATOR = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  profile: minimal
  values:
    global: {meshID: mesh1, multiCluster: {clusterName: Kubernetes}, network: ""}
"""
GATEWAY = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  profile: empty
  components:
    ingressGateways:
    - name: istio-eastwestgateway
      enabled: true
      label: {istio: eastwestgateway, app: istio-eastwestgateway}
      k8s: {service: {ports: [{name: tls-istiod, port: 15012, targetPort: 15012}]}}
"""


@contextmanager
def serving(state: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A lab without VMs, ready; ended by SIGTERM if the test has not."""
    command = [sys.executable, "-m", "meshvm_tui.lab", "serve", "--state", str(state), "--vms", "0", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + PATIENCE
        while not (state / "ready").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < end, "the lab is not ready"
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        assert process.stderr is not None
        process.stderr.close()


def sourced(state: Path) -> dict[str, str]:
    """The environment after env.sh was sourced in a shell that has everything set to something of the operator's."""
    before = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": "/operator/kubeconfig",
        "SSH_AUTH_SOCK": "/operator/agent",
        "GOOGLE_APPLICATION_CREDENTIALS": "/operator/key.json",
        "CLOUDSDK_CORE_PROJECT": "operators-project",
        "GOOGLE_CLOUD_PROJECT": "operators-project",
    }
    shown = subprocess.run(
        ["sh", "-c", f". {shlex.quote(str(state))}/env.sh; env -0"], env=before, capture_output=True, check=True
    )
    pairs = (item.partition("=") for item in shown.stdout.decode().split("\0") if item)
    return {name: value for name, _, value in pairs}


def istioctl(state: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the stand-in as it is found on PATH."""
    return subprocess.run(
        ["istioctl", *arguments], env=sourced(state), input=text, capture_output=True, text=True, check=False
    )


def test_a_lab_hands_out_everything_installs_and_goes_on_where_it_was(tmp_path: Path) -> None:
    state = tmp_path / "a lab's world"
    with serving(state) as process:
        environment = sourced(state)
        assert environment["KUBECONFIG"] == str(state / "kubeconfig")
        assert environment["SSH_AUTH_SOCK"] == ""
        assert environment["GOOGLE_APPLICATION_CREDENTIALS"] == str(state / "google" / "service-account.json")
        assert environment["CLOUDSDK_CONFIG"] == str(state / "google" / "gcloud")
        assert environment["GOOGLE_CLOUD_PROJECT"] == environment.get("CLOUDSDK_CORE_PROJECT", "") == ""
        assert environment["GCE_METADATA_HOST"].startswith("127.0.0.1:")
        assert environment["PATH"].startswith(str(state / "bin") + os.pathsep)
        listed = json.loads((state / "env.json").read_text(encoding="utf-8"))
        assert {name: environment.get(name, "") for name in listed if name != "PATH"} == {
            name: value for name, value in listed.items() if name != "PATH"
        }
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        private = [file for file in state.rglob("*") if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077]
        assert private == []
        plan = yaml.safe_load((state / "plan.yaml").read_text(encoding="utf-8"))
        assert plan["mesh"]["install"] == "install"
        assert plan["sidecar"]["package"].startswith("http://127.")

        version = istioctl(state, "version", "--remote=false", "-o", "json")
        assert json.loads(version.stdout)["clientVersion"]["version"] == "1.30.3"
        done = istioctl(state, "install", "-y", "-f", "-", "--context", "meshvm-lab", text=OPERATOR)
        assert done.returncode == 0, done.stderr
        assert "Installation complete" in done.stdout
        assert istioctl(state, "install", "-y", "-f", "-", text=GATEWAY).returncode == 0
        assert istioctl(state, "x", "precheck").returncode == 0
        client = KubeClient(str(state / "kubeconfig"))
        mesh = client.request("GET", "/api/v1/namespaces/istio-system/configmaps/istio")["data"]["mesh"]
        assert yaml.safe_load(mesh)["defaultConfig"] == {
            "discoveryAddress": "istiod.istio-system.svc:15012",
            "meshId": "mesh1",
        }
        seen = [json.loads(line) for line in (state / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
        assert {one["userAgent"] for one in seen} == {"istioctl"}

        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 2
        assert not (state / "ready").exists()

    server = client.request
    with pytest.raises(KubeError):
        server("GET", "/version")
    with serving(state):
        again = KubeClient(str(state / "kubeconfig"))
        found = again.request("GET", "/apis/apps/v1/namespaces/istio-system/deployments/istiod")
        assert found["metadata"]["name"] == "istiod"
        assert yaml.safe_load((state / "plan.yaml").read_text(encoding="utf-8")) == plan


def test_two_labs_at_once_share_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "one", "--fault", "istio-present"), serving(tmp_path / "two"):
        first, second = (KubeClient(str(tmp_path / name / "kubeconfig")) for name in ("one", "two"))
        assert first.get("/apis/apps/v1/namespaces/istio-system/deployments/istiod") is not None
        assert second.get("/apis/apps/v1/namespaces/istio-system/deployments/istiod") is None
        blocks = [
            json.loads((tmp_path / n / "addresses.json").read_text(encoding="utf-8"))["block"] for n in ("one", "two")
        ]
        assert blocks[0] != blocks[1]


def test_a_served_folder_and_an_unknown_fault_are_refused_in_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "meshvm_tui.lab", "serve", "--vms", "0", "--state"]
    with serving(tmp_path / "lab"):
        busy = subprocess.run([*command, str(tmp_path / "lab")], capture_output=True, text=True, check=False)
        assert busy.returncode == 1
        assert "is served by process" in busy.stderr
        assert (tmp_path / "lab" / "ready").exists()
    wrong = subprocess.run(
        [*command, str(tmp_path / "new"), "--fault", "nonsense"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert 'there is no fault "nonsense"' in wrong.stderr


def test_istioctl_says_what_is_wrong(tmp_path: Path) -> None:
    state = tmp_path / "lab"
    with serving(state):
        refused = istioctl(state, "install", "-y", "-f", "-", text="kind: ConfigMap")
        assert refused.returncode == 1
        assert refused.stderr == "Error: could not read the input: expected an IstioOperator, got ConfigMap\n"
        lost = istioctl(state, "install", "-y", "-f", "-", "--context", "elsewhere", text=OPERATOR)
        assert 'context "elsewhere" does not exist' in lost.stderr
        declined = istioctl(state, "install", "-f", "/dev/null", text="n\n")
        assert declined.returncode == 1
    (state / "faults").write_text("api-403:create:deployments\n", encoding="utf-8")
    with serving(state):
        forbidden = istioctl(state, "install", "-y", "-f", "-", text=OPERATOR)
        assert forbidden.returncode == 1
        assert "forbidden" in forbidden.stderr
