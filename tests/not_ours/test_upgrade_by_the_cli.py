"""A running mesh, the CLI as a process, and the lab's log of requests: what was sent, and what never was."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("upgrade")]
"""One after the other on one lab."""

JSON = dict[str, Any]
ISTIOD = "/apis/apps/v1/namespaces/istio-system/deployments/istiod"
AT_WORK = {
    "apiVersion": "install.istio.io/v1alpha1",
    "kind": "IstioOperator",
    "metadata": {"name": "corp"},
    "spec": {
        "profile": "minimal",
        "tag": "1.29.5",
        "meshConfig": {"trustDomain": "corp.example", "accessLogFile": "/dev/stdout"},
        "values": {"global": {"meshID": "mesh-prod", "multiCluster": {"clusterName": "prod-eu"}, "network": "net-7"}},
    },
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    """A cluster in which another team has installed Istio 1.29.5 by istioctl."""
    state = tmp_path_factory.mktemp("foreign") / "lab"
    with lab_world(state) as world:
        file = state / "corp.yaml"
        file.write_text(yaml.safe_dump(AT_WORK))
        done = subprocess.run(
            ["istioctl", "install", "-y", "-f", str(file)],
            env=world.environment,
            capture_output=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield world


def plan(lab: LabWorld, **mesh: str) -> str:
    def change(value: JSON) -> None:
        ids = {"meshID": "auto", "clusterID": "auto", "network": "auto"}
        value["mesh"] = {**value.get("mesh", {}), **ids, "profile": "minimal", **mesh}

    return str(lab.edit_plan(change))


def written_by_the_product(lab: LabWorld, run: Callable[[], object]) -> list[str]:
    """The requests of our own client that change something, while `run` runs."""
    before = len(lab.requests())
    run()
    return [
        f"{line['method']} {line['path']}"
        for line in lab.requests()[before:]
        if line["method"] != "GET" and "selfsubject" not in line["path"] and "meshvm" in line["userAgent"]
    ]


def image(lab: LabWorld) -> str:
    return str(lab.api("GET", ISTIOD)["spec"]["template"]["spec"]["containers"][0]["image"])


def test_keep_leaves_the_mesh_alone_and_takes_its_ids(lab: LabWorld) -> None:
    version = lab.api("GET", ISTIOD)["metadata"]["resourceVersion"]

    def run() -> None:
        done = lab.run("apply", "-f", plan(lab, install="keep"), "--dry-run", "--json")
        assert done.returncode == 6, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        mesh = next(item for item in events if item["event"] == "StepFinished" and item["step"] == "control-plane")
        details = dict(mesh["observation"]["details"])
        assert (details["meshID"], details["clusterID"], details["network"]) == ("mesh-prod", "prod-eu", "net-7")
        assert details["managed by"].startswith("istioctl")

    assert written_by_the_product(lab, run) == []
    assert lab.api("GET", ISTIOD)["metadata"]["resourceVersion"] == version


def test_the_upgrade_is_shown_whole_then_confirmed_by_name_then_made(lab: LabWorld) -> None:
    upgrade = {"install": "upgrade", "version": "1.30.3"}
    context = yaml.safe_load(Path(lab.environment["KUBECONFIG"]).read_text())["current-context"]

    def look_and_be_refused() -> None:
        looked = lab.run("apply", "-f", plan(lab, **upgrade), "--dry-run")
        assert looked.returncode == 6, looked.stderr
        flags = f"--kubeconfig={lab.environment['KUBECONFIG']} --context={context} "
        assert "$ istioctl x precheck" in looked.stdout.replace(flags, "").replace(f"--context={context} ", "")
        assert "update  Deployment istio-system/istiod" in looked.stdout
        refused = lab.run("apply", "-f", plan(lab, **upgrade), "--yes")
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "MVM-218" in refused.stdout + refused.stderr
        assert f"mesh.upgradeCluster: {context}" in " ".join((refused.stdout + refused.stderr).split())

    assert written_by_the_product(lab, look_and_be_refused) == []
    assert image(lab).endswith(":1.29.5")

    done = lab.run("apply", "-f", plan(lab, **upgrade, upgradeCluster=context), "--yes", seconds=240)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "upgraded Istio from 1.29.5 to 1.30.3" in done.stdout
    assert image(lab).endswith(":1.30.3")
    config = yaml.safe_load(lab.api("GET", "/api/v1/namespaces/istio-system/configmaps/istio")["data"]["mesh"])
    assert (config["trustDomain"], config["accessLogFile"]) == ("corp.example", "/dev/stdout")
    assert config["defaultConfig"]["meshId"] == "mesh-prod"
    again = lab.run("apply", "-f", plan(lab, **upgrade, upgradeCluster=context), "--dry-run")
    assert again.returncode == 0, again.stdout


def test_a_mesh_that_helm_made_is_left_to_helm(lab: LabWorld) -> None:
    mark = {"metadata": {"annotations": {"meta.helm.sh/release-name": "istiod-prod"}}}
    lab.api("PATCH", ISTIOD, mark, "application/merge-patch+json")

    def run() -> None:
        done = lab.run("apply", "-f", plan(lab, install="upgrade", version="1.31.0"), "--yes")
        assert done.returncode == 3, done.stdout + done.stderr
        said = " ".join((done.stdout + done.stderr).split())
        assert "MVM-217" in said
        assert "managed by Helm (annotation meta.helm.sh/release-name: istiod-prod)" in said

    assert written_by_the_product(lab, run) == []
