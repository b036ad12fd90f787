"""Sends a Pod's request from the Pod's address: through its sidecar where it has one, else as kube-proxy would."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.agent.outbound import MeshView
from meshvm_tui.lab.mesh.curl_command import CurlCommand, CurlResult
from meshvm_tui.lab.mesh.dataplane import TIMED_OUT, Endpoint, Identity, Stream, Unreachable, dial, upstream_error
from meshvm_tui.lab.mesh.envoy_answers import (
    ANSWERS,
    NO_ANSWER,
    RESPONSE_FLAG,
    access_log_line,
    answer_of,
    logs_access,
)
from meshvm_tui.lab.mesh.sockets import Sockets
from meshvm_tui.lab.mesh.view import INBOUND_PORT, pod_endpoints, services

if TYPE_CHECKING:
    from meshvm_tui.lab.faults import Faults
    from meshvm_tui.lab.objects import Objects

UNAVAILABLE = 503
FIREWALL_CLOSED = "firewall-closed"
DROPPED_SECONDS = 0.3  # what stands for the time in which a firewall lets a connection run dry
ANSWER_SECONDS = 10.0
USUAL_SECONDS = 130.0  # how long Linux tries to connect where curl sets no limit
NO_HOST, NO_CONNECTION, HTTP_ERROR, TOO_LATE, EMPTY_REPLY, RESET = 6, 7, 22, 28, 52, 56


class _Failure(Exception):
    """curl gives up; `code` is its exit code."""

    def __init__(self, code: int, message: str, remote_ip: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.remote_ip = remote_ip


@dataclass(frozen=True)
class Sender:
    """A Pod that sends: who it is in the mesh, or None without a sidecar."""

    namespace: str
    name: str
    identity: Identity | None


class PodCurl:
    """Executes curl commands for Pods."""

    def __init__(
        self,
        objects: Objects,
        sockets: Sockets,
        faults: Faults,
        trust_domain: Callable[[], str],
        timestamp: Callable[[], str],
        *,
        drops: Callable[[str, str, int], bool],
    ) -> None:
        """`drops(source, address, port)` says what a firewall between Pods and VMs throws away."""
        self._objects = objects
        self._timestamp = timestamp
        self._sockets = sockets
        self._faults = faults
        self._trust_domain = trust_domain
        self._drops = drops
        # As sidecars and kube-proxies that know nothing of each other: in turn, probes side by side would meet
        # the same machines for ever.
        self._turn: Iterator[int] = iter(lambda: random.randrange(1, 1 << 30), 0)

    async def run(self, command: CurlCommand, sender: Sender, access_log: Callable[[str], None]) -> CurlResult:
        """The result, after the request really went over its sockets. `access_log` takes the sidecar's lines."""
        started = time.monotonic()
        try:
            if sender.identity is not None:
                status, body, address = await self._through_sidecar(command, sender, access_log)
            else:
                status, body, address = await self._plain(command, sender)
        except _Failure as failure:
            seconds = time.monotonic() - started
            return CurlResult(failure.code, 0, str(failure), seconds, failure.remote_ip)
        seconds = time.monotonic() - started
        if command.fail and status >= 400:
            message = f"The requested URL returned error: {status}"
            return CurlResult(HTTP_ERROR, status, message, seconds, address)
        return CurlResult(0, status, "", seconds, address, body)

    async def _through_sidecar(
        self, command: CurlCommand, sender: Sender, access_log: Callable[[str], None]
    ) -> tuple[int, str, str]:
        view = MeshView(services(self._objects, self._sockets, self._trust_domain()), turn=self._turn)
        service = view.service(command.host, sender.namespace)
        if service is None and not _is_address(command.host):
            raise _Failure(NO_HOST, f"Could not resolve host: {command.host}")
        address = service["ip"] if service else command.host
        told = ANSWERS.get(self._faults.value(RESPONSE_FLAG)) if self._faults.active(RESPONSE_FLAG) else None
        status, body = (told.status, told.body) if told else await self._answered(command, sender, view, service)
        if logs_access(self._objects) and (told or status == UNAVAILABLE):
            access_log(access_log_line(self._timestamp(), command, told or answer_of(body), service))
        if status == NO_ANSWER:
            raise _timed_out("Operation", command, address)
        return status, body, address

    async def _answered(
        self, command: CurlCommand, sender: Sender, view: MeshView, service: dict[str, Any] | None
    ) -> tuple[int, str]:
        """Status and body: the server's own, or Envoy's words for why there are none."""
        endpoint = view.endpoint(service, command.port) if service else _direct(command.host, command.port)
        if endpoint is None:
            return UNAVAILABLE, "no healthy upstream"
        try:
            if self._dropped(endpoint, sender):
                await asyncio.sleep(DROPPED_SECONDS)
                raise Unreachable(TIMED_OUT)
            stream = await dial(endpoint, sender.identity, self._sockets.source(sender.namespace, sender.name))
            return await _request(stream, command)
        except Unreachable as error:
            return UNAVAILABLE, upstream_error(str(error))
        except (OSError, EOFError, ValueError):
            return UNAVAILABLE, upstream_error("connection termination")

    async def _plain(self, command: CurlCommand, sender: Sender) -> tuple[int, str, str]:
        endpoint, address = self._kube_proxy(command, sender.namespace)
        if self._dropped(endpoint, sender):
            await asyncio.sleep(DROPPED_SECONDS)
            raise _timed_out("Connection", command, address)
        try:
            stream = await dial(endpoint, None, self._sockets.source(sender.namespace, sender.name))
        except Unreachable as error:
            if str(error) == TIMED_OUT:
                raise _timed_out("Connection", command, address) from error
            message = f"Failed to connect to {command.host} port {command.port}: Connection refused"
            raise _Failure(NO_CONNECTION, message, address) from error
        try:
            status, body = await _request(stream, command)
        except ConnectionResetError as error:
            raise _Failure(RESET, "Recv failure: Connection reset by peer", address) from error
        except (OSError, EOFError, ValueError) as error:
            raise _Failure(EMPTY_REPLY, "Empty reply from server", address) from error
        return status, body, address

    def _kube_proxy(self, command: CurlCommand, namespace: str) -> tuple[Endpoint, str]:
        if _is_address(command.host):
            return _direct(command.host, command.port), command.host
        name, _, rest = command.host.partition(".")
        service = self._objects.get(world.SERVICES, rest.split(".")[0] or namespace, name)
        if service is None:
            raise _Failure(NO_HOST, f"Could not resolve host: {command.host}")
        address = str(service["spec"].get("clusterIP") or "")
        pods = self._objects.list(world.PODS)
        endpoints = pod_endpoints(service, command.port, pods, self._sockets)
        if not endpoints:
            message = f"Failed to connect to {command.host} port {command.port}: Connection refused"
            raise _Failure(NO_CONNECTION, message, address)
        return endpoints[next(self._turn) % len(endpoints)], address

    def _dropped(self, endpoint: Endpoint, sender: Sender) -> bool:
        if self._sockets.has_address(endpoint.address):
            return False
        source = self._sockets.address(sender.namespace, sender.name)
        return self._faults.active(FIREWALL_CLOSED) or self._drops(source, endpoint.address, endpoint.port)


async def _request(stream: Stream, command: CurlCommand) -> tuple[int, str]:
    head = f"GET {command.target} HTTP/1.1\r\nhost: {command.host}\r\nuser-agent: curl/8.10.1\r\naccept: */*\r\n"
    try:
        async with asyncio.timeout(command.max_time or ANSWER_SECONDS):
            stream.writer.write(f"{head}connection: close\r\n\r\n".encode())
            await stream.writer.drain()
            answer = await stream.reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            body = b""
            with contextlib.suppress(ConnectionError):
                body = await stream.reader.read()
    except TimeoutError as error:
        raise _timed_out("Operation", command, "") from error
    finally:
        stream.reset()
    return status, body.decode("utf-8", "replace")


def _timed_out(what: str, command: CurlCommand, address: str) -> _Failure:
    waited = int((command.max_time or USUAL_SECONDS) * 1000)
    return _Failure(TOO_LATE, f"{what} timed out after {waited} milliseconds", address)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _direct(host: str, port: int) -> Endpoint:
    return Endpoint(host, port, (host, port), (host, INBOUND_PORT))
