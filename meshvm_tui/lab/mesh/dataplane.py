"""How bytes travel between workloads of the lab: mutual TLS, plaintext, capture, and HTTP answers of a sidecar.

In life iptables redirects a workload's inbound connections to its sidecar on 15006. On loopback a caller
asks that port itself, in one line, whether a destination port is captured, and goes on from the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TLS, PLAIN = "TLS", "PLAIN"
CAPTURED, DIRECT = "CAPTURED", "DIRECT"
CONNECT_SECONDS = 3.0
NOWHERE_SECONDS = 0.3  # no packet leaves this computer: an address that is not of the lab is silent
TIMED_OUT = "connection timeout"
NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME: each VM has a clock of its own
NETWORK_VARIABLE = "MESHVM_LAB_NETWORK"  # where machines that are not on loopback belong to the lab: their network
CHUNK = 65536
HEAD_LIMIT = 65536


class Unreachable(OSError):
    """A connection to a workload failed; the text is what Envoy says after `reset reason:`."""


@dataclass(frozen=True)
class Identity:
    """Files with a workload's certificate and key, and the mesh root that it trusts."""

    chain: Path
    key: Path
    root: Path

    def client_context(self) -> ssl.SSLContext:
        """For calls to other workloads; names are checked as SPIFFE IDs, not as hosts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        return self._load(context)

    def server_context(self) -> ssl.SSLContext:
        """For calls from other workloads, which must show a certificate of the mesh."""
        return self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def _load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= NO_CHECK_TIME
        context.load_verify_locations(self.root)
        context.load_cert_chain(self.chain, self.key)
        return context


@dataclass(frozen=True)
class Endpoint:
    """One workload behind a Service, with the real sockets that stand for it.

    `identity` is the SPIFFE ID expected in mutual TLS, or "" where the workload has no sidecar."""

    address: str
    port: int
    app: tuple[str, int]
    inbound: tuple[str, int] | None = None
    identity: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is pushed to a sidecar."""
        return {
            "address": self.address,
            "port": self.port,
            "app": list(self.app),
            "inbound": list(self.inbound) if self.inbound else None,
            "identity": self.identity,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Endpoint:
        """As it was pushed."""
        inbound = value["inbound"]
        return cls(
            value["address"],
            value["port"],
            (value["app"][0], value["app"][1]),
            (inbound[0], inbound[1]) if inbound else None,
            value["identity"],
        )


@dataclass(frozen=True)
class Stream:
    """A connection in both directions."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def close(self) -> None:
        """Ends the connection, whatever state it is in."""
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Cuts the connection as a firewall or Envoy does: the other side sees a reset."""
        raw = self.writer.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def is_of_the_lab(address: str) -> bool:
    """Whether a packet may be sent there. Raises ValueError where it is no address."""
    found = ipaddress.ip_address(address)
    network = os.environ.get(NETWORK_VARIABLE, "")
    return found.is_loopback or (network != "" and found in ipaddress.ip_network(network))


async def connect(address: tuple[str, int], source: str = "") -> Stream:
    """A TCP connection, from an address of ours where one is named; Unreachable in Envoy's words."""
    local = (source, 0) if source else None
    if not is_of_the_lab(address[0]):
        await asyncio.sleep(NOWHERE_SECONDS)
        raise Unreachable(TIMED_OUT)
    try:
        opening = asyncio.open_connection(*address, local_addr=local, limit=HEAD_LIMIT)
        reader, writer = await asyncio.wait_for(opening, CONNECT_SECONDS)
    except TimeoutError as error:
        raise Unreachable(TIMED_OUT) from error
    except OSError as error:
        raise Unreachable(f"remote connection failure, transport failure reason: {_words(error)}") from error
    return Stream(reader, writer)


async def dial(endpoint: Endpoint, identity: Identity | None, source: str = "") -> Stream:
    """A stream to a workload's application: mutual TLS where both sides have a sidecar, else plaintext."""
    speaks_tls = identity is not None and endpoint.identity != ""
    stream = await _to_sidecar(endpoint, TLS if speaks_tls else PLAIN, source)
    captured = stream is not None
    if stream is None:
        stream = await connect(endpoint.app, source)
    if identity is None or not speaks_tls:
        return stream
    try:
        await asyncio.wait_for(stream.writer.start_tls(identity.client_context()), CONNECT_SECONDS)
    except (OSError, TimeoutError) as error:
        stream.reset()
        reason = _words(error) if captured else "TLS_error:|33554536:system library:OPENSSL_internal:Connection reset"
        raise Unreachable(f"remote connection failure, transport failure reason: {reason}") from error
    if endpoint.identity not in peer_identities(stream):
        shown = ", ".join(peer_identities(stream)) or "none"
        stream.reset()
        raise Unreachable(f"TLS_error: the peer's identity is {shown}, not {endpoint.identity}")
    return stream


def peer_identities(stream: Stream) -> tuple[str, ...]:
    """The URI names in the other side's certificate."""
    certificate = stream.writer.get_extra_info("peercert") or {}
    return tuple(value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI")


async def relay(left: Stream, right: Stream) -> None:
    """Copies both ways until one side ends, then ends both."""

    async def copy(source: Stream, target: Stream) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await source.reader.read(CHUNK):
                target.writer.write(data)
                await target.writer.drain()

    ways = {asyncio.ensure_future(copy(left, right)), asyncio.ensure_future(copy(right, left))}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await right.close()
        await left.close()


async def answer(stream: Stream, status: str, body: str, *headers: str) -> None:
    """One HTTP answer of a sidecar itself, after the request's head has been read and thrown away."""
    with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await asyncio.wait_for(stream.reader.readuntil(b"\r\n\r\n"), CONNECT_SECONDS)
    lines = [
        f"HTTP/1.1 {status}",
        f"content-length: {len(body.encode())}",
        "content-type: text/plain",
        *headers,
        "server: envoy",
        "connection: close",
    ]
    with contextlib.suppress(OSError):
        stream.writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        await stream.writer.drain()
    await stream.close()


class InboundProxy:
    """A sidecar's inbound side. `captured` says which ports are redirected, `strict` whether plaintext is cut."""

    def __init__(
        self,
        identity: Callable[[], Identity | None],
        captured: Callable[[int], bool],
        strict: Callable[[int], bool],
        app: Callable[[int], tuple[str, int]],
    ) -> None:
        self._identity = identity
        self._captured = captured
        self._strict = strict
        self._app = app

    async def serve(self, stream: Stream) -> None:
        """Handles one connection: the question about a port, then the connection itself."""
        question = (await stream.reader.readline()).decode("ascii", "replace").split()
        if len(question) != 3 or question[0] != "TO" or not question[1].isdigit():
            await answer(stream, "404 Not Found", "")
            return
        port, speech = int(question[1]), question[2]
        if not self._captured(port):
            stream.writer.write(f"{DIRECT}\n".encode())
            await stream.close()
            return
        stream.writer.write(f"{CAPTURED}\n".encode())
        await stream.writer.drain()
        identity = self._identity()
        if speech == TLS and identity is not None:
            await stream.writer.start_tls(identity.server_context())
        elif self._strict(port) or speech == TLS:
            stream.reset()
            return
        try:
            target = await connect(self._app(port))
        except Unreachable as error:
            await answer(stream, "503 Service Unavailable", upstream_error(str(error)))
            return
        await relay(stream, target)


def upstream_error(reason: str) -> str:
    """The body of Envoy's own 503."""
    return f"upstream connect error or disconnect/reset before headers. reset reason: {reason}"


async def listen(address: tuple[str, int], handler: Callable[[Stream], Awaitable[None]]) -> asyncio.base_events.Server:
    """A server whose handler's broken connections are nobody's error."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Stream(reader, writer)
        try:
            await handler(stream)
        except (OSError, ssl.SSLError, EOFError, ValueError):
            stream.reset()

    return await asyncio.start_server(accepted, *address, limit=HEAD_LIMIT)


async def _to_sidecar(endpoint: Endpoint, speech: str, source: str) -> Stream | None:
    if endpoint.inbound is None:
        return None
    try:
        stream = await connect(endpoint.inbound, source)
    except Unreachable:
        return None
    stream.writer.write(f"TO {endpoint.port} {speech}\n".encode())
    try:
        word = (await asyncio.wait_for(stream.reader.readline(), CONNECT_SECONDS)).decode().strip()
    except (OSError, TimeoutError) as error:
        stream.reset()
        raise Unreachable("connection termination") from error
    if word == CAPTURED:
        return stream
    await stream.close()
    return None


def _words(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "delayed connect error: Connection refused"
    if isinstance(error, ConnectionResetError | EOFError):
        return "connection reset"
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    return str(error) or type(error).__name__
