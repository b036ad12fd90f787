"""gcloud itself writes a kubeconfig of the same description: the same context, server and authority as ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshvm_tui.gcp.clusters import ClusterView, context_name
from meshvm_tui.plan_machines import GkeEndpoint
from meshvm_tui.problems import ActionNeeded
from tests.gke.gke_world import CLUSTERS, LOCATION, NAME, PROJECT, Gke
from tests.gke.test_gke_views import CLOSED_DNS, IP_OFF, IP_ON, OPEN_DNS, PRIVATE, points
from tests.google_auth.google_world import Answer

GCLOUD = shutil.which("gcloud")
AUTO: tuple[str, str] = ("auto", "")
DNS: tuple[str, str] = ("dns", "--dns-endpoint")
INSIDE: tuple[str, str] = ("private", "--internal-ip")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(GCLOUD is None, reason="gcloud is not on PATH: nothing here can be compared with it"),
]


def gclouds_kubeconfig(gke: Gke, folder: Path, flag: str) -> dict[str, Any] | None:
    """What gcloud writes; None where it refuses. Nothing of this computer's own is read or written."""
    file, token = folder / "gclouds-kubeconfig", folder / "token"
    token.write_text("ya29.of-gcloud", encoding="ascii")
    for path in (CLUSTERS, CLUSTERS.replace("/locations/", "/zones/")):
        gke.google.server.answer("GET", f"{path}/{NAME}", Answer(200, gke.described | {"zone": LOCATION}))
    environment = {
        "PATH": os.environ["PATH"],
        **gke.google.environ,
        "KUBECONFIG": str(file),
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
    }
    command = [str(GCLOUD), "container", "clusters", "get-credentials", NAME, f"--location={LOCATION}"]
    done = subprocess.run(
        [*command, f"--project={PROJECT}", *([flag] if flag else [])],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        assert re.search("endpoint|not a private cluster|external traffic", done.stderr, re.IGNORECASE), done.stderr
        return None
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        ({}, AUTO),
        (points(IP_ON, OPEN_DNS), AUTO),
        (points(IP_ON, OPEN_DNS), DNS),
        (points(IP_OFF, OPEN_DNS), AUTO),
        (points({"privateEndpoint": "10.0.0.2"}, OPEN_DNS), AUTO),
        ({"privateClusterConfig": PRIVATE}, INSIDE),
    ],
)
def test_ours_is_the_one_that_gcloud_writes(
    gke: Gke, tmp_path: Path, changed: dict[str, Any], asked: tuple[str, str]
) -> None:
    gke.describe(**changed, endpoint="203.0.113.7")
    written = gclouds_kubeconfig(gke, tmp_path, asked[1])
    assert written is not None
    ours = ClusterView(gke.described).endpoint(GkeEndpoint(asked[0]))
    [cluster] = written["clusters"]
    assert written["current-context"] == cluster["name"] == context_name(PROJECT, LOCATION, NAME)
    assert cluster["cluster"]["server"] == ours.server
    assert cluster["cluster"].get("certificate-authority-data", "") == ours.authority


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        (points(IP_ON, CLOSED_DNS), DNS),
        (points(IP_OFF, OPEN_DNS), INSIDE),
        ({}, INSIDE),
    ],
)
def test_what_gcloud_refuses_we_refuse(
    gke: Gke, tmp_path: Path, changed: dict[str, Any], asked: tuple[str, str]
) -> None:
    gke.describe(**changed)
    assert gclouds_kubeconfig(gke, tmp_path, asked[1]) is None
    with pytest.raises(ActionNeeded) as caught:
        ClusterView(gke.described).endpoint(GkeEndpoint(asked[0]))
    assert caught.value.code == "MVM-835"
