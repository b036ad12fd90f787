"""The guide's own commands, typed by an operator over OpenSSH's ssh and scp: how VMs come into a mesh without us."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.real_vm.rig import RealVm

FILES = ("cluster.env", "hosts", "istio-token", "mesh.yaml", "root-cert.pem")
COMMANDS = {
    "certs": "sudo mkdir -p /etc/certs && sudo cp root-cert.pem /etc/certs/root-cert.pem",
    "token": "sudo mkdir -p /var/run/secrets/tokens && sudo cp istio-token /var/run/secrets/tokens/istio-token",
    "package": "curl -sSLO {package} && sudo dpkg -i istio-sidecar.deb",
    "cluster.env": "sudo cp cluster.env /var/lib/istio/envoy/cluster.env",
    "mesh": "sudo cp mesh.yaml /etc/istio/config/mesh",
    "hosts": "sudo sh -c 'cat $(eval echo ~$SUDO_USER)/hosts >> /etc/hosts'",
    "owners": "sudo mkdir -p /etc/istio/proxy && sudo chown -R istio-proxy /var/lib/istio /etc/certs /etc/istio/proxy"
    " /etc/istio/config /var/run/secrets /etc/certs/root-cert.pem",
    "start": "sudo systemctl start istio",
}
"""The commands of the guide on the VM, by a name of our own, in its order."""


@dataclass(frozen=True)
class Operator:
    """Somebody with a shell on a machine. `package` is where the sidecar package can be downloaded."""

    machine: RealVm
    files: Path
    package: str

    def copy(self) -> None:
        """`scp vm-files/* VM:~`."""
        paths = [str(self.files / name) for name in FILES]
        self._run(["scp", *self._options("-P"), *paths, f"{self.machine.user}@{self.machine.address}:"])

    def type(self, *names: str) -> None:
        """The commands with these names."""
        for name in names:
            self.shell(COMMANDS[name].format(package=self.package))

    def shell(self, command: str) -> None:
        """Any command; it must succeed."""
        self._run(["ssh", *self._options("-p"), f"{self.machine.user}@{self.machine.address}", command])

    def _options(self, port: str) -> list[str]:
        known = self.machine.root.parent / "known_hosts"
        name = (
            self.machine.address if self.machine.ssh_port == 22 else f"[{self.machine.address}]:{self.machine.ssh_port}"
        )
        known.write_text(f"{name} {self.machine.host_key}\n", encoding="ascii")
        options = [
            "-F",
            "none",
            "-i",
            str(self.machine.key_file),
            port,
            str(self.machine.ssh_port),
            "-o",
            "BatchMode=yes",
        ]
        return [*options, "-o", f"UserKnownHostsFile={known}"]

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command[-1]}: {done.stdout}{done.stderr}"
