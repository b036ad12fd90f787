"""The guide's 13 commands for one VM, as an operator types them: one connection each, or all over a shared one."""

from __future__ import annotations

import subprocess

from benchmarks.vm_part_world import Start

FILES = ("cluster.env", "hosts", "istio-token", "mesh.yaml", "root-cert.pem")


def commands(package_url: str) -> tuple[str, ...]:
    """What is run on the VM after the one copy; as in the guide, word for word but for the package's address."""
    return (
        "sudo mkdir -p /etc/certs",
        "sudo cp root-cert.pem /etc/certs/root-cert.pem",
        "sudo mkdir -p /var/run/secrets/tokens",
        "sudo cp istio-token /var/run/secrets/tokens/istio-token",
        f"curl -sSLO {package_url}",
        "sudo dpkg -i istio-sidecar.deb",
        "sudo cp cluster.env /var/lib/istio/envoy/cluster.env",
        "sudo cp mesh.yaml /etc/istio/config/mesh",
        "sudo sh -c 'cat $(eval echo ~$SUDO_USER)/hosts >> /etc/hosts'",
        "sudo mkdir -p /etc/istio/proxy",
        "sudo chown -R istio-proxy /var/lib/istio /etc/certs /etc/istio/proxy /etc/istio/config /var/run/secrets"
        " /etc/certs/root-cert.pem",
        "sudo systemctl start istio",
    )


def by_hand(start: Start, *, shared: bool = False) -> None:
    """The 13 commands one after another; `shared`: over one connection (OpenSSH's ControlMaster)."""
    target, login = start.targets[0], f"{start.targets[0].vm.user}@127.0.0.1"
    options = list(target.ssh_options())
    if shared:
        options += ["-o", "ControlMaster=auto", "-o", f"ControlPath={start.work}/%C", "-o", "ControlPersist=60"]
    try:
        copied = [str(start.files / name) for name in FILES]
        _run("scp", *options, "-P", str(target.port), *copied, f"{login}:")
        for command in commands(start.package_url):
            _run("ssh", *options, "-p", str(target.port), login, command)
    finally:
        if shared:
            _run("ssh", *options, "-p", str(target.port), "-O", "exit", login)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
