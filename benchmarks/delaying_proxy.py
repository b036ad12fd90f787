"""A TCP proxy that is as slow as a distant link, and counts what goes over it. A process of its own.

`python -m benchmarks.delaying_proxy RTT HOST:PORT...` listens on one port of 127.0.0.1 for each target and prints
them as a JSON list; then, for each line on standard input, all connections so far, by port; it ends with its input.
RTT is in seconds: half of it each way, one whole for the connection itself.

A turn: the server speaks after the client has spoken, a trip to and fro that the client may have waited for. Both
sides are noted when they send, as in the middle of the link, so that the count depends on no machine's mood.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass

CLIENT, SERVER = "client", "server"


@dataclass
class Count:
    """One connection: when it was opened (epoch), its turns, and the bytes of the client and of the server."""

    opened: float = 0.0
    turns: int = 0
    sent: int = 0
    received: int = 0
    speaker: str = ""

    def note(self, speaker: str, size: int) -> None:
        """Takes what one side said."""
        if speaker == CLIENT:
            self.sent += size
        else:
            self.received += size
            self.turns += self.speaker == CLIENT
        self.speaker = speaker


class Side(asyncio.Protocol):
    """One end: what it says is written to the other end after half a round trip, its end likewise."""

    def __init__(self, name: str, count: Count, delay: float) -> None:
        self._name = name
        self._count = count
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._other: Side | None = None
        self._under_way: deque[bytes | None] = deque()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def join(self, other: Side) -> None:
        """From now on the other end hears; it hears at once what was said before."""
        self._other = other
        while self._under_way:
            self._arrive()

    def data_received(self, data: bytes) -> None:
        self._count.note(self._name, len(data))
        self._tell(data)

    def eof_received(self) -> bool:
        self._tell(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other is not None:
            self._loop.call_later(self._delay, self._other.end)

    def end(self) -> None:
        """Closes this end."""
        if self.transport is not None:
            self.transport.close()

    def _tell(self, piece: bytes | None) -> None:
        self._under_way.append(piece)
        if self._other is not None:
            self._loop.call_later(self._delay, self._arrive)

    def _arrive(self) -> None:
        """The piece that was said first comes to the other end."""
        piece = self._under_way.popleft()
        assert self._other is not None
        transport = self._other.transport
        if transport is None or transport.is_closing():
            return
        if piece is not None:
            transport.write(piece)
        elif transport.can_write_eof():
            transport.write_eof()


class DelayingProxy:
    """Listens for one target and keeps a count for each connection."""

    def __init__(self, host: str, port: int, rtt: float) -> None:
        self._target = (host, port)
        self._rtt = rtt
        self._joining: set[asyncio.Task[None]] = set()
        self.counts: list[Count] = []
        self.port = 0

    async def listen(self) -> None:
        """Takes a free port."""
        server = await asyncio.get_running_loop().create_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    def _client(self) -> Side:
        count = Count(opened=time.time())
        self.counts.append(count)
        client = Side(CLIENT, count, self._rtt / 2)
        joining = asyncio.ensure_future(self._join(client, count))
        self._joining.add(joining)
        joining.add_done_callback(self._joining.discard)
        return client

    async def _join(self, client: Side, count: Count) -> None:
        """A round trip for the handshake, and the half of one that the client's first words take."""
        await asyncio.sleep(self._rtt * 1.5)
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_connection(lambda: Side(SERVER, count, self._rtt / 2), *self._target)
        except OSError:
            client.end()
            return
        server.join(client)
        client.join(server)


async def serve(rtt: float, targets: list[str]) -> None:
    """Serves until standard input ends."""
    proxies = [DelayingProxy(host, int(port), rtt) for host, _, port in (item.rpartition(":") for item in targets)]
    for proxy in proxies:
        await proxy.listen()
    print(json.dumps([proxy.port for proxy in proxies]), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps({proxy.port: [asdict(count) for count in proxy.counts] for proxy in proxies}), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), sys.argv[2:]))
