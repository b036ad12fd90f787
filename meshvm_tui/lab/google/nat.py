"""External addresses of instances: TCP that comes to one goes on to the internal address where the firewall lets it.

Where no rule lets it, connection attempts run dry, as in life: the port's queue of connections is kept full, so that
the kernel drops what comes, and a client that still tries gets in when a rule opens the port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from meshvm_tui.lab.mesh.dataplane import Stream, Unreachable, connect, relay

LOOK_SECONDS = 0.1  # between two looks at the firewall
ANYBODY = "127.0.0.1"  # where on this computer whoever connects comes from
_QUEUE = 64


class Nat:
    """The open external ports, by instance. `allows(source, name, port)` is the firewall's word. One loop only."""

    def __init__(self, allows: Callable[[str, str, int], bool]) -> None:
        self._allows = allows
        self._ports: dict[str, _Port] = {}

    async def open(self, name: str, external: tuple[str, int], internal: tuple[str, int]) -> None:
        """Leads an external port to an internal one; raises OSError where it is taken."""
        await self.close(name)

        def allowed(source: str) -> bool:
            return self._allows(source, name, external[1])

        self._ports[name] = _Port(external, internal, allowed)

    async def close(self, name: str) -> None:
        """Ends an instance's port and its connections; nothing where it has none."""
        port = self._ports.pop(name, None)
        if port is not None:
            await port.close()

    async def close_all(self) -> None:
        """Ends all of them."""
        for name in list(self._ports):
            await self.close(name)


class _Port:
    def __init__(self, external: tuple[str, int], internal: tuple[str, int], allowed: Callable[[str], bool]) -> None:
        self._external, self._internal, self._allowed = external, internal, allowed
        self._filler: socket.socket | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setblocking(False)
        try:
            self._listener.bind(external)
            self._shut()
        except OSError:
            self._listener.close()
            raise
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        self._watching.cancel()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(self._watching, *self._connections, return_exceptions=True)
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._empty()

    async def _watch(self) -> None:
        while True:
            if self._allowed(ANYBODY) != (self._filler is None):
                self._shut() if self._filler is None else self._let_in()
            await asyncio.sleep(LOOK_SECONDS)

    def _shut(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
        self._filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._filler.setblocking(False)
        self._filler.connect_ex(self._external)

    def _let_in(self) -> None:
        self._empty()
        self._listener.listen(_QUEUE)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _empty(self) -> None:
        if self._filler is not None:
            self._filler.close()
            self._filler = None

    def _accept(self) -> None:
        try:
            connection, (source, _) = self._listener.accept()
        except OSError:
            return
        if not self._allowed(source):
            connection.close()
            return
        task = asyncio.ensure_future(self._forward(connection, source))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _forward(self, connection: socket.socket, source: str) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Stream(*await asyncio.open_connection(sock=connection))
        try:
            await relay(client, await connect(self._internal, source))
        except Unreachable:
            client.reset()
