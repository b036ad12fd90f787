"""The credential plugin of our own, as a process; and istioctl with the kubeconfig that names it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import ssl
import stat
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters.gke_kubeconfig import GkeKubeconfig
from meshvm_tui.adapters.kubeconfig import ClusterAccess
from meshvm_tui.plan_machines import Google
from meshvm_tui.wiring import WiredConnections
from tests.gke.gke_world import CONTEXT, Gke, a_plan
from tests.google_auth.google_world import TARGET, Answer

ISTIOCTL = """import json, os, stat, subprocess, sys
path = os.environ["KUBECONFIG"]
text = open(path).read()
plugin = json.loads(text)["users"][0]["user"]["exec"]
done = subprocess.run([plugin["command"], *plugin["args"]], capture_output=True, text=True, check=True)
json.dump({{
    "argv": sys.argv, "path": path, "text": text, "credential": json.loads(done.stdout),
    "modes": [stat.S_IMODE(os.stat(place).st_mode) for place in (path, os.path.dirname(path))],
}}, open({record!r}, "w"))
"""


@pytest.fixture
def istioctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name that notes what it was given, and runs the plugin as client-go does."""
    (tmp_path / "bin").mkdir()
    program, record = tmp_path / "bin" / "istioctl", tmp_path / "record.json"
    script = tmp_path / "istioctl.py"
    script.write_text(ISTIOCTL.format(record=str(record)))
    # A path with spaces cannot stand behind `#!`.
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return record


def plugin(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "meshvm_tui.gke_token", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_prints_an_exec_credential(gke: Gke) -> None:
    done = plugin()
    assert (done.returncode, done.stderr) == (0, "")
    credential = json.loads(done.stdout)
    kind = (credential["apiVersion"], credential["kind"])
    assert kind == ("client.authentication.k8s.io/v1", "ExecCredential")
    assert credential["status"]["token"] == "ya29.token-1"
    ends = datetime.strptime(credential["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(minutes=50) < ends - datetime.now(UTC) < timedelta(minutes=61)


def test_it_impersonates_whom_the_plan_names(gke: Gke, monkeypatch: pytest.MonkeyPatch) -> None:
    server = gke.google.server
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", f"{server.url}/")
    ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"
    server.answer("POST", path, Answer(200, {"accessToken": "ya29.of-the-target", "expireTime": ends}))
    done = plugin(f"--impersonate-service-account={TARGET}")
    assert json.loads(done.stdout)["status"]["token"] == "ya29.of-the-target", done.stderr


def test_without_a_login_it_says_what_to_do(gke: Gke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    done = plugin()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("MVM-801 ")
    assert "gcloud auth application-default login" in done.stderr
    assert "Traceback" not in done.stderr


def test_istioctl_gets_a_kubeconfig_without_a_token(gke: Gke, connections: WiredConnections, istioctl: Path) -> None:
    connections.istioctl(a_plan()).precheck(istio_namespace="istio-system")
    seen: dict[str, Any] = json.loads(istioctl.read_text())
    assert seen["modes"] == [0o600, 0o700]
    assert "ya29" not in seen["text"] + " ".join(seen["argv"])
    assert json.loads(seen["text"])["current-context"] == CONTEXT
    assert status_with(seen, gke) == 200
    connections.close()
    assert not Path(seen["path"]).parent.exists()


def test_istioctls_plugin_has_the_plans_login() -> None:
    google = Google(impersonate_service_account=TARGET, quota_project="billed")
    file = GkeKubeconfig(lambda: ClusterAccess("c", "https://127.0.0.1:1", "default", {}, {}), google)
    with contextlib.closing(file):
        arguments = json.loads(Path(file.path()).read_text())["users"][0]["user"]["exec"]["args"]
    assert arguments[-2:] == [f"--impersonate-service-account={TARGET}", "--quota-project=billed"]


def test_what_a_dead_process_left_is_swept(
    gke: Gke, connections: WiredConnections, istioctl: Path, tmp_path: Path
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f"meshvm-tui-{dead.pid}-x"
    left.mkdir(mode=0o700)
    connections.istioctl(a_plan()).precheck(istio_namespace="istio-system")
    assert not left.exists()


def test_no_token_comes_to_rest_on_the_disk(
    gke: Gke, connections: WiredConnections, istioctl: Path, tmp_path: Path
) -> None:
    connections.cluster_reader(a_plan()).version()
    connections.istioctl(a_plan()).precheck(istio_namespace="istio-system")
    istioctl.unlink()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert [path for path in files if b"ya29" in path.read_bytes()] == []


def status_with(seen: dict[str, Any], gke: Gke) -> int:
    """The control plane's answer to the credential that the plugin printed."""
    cluster = json.loads(seen["text"])["clusters"][0]["cluster"]
    assert cluster["server"] == gke.api.url
    headers = {"Authorization": f"Bearer {seen['credential']['status']['token']}"}
    request = urllib.request.Request(f"{cluster['server']}/api/v1/namespaces", headers=headers)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=gke.api.ca_file)) as answer:
        return int(answer.status)
