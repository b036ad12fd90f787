"""The gateway's address: 15012 listens while a gateway serves it, and leads to istiod where that is exposed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshvm_tui.lab.connections import abort
from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.changes import Changes
from meshvm_tui.lab.mesh.client_hello import NoClientHello, peek_server_name
from meshvm_tui.lab.mesh.dataplane import Stream
from meshvm_tui.lab.mesh.exposure import gateway_pods, routed_istiod, target_port
from meshvm_tui.lab.mesh.impostor import Impostor
from meshvm_tui.lab.mesh.istiod import Istiod

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

LINE_LIMIT = 4 * 1024 * 1024
BACKLOG = 64
FOLLOWED = (world.SERVICES, world.PODS)


class GatewayFront:
    """One listening socket per gateway that has an address, a Ready Pod and the port."""

    def __init__(self, objects: Objects, istiod: Istiod, impostor: Impostor, log: Callable[[str], None]) -> None:
        self._objects = objects
        self._istiod = istiod
        self._impostor = impostor
        self._log = log
        self._listeners: dict[tuple[str, str], tuple[str, asyncio.Task[None]]] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._changes = Changes(objects, FOLLOWED)
        self._following: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to open and close listeners as the cluster changes."""
        self._changes.start()
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Closes every listener and connection."""
        tasks = [task for _, task in self._listeners.values()] + list(self._connections)
        tasks += [self._following] if self._following else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._changes.stop()

    async def _follow(self) -> None:
        async for _ in self._changes.follow():
            wanted = {}
            for service in self._objects.list(world.SERVICES):
                address = world.load_balancer_address(service)
                if address and target_port(service) is not None and gateway_pods(self._objects, service):
                    wanted[(service["metadata"]["namespace"], service["metadata"]["name"])] = address
            for key, (address, task) in list(self._listeners.items()):
                if wanted.get(key) != address:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    del self._listeners[key]
            for key, address in wanted.items():
                if key not in self._listeners and (listener := self._bind(address)) is not None:
                    self._listeners[key] = (address, asyncio.create_task(self._accept(listener, key)))

    def _bind(self, address: str) -> socket.socket | None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        try:
            listener.bind((address, world.XDS_PORT))
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            self._log(f"error\tgateway\tcannot listen on {address}:{world.XDS_PORT}: {error}")
            return None
        return listener

    async def _accept(self, listener: socket.socket, key: tuple[str, str]) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                connection, _ = await loop.sock_accept(listener)
                task = asyncio.create_task(self._connection(connection, key))
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)
        finally:
            listener.close()

    async def _connection(self, connection: socket.socket, key: tuple[str, str]) -> None:
        plane = None
        try:
            name = await peek_server_name(connection)
            plane = self._route(key, name)
        except (OSError, TimeoutError, NoClientHello):
            pass
        finally:
            if plane is None:
                _cut(connection)
        if plane is None:
            return
        context = self._impostor.context() or self._istiod.serving_context(plane)
        stream = await _secured(connection, context)
        if stream is None:
            return
        try:
            await self._istiod.serve(stream, plane)
        except (OSError, ValueError, KeyError) as error:
            self._log(f"warn\tads\tADS: terminated {error}")
        finally:
            abort(stream.writer.transport)

    def _route(self, key: tuple[str, str], name: str) -> world.ControlPlane | None:
        service = self._objects.get(world.SERVICES, *key)
        port = target_port(service) if service else None
        if service is None or port is None:
            return None
        return routed_istiod(self._objects, gateway_pods(self._objects, service), port, name)


async def _secured(connection: socket.socket, context: ssl.SSLContext) -> Stream | None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
    except (OSError, EOFError):
        connection.close()
        return None
    return Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


def _cut(connection: socket.socket) -> None:
    """Ends a connection as Envoy does where no filter chain matches: the client sees a reset."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
