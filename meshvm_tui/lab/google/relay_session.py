"""One tunnel of the lab's IAP relay: a TCP connection to an instance that outlives the websockets it is carried by.

Frames are big-endian: a tag of 16 bits, then for 1 (connected) and 4 (data) a length of 32 bits and as many bytes,
for 2 (reconnected) and 7 (ack) a count of 64 bits.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable

from aiohttp import WSMsgType, web

from meshvm_tui.lab.connections import abort
from meshvm_tui.lab.mesh.dataplane import Stream

CONNECTED, RECONNECTED, DATA, ACK = 1, 2, 4, 7
LONGEST_DATA, ACK_EVERY = 16384, 2 * 16384
BAD_ACK, INVALID_ACK, INVALID_TAG, INVALID_OPCODE, INVALID_DATA = 4005, 4006, 4008, 4007, 4013
ENDED = 1000
_KEPT = 16 * 1024 * 1024  # bytes that wait for the client's ACK before no more is read from the instance
_SHORT, _LONG = struct.Struct(">HI"), struct.Struct(">HQ")


class Wrong(Exception):
    """The client does not keep to the protocol; `code` is what the websocket is closed with."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Session:
    """What both sides have of each other's bytes, whatever websocket brought them."""

    def __init__(self, backend: Stream) -> None:
        self._backend = backend
        self._received = 0
        self._kept = bytearray()
        self._confirmed = 0
        self._sent = 0  # the furthest byte that any websocket was given
        self._at_end = False
        self._changed = asyncio.Condition()
        self._carrier: web.WebSocketResponse | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._pump = asyncio.create_task(self._read_backend())
        self.over = False
        self.carried = 0
        """How many websockets have carried it so far."""

    async def carry(
        self, websocket: web.WebSocketResponse, transport: asyncio.BaseTransport | None, *, sid: str, cut_after: int
    ) -> None:
        """A new tunnel's first websocket, until it is gone. `cut_after` bytes it is cut; 0 for never."""
        await websocket.send_bytes(_SHORT.pack(CONNECTED, len(sid)) + sid.encode())
        await self._carry(websocket, transport, cut_after)

    async def resume(
        self, websocket: web.WebSocketResponse, transport: asyncio.BaseTransport | None, *, has: int, cut_after: int
    ) -> None:
        """A later websocket, whose client has so many bytes. Raises Wrong where that cannot be."""
        abort(self._transport)
        await self._confirm(has)
        await websocket.send_bytes(_LONG.pack(RECONNECTED, self._received))
        await self._carry(websocket, transport, cut_after)

    async def close(self) -> None:
        """Ends the connection to the instance."""
        self.over = True
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self._backend.close()

    async def _carry(
        self, websocket: web.WebSocketResponse, transport: asyncio.BaseTransport | None, cut_after: int
    ) -> None:
        self._carrier, self._transport = websocket, transport
        self.carried += 1
        left = [cut_after or 1 << 62]

        def spend(count: int) -> None:
            left[0] -= count
            if left[0] <= 0:
                abort(transport)

        sending = asyncio.create_task(self._send(websocket, spend))
        try:
            with contextlib.suppress(ConnectionError):
                await self._receive(websocket, spend, lambda: left[0] <= 0)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        if websocket.close_code == ENDED:
            self.over = True

    async def _receive(
        self, websocket: web.WebSocketResponse, spend: Callable[[int], None], is_cut: Callable[[], bool]
    ) -> None:
        acknowledged = self._received
        async for message in websocket:
            if is_cut() or self._carrier is not websocket:
                return
            if message.type is not WSMsgType.BINARY:
                raise Wrong(INVALID_OPCODE, "invalid websocket opcode")
            await self._take(message.data)
            if message.data[:2] == b"\x00\x04":
                spend(len(message.data) - _SHORT.size)
            if self._received - acknowledged > ACK_EVERY and not is_cut():
                acknowledged = self._received
                await websocket.send_bytes(_LONG.pack(ACK, acknowledged))

    async def _take(self, frame: bytes) -> None:
        tag = int.from_bytes(frame[:2], "big")
        if tag == DATA:
            data = frame[_SHORT.size :]
            if len(frame) < _SHORT.size or _SHORT.unpack_from(frame)[1] != len(data) or len(data) > LONGEST_DATA:
                raise Wrong(INVALID_DATA, "invalid data")
            self._received += len(data)
            self._backend.writer.write(data)
            with contextlib.suppress(ConnectionError):
                await self._backend.writer.drain()
        elif tag == ACK and len(frame) >= _LONG.size:
            await self._confirm(_LONG.unpack_from(frame)[1])
        else:
            raise Wrong(INVALID_TAG, f"invalid tag {tag}")

    async def _confirm(self, count: int) -> None:
        if count > self._sent:
            raise Wrong(INVALID_ACK, "ack of more than was sent")
        if count < self._confirmed:
            raise Wrong(BAD_ACK, "ack of less than before")
        async with self._changed:
            del self._kept[: count - self._confirmed]
            self._confirmed = count
            self._changed.notify_all()

    async def _read_backend(self) -> None:
        while not self._at_end:
            async with self._changed:
                await self._changed.wait_for(lambda: len(self._kept) < _KEPT)
            data = b""
            with contextlib.suppress(OSError):
                data = await self._backend.reader.read(LONGEST_DATA)
            async with self._changed:
                self._kept += data
                self._at_end = not data
                self._changed.notify_all()

    async def _send(self, websocket: web.WebSocketResponse, spend: Callable[[int], None]) -> None:
        """Everything that the client has not confirmed, and what comes after it."""
        place = self._confirmed
        while data := await self._from(place):
            place += len(data)
            self._sent = max(self._sent, place)
            await websocket.send_bytes(_SHORT.pack(DATA, len(data)) + data)
            spend(len(data))
        self.over = True
        await websocket.close(code=ENDED)

    async def _from(self, place: int) -> bytes:
        """What comes next after so many bytes, as soon as there is something; nothing at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._confirmed + len(self._kept) > place or self._at_end)
            begin = place - self._confirmed
            return bytes(self._kept[begin : begin + LONGEST_DATA])
