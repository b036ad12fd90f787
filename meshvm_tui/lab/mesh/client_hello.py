"""The name that a TLS client asks for, read from its first bytes without taking them off the socket."""

from __future__ import annotations

import asyncio
import socket
import struct

HANDSHAKE, CLIENT_HELLO, SERVER_NAME = 22, 1, 0
PEEK = 8192
WAIT_SECONDS = 5.0


class NoClientHello(ValueError):
    """What came is no TLS handshake."""


async def peek_server_name(connection: socket.socket) -> str:
    """The server name that a client sends; "" where it names none. NoClientHello where it does not speak TLS."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            await _readable(loop, connection)
            data = connection.recv(PEEK, socket.MSG_PEEK)
            if not data or data[0] != HANDSHAKE:
                raise NoClientHello
            if len(data) >= 5 and len(data) >= min(5 + struct.unpack("!H", data[3:5])[0], PEEK):
                return server_name(data)
            await asyncio.sleep(0.01)


def server_name(record: bytes) -> str:
    """The server name in a TLS record with a ClientHello (RFC 8446 4.1.2, RFC 6066 3)."""
    try:
        return _server_name(record)
    except (IndexError, struct.error) as error:
        raise NoClientHello from error


def _server_name(record: bytes) -> str:
    if record[5] != CLIENT_HELLO:
        raise NoClientHello
    place = 5 + 4 + 2 + 32  # record header, handshake header, version, random
    place += 1 + record[place]  # session id
    place += 2 + struct.unpack_from("!H", record, place)[0]  # cipher suites
    place += 1 + record[place]  # compression methods
    if place >= len(record):
        return ""
    end = place + 2 + struct.unpack_from("!H", record, place)[0]
    place += 2
    while place + 4 <= end:
        kind, length = struct.unpack_from("!HH", record, place)
        place += 4
        if kind == SERVER_NAME:
            size = struct.unpack_from("!H", record, place + 3)[0]
            return record[place + 5 : place + 5 + size].decode("ascii", "replace").lower()
        place += length
    return ""


async def _readable(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(connection, wake)
    try:
        await ready
    finally:
        loop.remove_reader(connection)
