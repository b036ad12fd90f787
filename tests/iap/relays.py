"""Two relays for the tunnel: the lab's own with a TCP server behind it, and one that does what a script says."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from meshvm_tui.adapters.iap_tunnel import IapTarget, Patience
from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.faults import CATALOG, Faults
from meshvm_tui.lab.google.catalogue import ACCOUNT, PROJECT
from meshvm_tui.lab.google.faults import GOOGLE_FAULTS
from meshvm_tui.lab.google.relay import IapRelay
from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.google.tokens import CLOUD_PLATFORM, EMAIL_SCOPE

DEADLINE = 20.0  # seconds
SSH_PORT = 2222
TARGET = IapTarget(PROJECT, "us-central1-a", "vm-1", port=SSH_PORT)
AT_ONCE = Patience(first=0.01, factor=1.0, longest=0.01, altogether=DEADLINE)
SUBPROTOCOL = "relay.tunnel.cloudproxy.app"


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay-loop")
        self._thread.start()

    def call(self, work: Any) -> Any:
        """Runs a coroutine there and gives what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE)

    def close(self) -> None:
        """Ends it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()


class LabRelay:
    """The lab's relay, which leads to an instance `vm-1` at `behind`."""

    def __init__(self, state: Path, behind: tuple[str, int]) -> None:
        CATALOG.update(GOOGLE_FAULTS)
        self.faults = Faults(state / "faults")
        self.cloud = Cloud(state, Clock(state / "clock"), self.faults)
        self.cloud.add_running("vm-1", ("127.0.0.1", "127.0.0.1"))
        self.behind: tuple[str, int] | None = behind
        self.relay = IapRelay(self.cloud, lambda name: self.behind if name == "vm-1" else None, SSH_PORT)
        self.endpoint = ""
        self.log = state / "google-requests.jsonl"

    def token(self) -> str:
        """A token that the relay takes."""
        return self.cloud.tokens.mint(ACCOUNT, [CLOUD_PLATFORM, EMAIL_SCOPE])

    def calls(self, verb: str) -> int:
        """How often a client came with this verb."""
        return self.log.read_text(encoding="utf-8").count(f'"/v4/{verb}"') if self.log.exists() else 0


@contextmanager
def lab_relay(state: Path, behind: tuple[str, int]) -> Iterator[LabRelay]:
    """Running on a free port."""
    loop = Loop()
    lab = LabRelay(state, behind)
    lab.endpoint = loop.call(lab.relay.start("127.0.0.1"))
    try:
        yield lab
    finally:
        loop.call(lab.relay.stop())
        loop.close()
        lab.cloud.close()


@contextmanager
def echo_server() -> Iterator[tuple[str, int]]:
    """A TCP server that sends back what it gets."""
    loop = Loop()
    writers: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def end(server: asyncio.Server) -> None:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    server: asyncio.Server = loop.call(asyncio.start_server(echo, "127.0.0.1", 0))
    try:
        yield server.sockets[0].getsockname()
    finally:
        loop.call(end(server))
        loop.close()


class Relayed:
    """One websocket of a scripted relay, in frames."""

    def __init__(self, request: web.Request, websocket: web.WebSocketResponse) -> None:
        self.query = dict(request.query)
        self.headers = request.headers.copy()
        self.path = request.path
        self.websocket = websocket
        self.transport = request.transport

    async def connected(self, sid: str = "sid-1") -> None:
        """CONNECT_SUCCESS_SID."""
        await self.websocket.send_bytes(struct.pack(">HI", 1, len(sid)) + sid.encode())

    async def reconnected(self, has: int) -> None:
        """RECONNECT_SUCCESS_ACK."""
        await self.websocket.send_bytes(struct.pack(">HQ", 2, has))

    async def data(self, data: bytes) -> None:
        """DATA."""
        await self.websocket.send_bytes(struct.pack(">HI", 4, len(data)) + data)

    async def ack(self, count: int) -> None:
        """ACK."""
        await self.websocket.send_bytes(struct.pack(">HQ", 7, count))

    async def receive(self) -> tuple[int, Any]:
        """The client's next frame: its tag, with the data or the count."""
        message = await self.websocket.receive(DEADLINE)
        assert message.type is WSMsgType.BINARY, message
        tag = int.from_bytes(message.data[:2], "big")
        if tag == 4:
            assert int.from_bytes(message.data[2:6], "big") == len(message.data) - 6
            return tag, message.data[6:]
        return tag, int.from_bytes(message.data[2:], "big")

    async def gone(self) -> int | None:
        """Waits until the client has left; the code that it closed with."""
        while not self.websocket.closed:
            await self.websocket.receive(DEADLINE)
        return self.websocket.close_code

    def cut(self) -> None:
        """Cuts the connection."""
        assert self.transport is not None
        self.transport.abort()


Script = Callable[[Relayed], Awaitable[None]]


class ScriptedRelay:
    """Each connection does what the next script says. `said` is what went wrong in scripts."""

    def __init__(self, scripts: tuple[Script | int, ...]) -> None:
        self._scripts = list(scripts)
        self.seen: list[Relayed] = []
        self.said: list[BaseException] = []
        self.endpoint = ""
        self._runner: web.AppRunner | None = None
        self._done = threading.Event()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listens."""
        app = web.Application()
        app.router.add_get("/v4/{verb}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.endpoint = f"{'wss' if tls else 'ws'}://127.0.0.1:{self._runner.addresses[0][1]}/v4"

    async def stop(self) -> None:
        """Ends it."""
        assert self._runner is not None
        for relayed in self.seen:
            if relayed.transport is not None:
                relayed.transport.abort()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        script: Script | int = self._scripts.pop(0) if self._scripts else 410
        websocket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False)
        relayed = Relayed(request, websocket)
        self.seen.append(relayed)
        if isinstance(script, int):
            return web.Response(status=script, text="no")
        await websocket.prepare(request)
        try:
            await script(relayed)
        except (AssertionError, TimeoutError) as error:
            self.said.append(error)
        return websocket


@contextmanager
def scripted_relay(*scripts: Script | int, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedRelay]:
    """A relay whose connections do this, one after the other; a number is an answer to the handshake."""
    loop = Loop()
    relay = ScriptedRelay(scripts)
    loop.call(relay.start(tls))
    try:
        yield relay
    finally:
        loop.call(relay.stop())
        loop.close()
    assert relay.said == []


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits until something is so."""
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def tunnel_threads() -> list[str]:
    """The names of the tunnel's threads that live."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("meshvm-iap-")]
