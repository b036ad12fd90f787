"""A served lab hands out its Google Cloud: the environment, a plan, and a Kubernetes API that takes Google's tokens."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import requests
import yaml

from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.google.tokens import CLOUD_PLATFORM, EMAIL_SCOPE, GoogleTokens
from meshvm_tui.lab.mesh.kube_client import KubeClient, KubeError
from meshvm_tui.plan_file import load_plan
from tests.lab_mesh.test_lab_mesh_serve import serving

EXEC = "client.authentication.k8s.io/v1"


def with_user(state: Path, user: dict[str, object]) -> str:
    """The lab's kubeconfig with another user."""
    config = yaml.safe_load((state / "kubeconfig").read_text(encoding="utf-8"))
    config["users"][0]["user"] = user
    file = state / "other-kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return str(file)


def test_it_hands_out_its_google_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "/operator/token")
    state = tmp_path / "world"
    with serving(state):
        told = json.loads((state / "env.json").read_text(encoding="utf-8"))
        key_file = Path(told["GOOGLE_APPLICATION_CREDENTIALS"])
        key = json.loads(key_file.read_text(encoding="utf-8"))
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        assert key["token_uri"].startswith("http://127.") and key["project_id"] == "lab-project-1"
        assert told["MESHVM_TUI_IAP_ENDPOINT"].startswith("ws://127.") and told["NO_GCE_CHECK"] == "true"
        assert told["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"] == ""
        ends = ("COMPUTE", "CONTAINER", "OSLOGIN", "SERVICEUSAGE", "CLOUDRESOURCEMANAGER", "IAMCREDENTIALS")
        assert all(told[f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}"].startswith("http://127.") for api in ends)

        plan = load_plan(state / "google-plan.yaml")
        assert plan.cluster.gke is not None and plan.cluster.context == ""
        [machine] = plan.machines
        assert machine.name == "my-mesh-vm" and machine.gce is not None and machine.gce.create is not None
        assert machine.ssh.port == 2222 and plan.firewall.ports == [8080]

        tokens = GoogleTokens(state / "google", Clock(state / "clock"))
        token = tokens.mint("me@example.com", [CLOUD_PLATFORM, EMAIL_SCOPE])
        base = told["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"]
        path = "v1/projects/lab-project-1/locations/us-central1-a/clusters/lab"
        cluster = requests.get(base + path, headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
        server = yaml.safe_load((state / "kubeconfig").read_text(encoding="utf-8"))["clusters"][0]["cluster"]
        assert server["server"] == f"https://{cluster['endpoint']}"
        assert server["certificate-authority-data"] == cluster["masterAuth"]["clusterCaCertificate"]

        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        client = KubeClient(with_user(state, {"token": token}))
        who = client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        assert who["status"]["userInfo"]["username"] == "me@example.com"
        assert client.request("GET", "/api/v1/nodes")["items"]

        # A credential plugin, as istioctl is given one.
        answer = json.dumps({"apiVersion": EXEC, "kind": "ExecCredential", "status": {"token": token}})
        plugin = {"apiVersion": EXEC, "command": "sh", "args": ["-c", f"echo '{answer}'"], "env": None}
        assert KubeClient(with_user(state, {"exec": plugin})).request("GET", "/api/v1/nodes")["items"]
        for broken in ("exit 3", "echo '{}'", f"echo '{answer.replace('/v1', '/v1beta1')}'"):
            with pytest.raises(KubeError, match="getting credentials"):
                KubeClient(with_user(state, {"exec": {**plugin, "args": ["-c", broken]}}))
        with pytest.raises(KubeError) as refused:
            KubeClient(with_user(state, {"token": token[:-4]})).request("GET", "/api/v1/nodes")
        assert refused.value.code == 401
        assert os.environ["CLOUDSDK_CONFIG"] != told["CLOUDSDK_CONFIG"]
