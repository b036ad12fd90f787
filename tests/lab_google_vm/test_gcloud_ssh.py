"""The real gcloud logs in to an instance of the lab: by a key in metadata, with the published host key, and sudo."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from meshvm_tui.lab.google.catalogue import ACCOUNT
from meshvm_tui.lab.google.tokens import CLOUD_PLATFORM, EMAIL_SCOPE
from tests.lab_google.google_lab import ZONE
from tests.lab_google_vm.google_vms import NAME, SSH_PORT, GoogleVms, answers, google_vms, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(shutil.which(name) is None for name in ("gcloud", "ssh", "ssh-keygen")),
        reason="gcloud or OpenSSH is not on PATH: nothing here can log in as gcloud does",
    ),
]


def gcloud(world: GoogleVms, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """gcloud with nothing of the operator's."""
    token = home / "token"
    token.write_text(world.google.cloud.tokens.mint(ACCOUNT, [CLOUD_PLATFORM, EMAIL_SCOPE]), encoding="utf-8")
    environment = {
        **world.environment,
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
    }
    return subprocess.run(["gcloud", *words], env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_gcloud_compute_ssh(tmp_path: Path) -> None:
    state, home = tmp_path / "state", tmp_path / "home"
    state.mkdir()
    home.mkdir()
    with google_vms(state) as world:
        world.insert(metadata={"items": [{"key": "enable-guest-attributes", "value": "TRUE"}]})
        until(lambda: answers(world.external()), "the external port does not open")
        flags = [f"--ssh-flag=-p{SSH_PORT}", "--ssh-flag=-F/dev/null", f"--zone={ZONE}"]
        done = gcloud(world, home, "compute", "ssh", f"ada@{NAME}", *flags, "--command=id -un; sudo -n id -un")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-2:] == ["ada", "root"]
        known = (home / ".ssh" / "google_compute_known_hosts").read_text(encoding="utf-8")
        kind, key = next(iter(world.google.instances.host_keys(NAME).items()))
        assert known.split() == [f"compute.{world.instance()['id']}", kind, key]
