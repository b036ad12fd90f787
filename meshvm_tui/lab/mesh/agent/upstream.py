"""The way from the VM to istiod: look-up, TCP, TLS and one question, each failure in the words of gRPC and Go."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshvm_tui.lab.mesh.agent.settings import ROOT_CERT, VmClock, name_server, resolve
from meshvm_tui.lab.mesh.dataplane import Identity, Stream, is_of_the_lab

DIAL_SECONDS = 3.0
NOWHERE_SECONDS = 0.2  # a packet that no loopback lab can answer; in life this takes 20 s
LINE_LIMIT = 4 * 1024 * 1024
UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})  # OpenSSL's codes for a chain that leads to no root of ours
NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME
HANDSHAKE = "transport: authentication handshake failed: "
VERIFY = HANDSHAKE + "tls: failed to verify certificate: "


class RpcError(RuntimeError):
    """A failed call, as gRPC says it."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {description}")
        self.code = code
        self.description = description


@dataclass(frozen=True)
class Upstream:
    """Where istiod is, and by which files and clock it is judged. `source` is the VM's own address."""

    address: str
    clock: VmClock
    source: str
    root: Path = Path()

    async def open(self, identity: Identity | None) -> Stream:
        """A TLS connection, with the VM's certificate where there is one; RpcError Unavailable otherwise."""
        host, _, port = self.address.rpartition(":")
        stream = await self._connect(host, int(port) if port.isdigit() else 0)
        try:
            context = self._context(identity)
            await asyncio.wait_for(stream.writer.start_tls(context, server_hostname=host), DIAL_SECONDS)
            self._check_certificate(stream, host)
        except ssl.SSLCertVerificationError as error:
            stream.reset()
            known = "" if error.verify_code in UNKNOWN_AUTHORITY else f" ({error.verify_message})"
            raise _unavailable(f"{VERIFY}x509: certificate signed by unknown authority{known}") from error
        except RpcError:
            stream.reset()
            raise
        except ssl.SSLError as error:
            stream.reset()
            raise _unavailable(f"{HANDSHAKE}{_tls_words(error)}") from error
        except ConnectionResetError as error:
            stream.reset()
            raise _unavailable(f"{HANDSHAKE}read tcp: read: connection reset by peer") from error
        except (OSError, EOFError, TimeoutError) as error:
            stream.reset()
            raise _unavailable(f"{HANDSHAKE}EOF") from error
        return stream

    async def _connect(self, host: str, port: int) -> Stream:
        address = resolve(host, self.root)
        if not address:
            server = name_server(self.root)
            raise _unavailable(_dialing(f"dial tcp: lookup {host} on {server}: no such host"))
        try:
            reachable = is_of_the_lab(address)
        except ValueError as error:
            raise _unavailable(_dialing(f"dial tcp: lookup {host}: invalid address {address}")) from error
        if not reachable:
            await asyncio.sleep(NOWHERE_SECONDS)
            raise _unavailable(_dialing(f"dial tcp {address}:{port}: i/o timeout"))
        try:
            opening = asyncio.open_connection(address, port, limit=LINE_LIMIT, local_addr=(self.source, 0))
            reader, writer = await asyncio.wait_for(opening, DIAL_SECONDS)
        except TimeoutError as error:
            raise _unavailable(_dialing(f"dial tcp {address}:{port}: i/o timeout")) from error
        except OSError as error:
            raise _unavailable(_dialing(f"dial tcp {address}:{port}: connect: connection refused")) from error
        return Stream(reader, writer)

    def _context(self, identity: Identity | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # names and times are compared here, by the VM's clock and with all names
        context.verify_flags |= NO_CHECK_TIME
        try:
            context.load_verify_locations(self.root / ROOT_CERT)
        except ssl.SSLError as error:
            raise _unavailable(f"{VERIFY}x509: certificate signed by unknown authority") from error
        if identity is not None:
            context.load_cert_chain(identity.chain, identity.key)
        return context

    def _check_certificate(self, stream: Stream, host: str) -> None:
        certificate = stream.writer.get_extra_info("peercert") or {}
        now = self.clock.now()
        starts = ssl.cert_time_to_seconds(certificate["notBefore"])
        ends = ssl.cert_time_to_seconds(certificate["notAfter"])
        if not starts <= now <= ends:
            relation, bound = ("before", starts) if now < starts else ("after", ends)
            words = f"current time {_zulu(now)} is {relation} {_zulu(bound)}"
            raise _unavailable(f"{VERIFY}x509: certificate has expired or is not yet valid: {words}")
        names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
        if _is_address(host):
            because = f"cannot validate certificate for {host} because it doesn't contain any IP SANs"
            raise _unavailable(f"{VERIFY}x509: {because}")
        if host.lower() not in (name.lower() for name in names):
            raise _unavailable(f"{VERIFY}x509: certificate is valid for {', '.join(names)}, not {host}")


async def send(stream: Stream, message: Mapping[str, Any]) -> None:
    """Writes one message."""
    stream.writer.write(json.dumps(message).encode() + b"\n")
    await stream.writer.drain()


async def receive(stream: Stream) -> dict[str, Any]:
    """The next message; RpcError where istiod says so or the connection ends."""
    try:
        line = await stream.reader.readline()
    except ssl.SSLError as error:
        raise _unavailable(f'error reading from server: {_tls_words(error)}"'.rstrip('"')) from error
    except OSError as error:
        raise RpcError("Unavailable", "error reading from server: read: connection reset by peer") from error
    if not line:
        raise RpcError("Unavailable", "error reading from server: EOF")
    message: dict[str, Any] = json.loads(line)
    if "error" in message:
        raise RpcError(message["error"]["code"], message["error"]["message"])
    return message


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unavailable(words: str) -> RpcError:
    return RpcError("Unavailable", f'connection error: desc = "{words}"')


def _dialing(words: str) -> str:
    return f"transport: Error while dialing: {words}"


def _tls_words(error: ssl.SSLError) -> str:
    reason = (error.reason or "").lower()
    if "unknown_ca" in reason:
        return "remote error: tls: unknown certificate authority"
    if "expired" in reason:
        return "remote error: tls: expired certificate"
    if "eof" in reason:
        return "EOF"
    return f"remote error: tls: {reason.replace('_', ' ') or error}"


def _zulu(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
