"""What a lab hands out: its kubeconfig, the environment that replaces every real credential, and a plan."""

from __future__ import annotations

import base64
import json
import os
import shlex
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CONTEXT = "meshvm-lab"
NOWHERE = "127.0.0.1:9"  # the discard port: a metadata server that never answers


@dataclass(frozen=True)
class LabMachine:
    """One VM of the lab, as the plan names it."""

    name: str
    address: str
    ssh_port: int
    ssh_user: str
    fingerprint: str


@dataclass(frozen=True)
class SidecarPackage:
    """The package that the lab serves in place of the official one."""

    version: str
    url: str
    sha256: str


def replaced_environment(state: Path) -> dict[str, str]:
    """Everything of the operator's that the lab replaces; an empty value stands for none at all."""
    return {
        "KUBECONFIG": str(state / "kubeconfig"),
        "CLOUDSDK_CONFIG": str(state / "no-gcloud"),
        "GOOGLE_APPLICATION_CREDENTIALS": str(state / "no-google-credentials.json"),
        "GCE_METADATA_HOST": NOWHERE,
        "SSH_AUTH_SOCK": "",
        "MESHVM_TUI_STATE_DIR": str(state / "sessions"),
    }


def write_environment(state: Path) -> None:
    """`env.sh`, to be sourced, and `env.json`, for programs; both put the lab's commands first on PATH."""
    values = replaced_environment(state)
    binaries = str(state / "bin")
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    lines.append(f'export PATH={shlex.quote(binaries)}:"$PATH"')
    write_private(state / "env.sh", "\n".join(lines) + "\n")
    path = os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)])
    write_private(state / "env.json", json.dumps({**values, "PATH": path}, indent=1))


def write_kubeconfig(state: Path, server: str, ca_pem: str, token: str) -> None:
    """The only way into the lab's API: one context, one bearer token."""
    ca = base64.b64encode(ca_pem.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "lab-admin", "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": "lab-admin"}}],
    }
    write_private(state / "kubeconfig", _yaml(config))


COMMANDS = {"istioctl": "meshvm_tui.lab.mesh.istioctl", "meshvm-tui": "meshvm_tui"}
"""The commands in `bin` and the module of each: the istioctl stand-in, and the product that came with it."""


def write_commands(state: Path) -> None:
    """Scripts that run this very Python, whatever is on PATH."""
    folder = state / "bin"
    folder.mkdir(mode=0o700, exist_ok=True)
    package_root = Path(__file__).resolve().parents[2]
    for name, module in COMMANDS.items():
        script = folder / name
        write_private(
            script,
            "#!/bin/sh\n"
            f'PYTHONPATH={shlex.quote(str(package_root))}"${{PYTHONPATH:+:$PYTHONPATH}}" '
            f'exec {shlex.quote(sys.executable)} -m {module} "$@"\n',
        )
        script.chmod(stat.S_IRWXU)


def lab_plan(state: Path, package: SidecarPackage, machines: Sequence[LabMachine]) -> dict[str, Any]:
    """The whole onboarding of the lab's VMs, with ports above 1024 on everything that a VM listens on."""
    return {
        "apiVersion": "meshvm-tui/v1",
        "kind": "OnboardingPlan",
        "cluster": {"context": CONTEXT, "kubeconfig": str(state / "kubeconfig")},
        "mesh": {"install": "install", "version": package.version},
        "gateway": {"name": "istio-eastwestgateway", "method": "apply", "exposure": "internal"},
        "workload": {
            "name": "hello-vm",
            "namespace": "vm-namespace",
            "serviceAccount": "vm-sa",
            "labels": {"app": "hello-vm"},
            "ports": {"http": 8080},
        },
        "machines": [_machine(state, machine) for machine in machines],
        "firewall": {"ports": [8080]},
        "sidecar": {"version": package.version, "package": package.url, "sha256": package.sha256},
        "services": {
            "helloWorld": {"namespace": "default"},
            "vmService": {"name": "hello-vm", "port": 80, "targetPort": 8080},
            "httpServer": {"port": 8080},
        },
    }


def write_plan(state: Path, plan: Mapping[str, Any]) -> None:
    """The plan as YAML, in the order in which it is read."""
    write_private(state / "plan.yaml", _yaml(plan))


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(path)


def _machine(state: Path, machine: LabMachine) -> dict[str, Any]:
    return {
        "name": machine.name,
        "host": machine.address,
        "address": machine.address,
        "ssh": {
            "user": machine.ssh_user,
            "port": machine.ssh_port,
            "key": str(state / "ssh" / "id_ed25519"),
            "knownHost": machine.fingerprint,
        },
    }


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False, default_flow_style=False)
