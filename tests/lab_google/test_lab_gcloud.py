"""gcloud itself drives the lab's Google, where it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.lab.google.credentials import endpoint_environment, write_gcloud_configuration
from tests.google.discovery import judge
from tests.lab_google.google_lab import ZONE, GoogleLab

GCLOUD = shutil.which("gcloud")
Gcloud = Callable[..., subprocess.CompletedProcess[str]]
# gcloud asks for partial answers though no document lists it, and writes booleans as Python does.
_GCLOUDS_OWN = {"returnPartialSuccess", "includeAllScopes"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(GCLOUD is None, reason="gcloud is not on PATH: nothing here can drive the lab"),
]


@pytest.fixture
def gcloud(lab: GoogleLab, tmp_path: Path) -> Gcloud:
    """Runs a command of gcloud with the lab's endpoints and nothing of this computer's own."""
    token = tmp_path / "token"
    token.write_text(lab.token(), encoding="ascii")
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CLOUDSDK_CONFIG": str(write_gcloud_configuration(tmp_path)),
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "NO_GCE_CHECK": "true",
        **endpoint_environment(lab.url),
    }

    def run(*words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(GCLOUD), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done

    return run


def judged_clean(lab: GoogleLab) -> None:
    """Every request that gcloud sent is right by Google's documents, but for gcloud's own parameters."""
    for line in lab.log():
        if line["api"] == "cloudresourcemanager":
            continue  # gcloud uses v1, of which there is no document here
        query = {name: value for name, value in line["query"].items() if name not in _GCLOUDS_OWN}
        said = judge(line["api"], line["method"], line["path"], query, line["body"])
        assert said == [], line


def sent(lab: GoogleLab, method: str, end: str) -> dict[str, Any]:
    """The body of the one request to a path that ends so."""
    (found,) = [line for line in lab.log() if line["method"] == method and line["path"].endswith(end)]
    body: dict[str, Any] = found["body"]
    return body


def test_the_guides_virtual_machine(lab: GoogleLab, gcloud: Gcloud) -> None:
    place = f"--zone={ZONE}"
    gcloud("compute", "instances", "create", "my-mesh-vm", "--tags=mesh-vm", "--machine-type=n1-standard-2", place)
    body = sent(lab, "POST", "/instances")
    assert body["tags"] == {"items": ["mesh-vm"]}
    assert body["serviceAccounts"][0]["email"] == "default"
    described = json.loads(gcloud("compute", "instances", "describe", "my-mesh-vm", place, "--format=json").stdout)
    assert described["status"] == "RUNNING"
    assert described == lab.cloud.instance("my-mesh-vm")
    listed = gcloud("compute", "instances", "list", "--filter=name=my-mesh-vm", "--format=value(name,status)").stdout
    assert listed.split() == ["my-mesh-vm", "RUNNING"]
    gcloud("compute", "instances", "add-metadata", "my-mesh-vm", place, "--metadata=enable-guest-attributes=TRUE")
    gcloud("compute", "instances", "add-tags", "my-mesh-vm", place, "--tags=another")
    gcloud("compute", "instances", "stop", "my-mesh-vm", place)
    gcloud("compute", "instances", "start", "my-mesh-vm", place)
    gcloud("compute", "instances", "delete", "my-mesh-vm", place)
    assert lab.cloud.instance("my-mesh-vm") is None
    judged_clean(lab)


def test_the_guides_firewall_rule(lab: GoogleLab, gcloud: Gcloud) -> None:
    clusters = json.loads(gcloud("container", "clusters", "list", "--format=json").stdout)
    pods = next(cluster["clusterIpv4Cidr"] for cluster in clusters if cluster["name"] == "lab")
    gcloud(
        *("compute", "firewall-rules", "create", "cluster-pods-to-vm"),
        *(f"--source-ranges={pods}", "--allow=tcp", "--direction=INGRESS"),
        *("--priority=900", "--target-tags=mesh-vm", "--network=default"),
    )
    names = gcloud("compute", "firewall-rules", "list", "--format=value(name)").stdout.split()
    assert {"cluster-pods-to-vm", "default-allow-ssh"} <= set(names)
    gcloud("compute", "firewall-rules", "update", "cluster-pods-to-vm", f"--source-ranges={pods},10.40.0.0/17")
    rule = lab.cloud.firewalls["cluster-pods-to-vm"]
    assert (rule["sourceRanges"], rule["targetTags"]) == ([pods, "10.40.0.0/17"], ["mesh-vm"])
    judged_clean(lab)


def test_many_requests_in_one(lab: GoogleLab, gcloud: Gcloud) -> None:
    names = gcloud("compute", "images", "list", "--format=value(name)").stdout  # of many projects, most not here
    assert "debian-12-bookworm" in names
    place = f"--zone={ZONE}"
    gcloud("compute", "instances", "create", "vm-a", "vm-b", "--machine-type=e2-small", place)
    found = gcloud("compute", "instances", "list", "--format=value(name)").stdout.split()
    assert found == ["vm-a", "vm-b"]
    judged_clean(lab)


def test_gcloud_tells_of_failures_as_of_googles(lab: GoogleLab, gcloud: Gcloud) -> None:
    create = ("compute", "instances", "create", "my-mesh-vm", f"--zone={ZONE}")
    said = gcloud(*create, "--machine-type=n9-mega", status=1).stderr
    assert "Machine type with name 'n9-mega' does not exist in zone" in said
    lab.faults.set("google-quota", "CPUS")
    assert "Quota 'CPUS' exceeded" in gcloud(*create, status=1).stderr
    lab.faults.clear()
    lab.faults.set("google-permission", "compute.instances.create")
    assert "Required 'compute.instances.create' permission" in gcloud(*create, status=1).stderr
