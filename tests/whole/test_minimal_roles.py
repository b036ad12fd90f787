"""docs/rbac as it stands is enough: the whole onboarding with its roles alone, and the monitor with its reading one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml

from tests.journeys.cluster import LabCluster
from tests.plain.conversation import Conversation
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROLES = Path(__file__).resolve().parents[2] / "docs" / "rbac"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PRODUCT = (sys.executable, "-m", "meshvm_tui")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    """A lab with a mesh that somebody else, its administrator, has installed."""
    with lab_world(tmp_path_factory.mktemp("roles") / "lab") as world:
        command = ["istioctl", "install", "-y"]
        done = subprocess.run(command, env=world.environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        yield world


def place_of(item: dict[str, Any]) -> str:
    """Where an object is posted to."""
    kind = f"{item['kind'].lower()}s"
    if item["apiVersion"] == "v1":
        return f"/api/v1/{kind}"
    namespace = item["metadata"].get("namespace")
    return f"{RBAC}/namespaces/{namespace}/{kind}" if namespace else f"{RBAC}/{kind}"


def operator_with(lab: LabWorld, file: str, name: str) -> Path:
    """A kubeconfig of a ServiceAccount that may do what a file of docs/rbac says, and nothing else."""
    cluster = LabCluster(lab.state / "kubeconfig")
    cluster.ask("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": name}})
    text = (ROLES / file).read_text(encoding="utf-8").replace("OPERATOR", f"system:serviceaccount:default:{name}")
    for item in yaml.safe_load_all(text):
        cluster.ask("POST", place_of(item), item)
    path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
    token = cluster.ask("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    config = yaml.safe_load((lab.state / "kubeconfig").read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    kubeconfig = lab.state / f"{name}.kubeconfig"
    kubeconfig.write_text(json.dumps(config), encoding="utf-8")
    kubeconfig.chmod(0o600)
    return kubeconfig


def test_the_whole_onboarding_with_the_roles_alone(lab: LabWorld) -> None:
    kubeconfig = operator_with(lab, "onboarding.yaml", "operator")

    def change(plan: dict[str, Any]) -> None:
        plan["mesh"] = {"install": "keep"}
        plan["cluster"]["kubeconfig"] = str(kubeconfig)

    run = lab.run("apply", "-f", str(lab.edit_plan(change)), "--yes", seconds=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "MVM-107" not in run.stdout + run.stderr, "nothing that is asked for beforehand is missing"
    with pytest.raises(HTTPError) as refused:
        LabCluster(kubeconfig).ask("GET", "/api/v1/namespaces/kube-system/secrets")
    with refused.value:
        assert refused.value.code == 403, "it is the roles that allow it, not the lab"


def test_the_monitor_with_its_reading_role_alone(lab: LabWorld) -> None:
    kubeconfig = operator_with(lab, "monitor.yaml", "watcher")
    command = [*PRODUCT, "monitor", "--plain", "-A", "--kubeconfig", str(kubeconfig)]
    with Conversation(command, lab.environment) as talk:
        talk.wait_for("Entries in all namespaces of ")
    with pytest.raises(HTTPError) as refused:
        LabCluster(kubeconfig).ask("GET", "/api/v1/namespaces/vm-namespace/serviceaccounts")
    with refused.value:
        assert refused.value.code == 403
