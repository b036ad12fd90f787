"""What every competitor of `vm_part` starts from: fresh machines behind a slow link, one package, the same five files.

The machines are the real tier's. The package is the lab's with an agent that is ready at once: how long an agent takes
for its own start is no tool's doing, and only the product waits for it.
"""

from __future__ import annotations

import http.server
import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.slow_link import SlowLink, slow_link
from meshvm_tui.lab.authority import Authority
from meshvm_tui.lab.guest.package import build
from tests.fakes.guest import jwt
from tests.real_vm.rig import RealVm, Rig

VERSION = "1.30.3"
ISTIOD = "istiod.istio-system.svc"
SUBJECT = "system:serviceaccount:vm-namespace:vm-sa"
START = b"""#!/bin/sh
exec sudo -E -u istio-proxy python3 -m http.server --bind 127.0.0.1 --directory /usr/share/istio-stub 15021
"""
OTHERS = {
    "usr/local/bin/istio-start.sh": (START, 0o755),
    "usr/share/istio-stub/healthz/ready": (b"ready\n", 0o644),
}


def cache() -> Path:
    """Where real software is kept between runs, outside the tree."""
    return Path(os.environ.get("MESHVM_TUI_REAL_CACHE") or "~/.cache").expanduser() / "meshvm-tui"


@dataclass(frozen=True)
class Target:
    """A machine at the near end of the slow link: a port of 127.0.0.1."""

    vm: RealVm
    port: int
    known_hosts: Path

    def ssh_options(self) -> tuple[str, ...]:
        """For OpenSSH: this key, this host key, and nothing of the operator's own settings."""
        pairs = {
            "IdentityFile": self.vm.key_file,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
        }
        return ("-F", "none", *(word for name, value in pairs.items() for word in ("-o", f"{name}={value}")))


@dataclass(frozen=True)
class Start:
    """One competitor's start: the machines, the link to them, and what lies on the operator's machine."""

    targets: tuple[Target, ...]
    link: SlowLink
    work: Path
    files: Path
    package_url: str
    gateway: str
    root_pem: str
    token: str


class Mesh:
    """What the machines must reach, on the rig's bridge and not behind the link: the package, and TLS on 15012."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        authority = Authority(rig.folder / "benchmark-mesh")
        self.root_pem = authority.root_pem
        rig.downloads.files["/istio-sidecar.deb"] = build(VERSION, others=OTHERS)
        self.package_url = f"http://{rig.network.host}:{rig.downloads.port}/istio-sidecar.deb"
        self._gateway = http.server.ThreadingHTTPServer((rig.network.host, 15012), _Silent)
        self._gateway.socket = _identity(authority, rig.folder).wrap_socket(self._gateway.socket, server_side=True)
        self._thread = threading.Thread(target=self._gateway.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Closes the gateway; the rest is the rig's."""
        self._gateway.shutdown()
        self._thread.join()
        self._gateway.server_close()

    @contextmanager
    def start(self, machines: int, rtt: float) -> Iterator[Start]:
        """Fresh machines, thrown away at the end."""
        with ExitStack() as after, tempfile.TemporaryDirectory() as folder:
            booted = []
            for _ in range(machines):
                booted.append(self.rig.vm())
                after.callback(self.rig.throw_away, booted[-1])
            link = after.enter_context(slow_link(rtt, [f"{vm.address}:{vm.ssh_port}" for vm in booted]))
            work = Path(folder)
            known = work / "known_hosts"
            places = list(zip(booted, link.ports, strict=True))
            known.write_text("".join(f"[127.0.0.1]:{port} {vm.host_key}\n" for vm, port in places))
            token = jwt(subject=SUBJECT)
            yield Start(
                targets=tuple(Target(vm, port, known) for vm, port in places),
                link=link,
                work=work,
                files=self._files(work / "files", token),
                package_url=self.package_url,
                gateway=self.rig.network.host,
                root_pem=self.root_pem,
                token=token,
            )

    def _files(self, folder: Path, token: str) -> Path:
        contents = {
            "cluster.env": "CANONICAL_SERVICE='hello-vm'\nISTIO_SERVICE='hello-vm.vm-namespace'\n",
            "mesh.yaml": f"defaultConfig:\n  discoveryAddress: {ISTIOD}:15012\n",
            "root-cert.pem": self.root_pem,
            "istio-token": token,
            "hosts": f"{self.rig.network.host} {ISTIOD}\n",
        }
        folder.mkdir()
        for name, text in contents.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder


class _Silent(http.server.BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Says nothing."""


def _identity(authority: Authority, folder: Path) -> ssl.SSLContext:
    """A certificate of the mesh's root for istiod's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = folder / "istiod.pem"
    path.write_text("".join(authority.issue(ISTIOD, dns=[ISTIOD])), encoding="ascii")
    context.load_cert_chain(path)
    return context
