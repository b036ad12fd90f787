"""A name server over UDP: names that it knows it answers itself, the rest it passes on (or says that there is none)."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from typing import cast

A, AAAA = 1, 28
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3
SECONDS = 2.0


async def serve(
    address: tuple[str, int], names: Callable[[], Mapping[str, str]], upstream: str = ""
) -> asyncio.DatagramTransport:
    """Opens the port. `upstream` is the name server that is asked for what is not in `names`; "" for none."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(names, upstream), local_addr=address)
    return transport


class _Server(asyncio.DatagramProtocol):
    def __init__(self, names: Callable[[], Mapping[str, str]], upstream: str) -> None:
        self._names = names
        self._upstream = upstream
        self._transport: asyncio.DatagramTransport | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, kind = question(data)
        known = self._names().get(name, "")
        if known or not self._upstream:
            self._send(answer(data, known if kind == A else "", NO_ERROR if known else NO_SUCH_NAME), addr)
            return
        asking = asyncio.get_running_loop().create_task(self._pass_on(data, addr))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _pass_on(self, data: bytes, addr: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            try:
                await loop.sock_connect(client, (self._upstream, 53))
                await loop.sock_sendall(client, data)
                reply = await asyncio.wait_for(loop.sock_recv(client, 4096), SECONDS)
            except (OSError, TimeoutError):
                reply = answer(data, "", SERVER_FAILURE)
        self._send(reply, addr)

    def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(data, addr)


def question(query: bytes) -> tuple[str, int]:
    """The name that is asked for, in lower case, and the type of record."""
    labels, place = [], 12
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode("ascii", "replace"))
        place += 1 + query[place]
    return ".".join(labels).lower(), struct.unpack("!H", query[place + 1 : place + 3])[0]


def answer(query: bytes, address: str, code: int) -> bytes:
    """A response to a query, with one A record where there is an address."""
    place = 12
    while query[place]:
        place += 1 + query[place]
    asked = query[12 : place + 5]
    flags = 0x8180 | code
    record = b""
    if address:
        record = struct.pack("!HHHIH4s", 0xC00C, A, 1, 5, 4, socket.inet_aton(address))
    return query[:2] + struct.pack("!HHHHH", flags, 1, 1 if record else 0, 0, 0) + asked + record
