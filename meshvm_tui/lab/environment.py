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
SSH_PORT = 2222  # of the VMs: below 1024 only root may listen
ZONE = "us-central1-a"  # of the cluster and the VM of the plan on Google Cloud
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


_CLOUDSDK = "CLOUDSDK_"
_GOOGLE = {
    "GOOGLE_CLOUD_PROJECT": "",
    "GCLOUD_PROJECT": "",
    "GOOGLE_CLOUD_QUOTA_PROJECT": "",
    # Google's libraries do not take an empty value of these for none.
    "GOOGLE_CLOUD_UNIVERSE_DOMAIN": "googleapis.com",
    "GOOGLE_API_USE_MTLS_ENDPOINT": "never",
    "GOOGLE_API_USE_CLIENT_CERTIFICATE": "false",
}


def replaced_environment(state: Path) -> dict[str, str]:
    """Everything of the operator's that the lab replaces; an empty value stands for none at all. The lab's Google
    has more to say (`Google.start`)."""
    settings = sorted(name for name in os.environ if name.startswith(_CLOUDSDK))
    return {
        **dict.fromkeys(settings, ""),
        **_GOOGLE,
        "KUBECONFIG": str(state / "kubeconfig"),
        "GCE_METADATA_HOST": NOWHERE,
        "SSH_AUTH_SOCK": "",
        "MESHVM_TUI_STATE_DIR": str(state / "sessions"),
        "MESHVM_TUI_CONFIG_DIR": str(state / "config"),
    }


def write_environment(state: Path, values: Mapping[str, str]) -> None:
    """`env.sh`, to be sourced, and `env.json`, for programs; both put the lab's commands first on PATH.

    The shell that sources it may have other settings of gcloud than this process, so it forgets them by their names:
    gcloud does not take every empty value for none."""
    binaries = str(state / "bin")
    names = f"env | sed -n 's/^\\({_CLOUDSDK}[A-Za-z0-9_]*\\)=.*/\\1/p'"
    lines = [f'for meshvm_lab_name in $({names}); do unset "$meshvm_lab_name"; done; unset meshvm_lab_name']
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items() if value or _CLOUDSDK not in name]
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


def google_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The same onboarding with a cluster on GKE and a VM on Compute Engine that does not exist yet."""
    from meshvm_tui.lab.google.catalogue import PROJECT

    place = {"project": PROJECT, "zone": ZONE}
    machine = {"name": "my-mesh-vm", "gce": {**place, "create": {}}, "ssh": {"port": SSH_PORT}}
    cluster = {"gke": {"project": PROJECT, "location": ZONE, "name": "lab"}}
    return {**plan, "cluster": cluster, "machines": [machine]}


def write_plan(file: Path, plan: Mapping[str, Any]) -> None:
    """The plan as YAML, in the order in which it is read."""
    write_private(file, _yaml(plan))


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
