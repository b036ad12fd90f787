"""The commands that put a sidecar on a VM by hand, in the guide's order."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from meshvm_tui.steps.commands import istioctl, kubectl
from meshvm_tui.steps.guest_view import TOKEN

if TYPE_CHECKING:
    from meshvm_tui.plan import Machine, Plan

SEND = ("cluster.env", "mesh.yaml", "root-cert.pem", "hosts", TOKEN)
OWNED = "/var/lib/istio /etc/certs /etc/istio/proxy /etc/istio/config /var/run/secrets /etc/certs/root-cert.pem"
_COPY = {
    "root-cert.pem": ("sudo mkdir -p /etc/certs", "sudo cp root-cert.pem /etc/certs/root-cert.pem"),
    TOKEN: ("sudo mkdir -p /var/run/secrets/tokens", "sudo cp istio-token /var/run/secrets/tokens/istio-token"),
    "cluster.env": ("sudo cp cluster.env /var/lib/istio/envoy/cluster.env",),
    "mesh.yaml": ("sudo cp mesh.yaml /etc/istio/config/mesh",),
    "hosts": ("sudo sh -c 'cat $(eval echo ~$SUDO_USER)/hosts >> /etc/hosts'",),
}


def ssh(machine: Machine, *commands: str) -> str:
    """Commands on the machine, as one ssh command."""
    return shlex.join(["ssh", *_flags(machine, "-p"), _login(machine), " && ".join(commands)])


def scp(machine: Machine, names: Iterable[str]) -> str:
    """Files of the current folder to the machine's home folder."""
    return shlex.join(["scp", *_flags(machine, "-P"), *names, f"{_login(machine)}:"])


def configure(plan: Plan, *, cluster_id: str, gateway: str, address: str, folder: str) -> str:
    """istioctl's own way to make the five files; it finds out by itself what is empty here."""
    arguments = ["x", "workload", "entry", "configure", "--name", plan.workload.name]
    arguments += ["--namespace", plan.workload.namespace, "-o", folder, "--autoregister"]
    for flag, value in (("--clusterID", cluster_id), ("--ingressIP", gateway), ("--internalIP", address)):
        arguments += [flag, value] if value else []
    arguments += [f"--tokenDuration={plan.sidecar.token_duration}"]
    if not plan.sidecar.capture_dns:
        arguments.append("--capture-dns=false")
    return istioctl(plan, *arguments)


def create_token(plan: Plan) -> str:
    """kubectl's way to a token for istiod."""
    workload = plan.workload
    return kubectl(
        plan,
        "create",
        "token",
        workload.service_account,
        "-n",
        workload.namespace,
        "--audience=istio-ca",
        f"--duration={plan.sidecar.token_duration}s",
    )


def install_package(machine: Machine, url: str, path: str) -> tuple[str, ...]:
    """The package by its URL, or sent from a local path."""
    if path:
        name = shlex.quote(path.rsplit("/", 1)[-1])
        return (scp(machine, [path]), ssh(machine, f"sudo dpkg -i {name}"))
    name = shlex.quote(url.rsplit("/", 1)[-1])
    return (ssh(machine, f"curl -LO {shlex.quote(url)}"), ssh(machine, f"sudo dpkg -i {name}"))


def place(machine: Machine, names: Iterable[str]) -> tuple[str, ...]:
    """The files to the machine and into their places, with their owner."""
    chosen = [name for name in SEND if name in set(names)]
    copies = [line for name in chosen for line in _COPY[name]]
    owners = ("sudo mkdir -p /etc/istio/proxy", f"sudo chown -R istio-proxy {OWNED}")
    sent = (scp(machine, chosen),) if chosen else ()
    return (*sent, *(ssh(machine, line) for line in (*copies, *owners)))


def start(machine: Machine, verb: str) -> tuple[str, ...]:
    """The unit's start or restart, also at boot."""
    return (
        ssh(machine, f"sudo systemctl {verb} istio"),
        ssh(machine, "sudo systemctl enable istio"),
        ssh(machine, "curl -I localhost:15021/healthz/ready"),
    )


def _flags(machine: Machine, port_flag: str) -> list[str]:
    found = []
    if machine.ssh.key:
        found += ["-i", machine.ssh.key]
    if machine.ssh.port != 22:
        found += [port_flag, str(machine.ssh.port)]
    if machine.ssh.via == "jump" and machine.ssh.jump:
        found += ["-J", machine.ssh.jump]
    return found


def _login(machine: Machine) -> str:
    host = machine.host or machine.name
    return f"{machine.ssh.user}@{host}" if machine.ssh.user else host
