"""Tests never read what is the operator's own: decoys in a pretend home stay unread."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROBE = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import tests.conftest
from meshvm_tui import locations
from kubernetes import config
try:
    config.load_kube_config(config_file=os.environ["KUBECONFIG"])
except config.ConfigException:
    pass
import paramiko
paramiko.SSHClient().load_system_host_keys()
decoy = sys.argv[2]
touched = [path for path in opened if path.startswith(decoy)]
assert not touched, touched
for name in ("HOME", "KUBECONFIG", "XDG_STATE_HOME", "CLOUDSDK_CONFIG", "GOOGLE_APPLICATION_CREDENTIALS"):
    assert not os.environ[name].startswith(decoy), name
assert "SSH_AUTH_SOCK" not in os.environ
assert not str(locations.sessions_dir()).startswith(decoy)
assert not str(pathlib.Path.home()).startswith(decoy)
print("unread")
"""


def test_a_decoy_kubeconfig_and_ssh_key_stay_unread(tmp_path: Path) -> None:
    decoy = tmp_path / "operator"
    for name in (".kube/config", ".ssh/id_ed25519", ".ssh/known_hosts", ".config/gcloud/credentials.db"):
        (decoy / name).parent.mkdir(parents=True, exist_ok=True)
        (decoy / name).write_text("decoy")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(decoy),
        "KUBECONFIG": str(decoy / ".kube/config"),
        "XDG_STATE_HOME": str(decoy / "state"),
        "CLOUDSDK_CONFIG": str(decoy / ".config/gcloud"),
        "GOOGLE_APPLICATION_CREDENTIALS": str(decoy / ".config/gcloud/credentials.db"),
        "SSH_AUTH_SOCK": str(decoy / "agent"),
    }
    root = Path(__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-c", PROBE, str(root), str(decoy)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "unread\n", run.stderr


def test_this_run_itself_lives_in_an_empty_home() -> None:
    assert str(Path.home()).startswith(tempfile.gettempdir())
    assert not (Path.home() / ".ssh").exists()
    assert not Path(os.environ["KUBECONFIG"]).exists()
