"""The real sockets of the lab's Pods: a small HTTP server per Pod, and its sidecar's inbound side."""

from __future__ import annotations

import asyncio
from asyncio.base_events import Server
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from meshvm_tui.lab.mesh.dataplane import InboundProxy, Stream, listen
from meshvm_tui.lab.mesh.view import INBOUND_PORT

GREETING = "Hello World\n"
IDLE_SECONDS = 15.0


@dataclass
class PodSocket:
    """What one Pod listens on."""

    address: str
    ports: dict[int, tuple[str, int]] = field(default_factory=dict)
    inbound: tuple[str, int] | None = None
    servers: list[Server] = field(default_factory=list)


class Sockets:
    """All Pods' sockets, by namespace and name. `bind_host` is for computers with one loopback address only."""

    def __init__(self, bind_host: str = "") -> None:
        self._bind_host = bind_host
        self._pods: dict[tuple[str, str], PodSocket] = {}

    def app(self, namespace: str, name: str, port: int) -> tuple[str, int] | None:
        """The real socket behind a Pod's port; None where nothing listens."""
        pod = self._pods.get((namespace, name))
        return pod.ports.get(port) if pod else None

    def inbound(self, namespace: str, name: str) -> tuple[str, int] | None:
        """The real socket of a Pod's sidecar; None where it has none."""
        pod = self._pods.get((namespace, name))
        return pod.inbound if pod else None

    def source(self, namespace: str, name: str) -> str:
        """The address from which a Pod's connections come."""
        pod = self._pods.get((namespace, name))
        return self._bind_host or (pod.address if pod else "")

    def address(self, namespace: str, name: str) -> str:
        """A Pod's own address; "" where there is no such Pod."""
        pod = self._pods.get((namespace, name))
        return pod.address if pod else ""

    def has_address(self, address: str) -> bool:
        """Whether an address belongs to a Pod."""
        return any(pod.address == address for pod in self._pods.values())

    async def open(
        self,
        namespace: str,
        name: str,
        address: str,
        *,
        ports: Iterable[int],
        log: Callable[[str], None],
        proxy: InboundProxy | None,
    ) -> None:
        """Starts a Pod's servers."""
        pod = PodSocket(address)
        self._pods[(namespace, name)] = pod
        host = self._bind_host or address
        for port in ports:
            server = await self._listen(host, 0 if self._bind_host else port, _Greeter(log).serve)
            pod.servers.append(server)
            pod.ports[port] = _bound(server)
        if proxy is not None:
            server = await self._listen(host, 0 if self._bind_host else INBOUND_PORT, proxy.serve)
            pod.servers.append(server)
            pod.inbound = _bound(server)

    def close(self, namespace: str, name: str) -> None:
        """Ends a Pod's servers; nothing where it has none."""
        pod = self._pods.pop((namespace, name), None)
        for server in pod.servers if pod else ():
            server.close()

    def close_all(self) -> None:
        """Ends every Pod's servers."""
        for key in list(self._pods):
            self.close(*key)

    async def _listen(self, host: str, port: int, handler: Callable[[Stream], object]) -> Server:
        try:
            return await listen((host, port), handler)  # type: ignore[arg-type]
        except PermissionError:
            return await listen((host, 0), handler)  # type: ignore[arg-type]


class _Greeter:
    """The sample server: it greets, and logs each request line."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log

    async def serve(self, stream: Stream) -> None:
        while True:
            head = await asyncio.wait_for(stream.reader.readuntil(b"\r\n\r\n"), IDLE_SECONDS)
            request = head.split(b"\r\n", 1)[0].decode("latin-1")
            peer = stream.writer.get_extra_info("peername")[0]
            self._log(f'{peer} "{request}" 200')
            body = b"" if request.startswith("HEAD ") else GREETING.encode()
            stream.writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
                + f"content-length: {len(GREETING)}\r\n\r\n".encode()
                + body
            )
            await stream.writer.drain()
            if b"connection: close" in head.lower():
                await stream.close()
                return


def _bound(server: Server) -> tuple[str, int]:
    host, port = server.sockets[0].getsockname()[:2]
    return str(host), int(port)
