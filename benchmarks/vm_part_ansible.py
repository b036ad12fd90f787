"""The same by Ansible at its best: pipelining, ControlPersist, no fact gathering, no guessing of the interpreter,
every machine at its own pace. ansible-core comes from PyPI into an environment of its own, made once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from benchmarks.vm_part_world import Start, Target, cache

VERSION = "2.19.14"
MODULES, ARCHIVE = (Path(__file__).with_name(f"vm_part_ansible_{name}.yaml") for name in ("modules", "archive"))
"""The playbooks: idiomatic modules for everything, or as few tasks as can be."""
ARCHIVED = {
    "cluster.env": ("var/lib/istio/envoy/cluster.env", 0o644),
    "mesh.yaml": ("etc/istio/config/mesh", 0o644),
    "root-cert.pem": ("etc/certs/root-cert.pem", 0o644),
    "istio-token": ("var/run/secrets/tokens/istio-token", 0o600),
}
"""Place and mode of what the archive carries."""


def install() -> Path:
    """The folder of ansible-core's programs."""
    place = cache() / f"ansible-core-{VERSION}"
    if not (place / "bin" / "ansible-playbook").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", f"ansible-core=={VERSION}"], check=True)
    return place / "bin"


def play(programs: Path, playbook: Path, start: Start) -> None:
    """One ansible-playbook over all machines. Its shared connections end with it."""
    given = json.dumps({"files": str(start.files), "archive": str(_archive(start)), "package_url": start.package_url})
    inventory = start.work / "inventory.json"
    hosts = {target.vm.name: _host(target) for target in start.targets}
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    sockets = start.work / "sockets"
    sockets.mkdir()
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(start.work),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_FORKS": str(max(8, len(hosts))),
        "ANSIBLE_STRATEGY": "free",
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
    }
    command = [str(programs / "ansible-playbook"), "-i", str(inventory), "-e", given, str(playbook)]
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=start.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for socket in sockets.iterdir():
            ending = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"]
            subprocess.run(ending, check=False, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"ansible-playbook ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-1000:]}")


def _archive(start: Start) -> Path:
    path = start.work / "files.tar"
    with tarfile.open(path, "w") as archive:
        for name, (place, mode) in ARCHIVED.items():
            info = archive.gettarinfo(start.files / name, place)
            info.mode = mode
            with (start.files / name).open("rb") as content:
                archive.addfile(info, content)
    return path


def _host(target: Target) -> dict[str, object]:
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": target.port,
        "ansible_user": target.vm.user,
        "ansible_ssh_private_key_file": str(target.vm.key_file),
        "ansible_ssh_common_args": " ".join(target.ssh_options()),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
