"""The life of one agent: start-up, certificate, stream to istiod, listeners, health; again and again on failure."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from asyncio.base_events import Server
from pathlib import Path
from typing import Any

from meshvm_tui.lab.mesh.agent.certificates import (
    NoClientCertificate,
    SigningRequest,
    identity_files,
    signing_request,
    store,
    usable_certificate,
)
from meshvm_tui.lab.mesh.agent.health import Health, Prober
from meshvm_tui.lab.mesh.agent.log import AgentLog
from meshvm_tui.lab.mesh.agent.outbound import INBOUND_PORT, MeshView, Outbound, forget_names, write_names
from meshvm_tui.lab.mesh.agent.settings import ROOT_CERT, TOKEN_FILE, Settings, VmClock
from meshvm_tui.lab.mesh.agent.upstream import RpcError, Upstream, receive, send
from meshvm_tui.lab.mesh.dataplane import Identity, InboundProxy, Stream, answer, listen

OUTBOUND_PORT, STATUS_PORT, HEALTH_PORT = 15001, 15020, 15021
CA_TRIES = 5
FIRST_BACKOFF, LAST_BACKOFF = 0.2, 3.0  # seconds between tries


class Fatal(RuntimeError):
    """The agent ends; the text is its last log line."""


class Sidecar:
    """One run of the agent, from its settings."""

    def __init__(self, settings: Settings, clock: VmClock, log: AgentLog, root: Path = Path()) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self._root = root
        self._view = MeshView()
        self._connected = False
        self._stream: Stream | None = None
        self._health: Health | None = None
        self._prober: asyncio.Task[None] | None = None
        self._streams = itertools.count(1)
        self._was_ready = False

    async def run(self) -> None:
        """Runs until cancelled; Fatal where the real agent would end."""
        self._introduce()
        if not (self._root / ROOT_CERT).exists():
            raise Fatal(f"invalid config - {self._settings.ca} missing a root certificate ./{ROOT_CERT}")
        servers = [await self._listen(port, handler) for port, handler in self._listeners().items()]
        try:
            await self._certificate_and_stream()
        finally:
            forget_names(self._root)
            if self._prober is not None:
                self._prober.cancel()
            for server in servers:
                server.close()

    def _introduce(self) -> None:
        settings, log = self._settings, self._log
        node = f"{settings.pod_name}.{settings.namespace}"
        domain = f"{settings.namespace}.svc.cluster.local"
        log.info("Version 1.30.3-lab-Clean")
        log.info("Proxy role", ips=f"[{settings.ip}]", type="sidecar", id=node, domain=domain)
        log.info("Apply mesh config from file ./etc/istio/config/mesh")
        log.info(f"Effective config: discoveryAddress: {settings.discovery}")
        for warning in settings.warnings:
            log.warn(warning)
        log.info("JWT policy is third-party-jwt")
        log.info(f"using credential fetcher of JWT type in {settings.trust_domain} trust domain")
        log.info(f"Pilot SAN: [{settings.discovery.rpartition(':')[0]}]")
        log.info(f"Opening status port {STATUS_PORT}")
        if settings.dns_capture:
            log.info("Starting local udp DNS server on localhost:15053", scope="dns")
        log.info("Starting default Istio SDS Server")
        log.info(f"CA Endpoint {settings.ca}, provider Citadel")
        log.info(f"Using CA {settings.ca} cert with certs: ./{ROOT_CERT}")
        upstream = f'Initializing with upstream address "{settings.discovery}" and cluster "{settings.cluster}"'
        log.info(upstream, scope="xdsproxy")

    def _listeners(self) -> dict[int, Any]:
        settings = self._settings
        outbound = Outbound(settings, lambda: self._view, self._identity)
        inbound = InboundProxy(
            self._identity, settings.captures, lambda _: self._view.strict, lambda port: (settings.listen, port)
        )
        return {
            OUTBOUND_PORT: outbound.serve,
            INBOUND_PORT: inbound.serve,
            STATUS_PORT: self._ready,
            HEALTH_PORT: self._ready,
        }

    async def _listen(self, port: int, handler: Any) -> Server:
        try:
            return await listen((self._settings.listen, port), handler)
        except OSError as error:
            raise Fatal(f"failed to listen on {self._settings.listen}:{port}: {error.strerror}") from error

    async def _ready(self, stream: Stream) -> None:
        if self._connected:
            await answer(stream, "200 OK", "")
        else:
            await answer(stream, "503 Service Unavailable", "config not received from XDS server")

    def _identity(self) -> Identity | None:
        files = identity_files(self._root)
        return files if files.chain.exists() and files.key.exists() else None

    def _now(self) -> float:
        return self._clock.now()

    async def _certificate_and_stream(self) -> None:
        backoff = FIRST_BACKOFF
        while True:
            ends = await self._certificate()
            renewal = max((ends - self._now()) / 2, 1.0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(renewal):
                    while True:
                        started = self._connected
                        await self._one_stream()
                        backoff = FIRST_BACKOFF if started else min(backoff * 2, LAST_BACKOFF)
                        await asyncio.sleep(backoff)

    async def _certificate(self) -> float:
        backoff = FIRST_BACKOFF
        while True:
            identity, token = self._credentials()
            if identity is not None or token:
                try:
                    return await self._renew(identity, token)
                except RpcError as error:
                    self._complain(error)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LAST_BACKOFF)

    def _complain(self, error: RpcError) -> None:
        self._log.error(f"failed to sign CSR: create certificate: {error}", scope="citadelclient")
        self._log.error(f"resource:default failed to sign: create certificate: {error}", scope="cache")
        reason = f"failed to generate workload certificate: create certificate: {error}"
        self._log.warn(f"failed to warm certificate: {reason}", scope="sds")

    def _credentials(self) -> tuple[Identity | None, str]:
        try:
            usable_certificate(self._now(), self._root)
            return identity_files(self._root), ""
        except NoClientCertificate as error:
            self._log.warn(str(error), scope="citadelclient")
        try:
            return None, (self._root / TOKEN_FILE).read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            why = "no such file or directory" if isinstance(error, FileNotFoundError) else "permission denied"
            self._log.error(f"failed to fetch token from file: open ./{TOKEN_FILE}: {why}", scope="citadelclient")
            return None, ""

    async def _renew(self, identity: Identity | None, token: str) -> float:
        settings = self._settings
        spiffe = f"spiffe://{settings.trust_domain}/ns/{settings.namespace}/sa/{settings.service_account}"
        request = await asyncio.to_thread(signing_request, spiffe)
        chain = await self._sign(request, identity, token)
        store(request, chain, self._root)
        ends = usable_certificate(self._now(), self._root)
        left = int(ends - self._now())
        self._log.info(
            "generated new workload certificate",
            scope="cache",
            resourceName="default",
            ttl=f"{left // 3600}h{left % 3600 // 60}m{left % 60}s",
        )
        self._log.info("Root cert has changed, start rotating root cert", scope="cache")
        return ends

    async def _sign(self, request: SigningRequest, identity: Identity | None, token: str) -> str:
        for attempt in range(1, CA_TRIES + 1):
            try:
                return await self._sign_once(request, identity, token)
            except RpcError as error:
                if error.code != "Unavailable" or attempt == CA_TRIES:
                    raise
                wait = 0.1 * 2 ** (attempt - 1)
                self._log.warn(f"ca request failed, starting attempt {attempt} in {wait * 1000:.0f}ms", scope="ca")
                await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _sign_once(self, request: SigningRequest, identity: Identity | None, token: str) -> str:
        stream = await self._upstream(self._settings.ca).open(identity)
        try:
            await send(
                stream,
                {"call": "sign", "csr": request.csr, "token": token, "cluster": self._settings.cluster},
            )
            return str((await receive(stream))["chain"])
        finally:
            stream.reset()

    def _upstream(self, address: str) -> Upstream:
        return Upstream(address, self._clock, self._settings.listen, self._root)

    async def _one_stream(self) -> None:
        number = next(self._streams)
        try:
            stream = await self._upstream(self._settings.discovery).open(self._identity())
        except RpcError as error:
            self._log.warn(f"failed to connect to upstream {self._settings.discovery}: {error}", scope="xdsproxy")
            return
        try:
            await send(stream, {"call": "stream", "node": self._node()})
            self._take(await receive(stream))
            self._log.info(f"connected to upstream XDS server: {self._settings.discovery}", scope="xdsproxy", id=number)
            self._stream = stream
            await self._begin()
            while True:
                self._take(await receive(stream))
        except RpcError as error:
            self._log.warn(f"upstream terminated with unexpected error {error}", scope="xdsproxy", id=number)
        finally:
            self._stream = None
            stream.reset()

    def _take(self, message: dict[str, Any]) -> None:
        push = message["push"]
        self._view.services = push["services"]
        self._view.strict = push["strict"]
        write_names(self._settings, self._view, self._root)

    async def _begin(self) -> None:
        self._connected = True
        if not self._was_ready:
            self._was_ready = True
            self._log.info("Envoy proxy is ready")
        if self._settings.probe is not None and self._prober is None:
            prober = Prober(self._settings.probe, self._settings.listen, self._log)
            self._prober = asyncio.create_task(prober.run(self._report))
        elif self._health is not None:
            await self._report(self._health)

    async def _report(self, health: Health) -> None:
        self._health = health
        if self._stream is not None:
            with contextlib.suppress(OSError):
                await send(self._stream, {"health": {"healthy": health.healthy, "message": health.message}})

    def _node(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "id": f"{settings.pod_name}.{settings.namespace}",
            "ip": settings.ip,
            "listen": settings.listen,
            "namespace": settings.namespace,
            "serviceAccount": settings.service_account,
            "cluster": settings.cluster,
            "network": settings.network,
            "group": settings.group,
            "labels": dict(settings.labels),
            "healthChecks": settings.probe is not None,
        }
