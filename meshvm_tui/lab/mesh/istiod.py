"""istiod behind the gateway: one TLS connection at a time is asked, signed for, registered and pushed to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.changes import Changes
from meshvm_tui.lab.mesh.dataplane import Stream, answer, peer_identities
from meshvm_tui.lab.mesh.registration import Node, Refused, Registrar
from meshvm_tui.lab.mesh.signing import Caller, Signer, expired
from meshvm_tui.lab.mesh.view import PodSockets, services, spiffe_id
from meshvm_tui.lab.mesh.world import ControlPlane

if TYPE_CHECKING:
    from meshvm_tui.lab.authority import Authority
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.objects import Objects

SERVING_SECONDS = 365 * 86400.0
NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME: the lab's clock may be moved, so we look ourselves
PUSHED_KINDS = (
    world.SERVICES,
    world.PODS,
    world.WORKLOAD_ENTRIES,
    world.PEER_AUTHENTICATIONS,
    world.CONFIG_MAPS,
)


class Istiod:
    """Every control plane of the cluster: they share signer, registrar and certificate authority."""

    def __init__(
        self,
        *,
        objects: Objects,
        authority: Authority,
        clock: Clock,
        signer: Signer,
        registrar: Registrar,
        sockets: PodSockets,
        folder: Path,
        log: Callable[[str], None],
    ) -> None:
        self._objects = objects
        self._authority = authority
        self._clock = clock
        self._signer = signer
        self._registrar = registrar
        self._sockets = sockets
        self._folder = folder
        self._log = log
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._changes = Changes(objects, PUSHED_KINDS)

    def start(self) -> None:
        """Begins to follow what has to be pushed."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._changes.start()

    async def stop(self) -> None:
        """Ends following."""
        await self._changes.stop()

    def serving_context(self, plane: ControlPlane) -> ssl.SSLContext:
        """TLS with the certificate that names this istiod; client certificates are verified where given."""
        names = plane.host_names
        if names not in self._contexts:
            chain, key = self._authority.issue("", dns=names, ttl=SERVING_SECONDS)
            pem = self._folder / f"{plane.namespace}-{plane.service}.pem"
            pem.touch(mode=0o600)
            pem.write_text(chain + key, encoding="ascii")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            pem.unlink()
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= NO_CHECK_TIME
            context.load_verify_locations(cadata=self._authority.root_pem)
            self._contexts[names] = context
        return self._contexts[names]

    async def serve(self, stream: Stream, plane: ControlPlane) -> None:
        """Handles one connection: `sign` or `stream`, a JSON document per line; anything else is no client of ours."""
        line = await stream.reader.readline()
        if not line.startswith(b"{"):
            await answer(stream, "415 Unsupported Media Type", "")
            return
        try:
            message = json.loads(line)
            caller = self._caller(stream)
            if message.get("call") == "sign":
                await _send(stream, {"chain": "".join(self._signer.sign(plane, caller, message))})
            else:
                await self._stream(stream, plane, caller, message)
        except Refused as refused:
            with contextlib.suppress(OSError):
                await _send(stream, {"error": {"code": refused.code, "message": str(refused)}})
        await stream.close()

    def _caller(self, stream: Stream) -> Caller:
        certificate = stream.writer.get_extra_info("peercert") or {}
        host, port = stream.writer.get_extra_info("peername")[:2]
        if certificate and expired(certificate, self._clock.now()):
            raise Refused("Unavailable", "error reading from server: remote error: tls: expired certificate")
        return Caller(f"{host}:{port}", peer_identities(stream))

    async def _stream(self, stream: Stream, plane: ControlPlane, caller: Caller, message: Mapping[str, Any]) -> None:
        node = Node.from_json(message["node"])
        token, cluster = str(message.get("token", "")), str(message["node"]["cluster"])
        identities = self._signer.authenticate(plane, caller, token, cluster)
        wanted = spiffe_id(plane.trust_domain, node.namespace, node.service_account)
        if wanted not in identities:
            shown = f"no identities ([{' '.join(identities)}]) matched {node.namespace}/{node.service_account}"
            self._log(f"warn\tads\tUnauthorized XDS: {caller.address} with identity {list(identities)}: {shown}")
            raise Refused("PermissionDenied", f"authorization failed: {shown}")
        key = (
            self._registrar.connect(node, self._controller(plane), health_checks=plane.health_checks)
            if plane.registers
            else None
        )
        self._log(f"info\tads\tADS: new connection for node:{node.id}")
        try:
            pushing = asyncio.create_task(self._push(stream, plane, node))
            hearing = asyncio.create_task(self._hear(stream, key if plane.health_checks else None))
            await asyncio.wait({pushing, hearing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (pushing, hearing):
                task.cancel()
            await asyncio.gather(pushing, hearing, return_exceptions=True)
        finally:
            self._log(f"info\tads\tADS: {node.id} terminated")
            if key is not None:
                self._registrar.disconnect(key)

    async def _push(self, stream: Stream, plane: ControlPlane, node: Node) -> None:
        told = ""
        async for _ in self._changes.follow():
            view = self._view(plane, node)
            text = json.dumps(view, sort_keys=True)
            if text != told:
                told = text
                await _send(stream, {"push": view})

    def _view(self, plane: ControlPlane, node: Node) -> dict[str, Any]:
        return {
            "services": services(self._objects, self._sockets, plane.trust_domain),
            "strict": world.strict(self._objects, node.namespace, node.labels, plane.namespace),
        }

    async def _hear(self, stream: Stream, key: tuple[str, str] | None) -> None:
        while line := await stream.reader.readline():
            health = json.loads(line).get("health")
            if health is not None and key is not None:
                self._registrar.report_health(key, healthy=bool(health["healthy"]), message=str(health["message"]))

    def _controller(self, plane: ControlPlane) -> str:
        for pod in self._objects.list(world.PODS, plane.namespace):
            if (pod["metadata"].get("labels") or {}).get("app") == "istiod" and world.pod_ready(pod):
                return str(pod["metadata"]["name"])
        return plane.deployment


async def _send(stream: Stream, message: Mapping[str, Any]) -> None:
    stream.writer.write(json.dumps(message).encode() + b"\n")
    await stream.writer.drain()
