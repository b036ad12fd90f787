"""The API servers that the suite is run against: the lab's, and a real one where there is one."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meshvm_tui.lab.authority import Authority
from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.cluster_api.hooks import Hooks
from meshvm_tui.lab.cluster_api.istio_crds import crd_objects
from meshvm_tui.lab.cluster_api.server import ClusterApi
from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.objects import Objects
from meshvm_tui.lab.tokens import Tokens

START_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A running API server. `real` is kube-apiserver without controllers and kubelets."""

    name: str
    url: str
    ca_file: Path
    token: str
    lab: LabParts | None = None

    @property
    def real(self) -> bool:
        return self.lab is None


@dataclass(frozen=True)
class LabParts:
    """The inside of the lab's server, for tests that move its time or switch its faults."""

    objects: Objects
    tokens: Tokens
    clock: Clock
    faults: Faults
    api: ClusterApi
    loop: asyncio.AbstractEventLoop
    directory: Path
    logs: dict[tuple[str, str, str], str]

    def call(self, action: Any) -> Any:
        """Runs `action()` in the server's loop, for the store belongs to it."""

        async def run() -> Any:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def requests(self) -> list[dict[str, Any]]:
        """The server's log of requests."""
        lines = (self.directory / "requests.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@contextmanager
def lab_server(directory: Path) -> Iterator[Server]:
    """The lab's server in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lab-api")
    thread.start()
    clock, faults = Clock(), Faults()
    authority = Authority(directory / "ca", clock=clock)
    tokens = Tokens(directory / "tokens", clock)
    logs: dict[tuple[str, str, str], str] = {}
    hooks = Hooks(pod_log=lambda *place: logs.get(place, ""), pod_stop_seconds=0.05)

    async def start() -> tuple[Objects, ClusterApi, str]:
        objects = Objects(directory, clock)
        for crd in crd_objects():
            objects.serve(crd)
        api = ClusterApi(objects, authority, tokens, hooks, directory=directory, faults=faults)
        return objects, api, await api.start("127.0.0.1")

    objects, api, url = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    ca_file = directory / "ca.pem"
    ca_file.write_text(authority.root_pem)
    parts = LabParts(objects, tokens, clock, faults, api, loop, directory, logs)
    try:
        yield Server("lab", url, ca_file, api.admin_token, parts)
    finally:
        asyncio.run_coroutine_threadsafe(api.stop(), loop).result(20)
        parts.call(objects.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def real_server(
    binaries: Path, directory: Path, *, flags: Sequence[str] = (), users: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A bare kube-apiserver with an etcd of its own, both on loopback; `binaries` is the folder of both programs.

    `flags` are further ones of kube-apiserver; `users` are tokens by the names of users without any rights.
    """
    etcd_port, peer_port, port = (_free_port() for _ in range(3))
    authority = Authority(directory / "ca")
    certificate, key = authority.issue("kube-apiserver", dns=["localhost"], ips=["127.0.0.1"])
    (directory / "serving.pem").write_text(certificate)
    (directory / "serving-key.pem").write_text(key)
    ca_file = directory / "ca.pem"
    ca_file.write_text(authority.root_pem)
    (directory / "sa.pem").write_bytes(_rsa_key())
    token = secrets.token_hex(16)
    known = [f'{token},lab-admin,lab-admin,"system:masters"']
    known += [f"{given},{name},{name}" for name, given in (users or {}).items()]
    (directory / "tokens.csv").write_text("\n".join(known) + "\n")
    etcd = [
        str(binaries / "etcd"),
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
        f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
        f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]
    apiserver = [
        str(binaries / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={directory}",
        f"--tls-cert-file={directory / 'serving.pem'}",
        f"--tls-private-key-file={directory / 'serving-key.pem'}",
        f"--token-auth-file={directory / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-signing-key-file={directory / 'sa.pem'}",
        f"--service-account-key-file={directory / 'sa.pem'}",
        "--api-audiences=https://kubernetes.default.svc.cluster.local",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--service-cluster-ip-range=10.96.0.0/16",
        *flags,
    ]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in (etcd, apiserver):
            log = (directory / f"{Path(command[0]).name}.log").open("wb")
            running.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=directory))
            log.close()
        server = Server("real", f"https://127.0.0.1:{port}", ca_file, token)
        _wait_until_ready(server, running)
        yield server
    finally:
        for process in reversed(running):
            process.kill()  # their data goes with them; a graceful end takes kube-apiserver a minute
            process.wait(30)


def _wait_until_ready(server: Server, running: list[subprocess.Popen[bytes]]) -> None:
    context = ssl.create_default_context(cafile=str(server.ca_file))
    request = urllib.request.Request(f"{server.url}/readyz", headers={"Authorization": f"Bearer {server.token}"})
    end = time.monotonic() + START_SECONDS
    pause = threading.Event()
    while time.monotonic() < end and all(process.poll() is None for process in running):
        try:
            with urllib.request.urlopen(request, timeout=5, context=context):
                return
        except OSError:
            pause.wait(0.2)
    raise RuntimeError(f"the real API server did not become ready; see its log in {server.ca_file.parent}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _rsa_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
