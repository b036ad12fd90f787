"""Identity-Aware Proxy's TCP forwarding as the lab plays it: websockets below /v4 that lead to instances.

https://cloud.google.com/iap/docs/using-tcp-forwarding; the relay's protocol (SSH Relay v4) is in `relay_session`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from meshvm_tui.lab.connections import abort_all
from meshvm_tui.lab.google.catalogue import NUMBER, PROJECT
from meshvm_tui.lab.google.relay_session import Session, Wrong
from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.mesh.dataplane import Unreachable, connect

SUBPROTOCOL, ORIGIN = "relay.tunnel.cloudproxy.app", "bot:iap-tunneler"
SOURCE = "35.235.240.16"  # one of IAP's own addresses, as firewall rules see it
SID_UNKNOWN, NO_BACKEND, NOT_AUTHORIZED, LOOKUP_FAILED = 4001, 4003, 4033, 4047
PERMISSION = "iap.tunnelInstances.accessViaIAP"
LINGER_SECONDS = 30.0  # how long a tunnel whose websocket is gone can be come back to


class IapRelay:
    """`ssh_of` tells where the SSH server of an instance really listens, None while it does not run."""

    def __init__(self, cloud: Cloud, ssh_of: Callable[[str], tuple[str, int] | None], ssh_port: int) -> None:
        self._cloud = cloud
        self._ssh_of = ssh_of
        self._ssh_port = ssh_port
        self._sessions: dict[str, Session] = {}
        self._lingering: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, address: str, port: int = 0) -> str:
        """Listens; gives the endpoint, such as ws://127.3.4.5:8091/v4."""
        app = web.Application()
        app.router.add_get("/v4/connect", self._connect)
        app.router.add_get("/v4/reconnect", self._reconnect)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, address, port).start()
        return f"ws://{address}:{self._runner.addresses[0][1]}/v4"

    async def stop(self) -> None:
        """Ends every tunnel."""
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)
        if self._runner is not None:
            served = self._runner.server
            await abort_all([handler.transport for handler in served.connections] if served else [])
            await self._runner.cleanup()
        for session in list(self._sessions.values()):
            await session.close()
        self._sessions.clear()

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request)
        if refused is not None:
            return refused
        websocket = await _open(request)
        try:
            where = self._where(request)
            session = Session(await connect(where))
        except (Wrong, Unreachable) as wrong:
            code = wrong.code if isinstance(wrong, Wrong) else NO_BACKEND
            words = str(wrong) if isinstance(wrong, Wrong) else "failed to connect to backend"
            self._log(request, code)
            await websocket.close(code=code, message=words.encode())
            return websocket
        self._log(request, 101)
        sid = secrets.token_urlsafe(24)
        self._sessions[sid] = session
        await self._carried(sid, session, websocket, session.carry(websocket, request.transport, sid=sid, **self._cut))
        return websocket

    async def _reconnect(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request)
        if refused is not None:
            return refused
        websocket = await _open(request)
        sid, has = request.query.get("sid", ""), request.query.get("ack", "")
        session = self._sessions.get(sid)
        if session is None or not has.isdigit():
            self._log(request, SID_UNKNOWN)
            await websocket.close(code=SID_UNKNOWN, message=b"sid unknown")
            return websocket
        self._log(request, 101)
        again = session.resume(websocket, request.transport, has=int(has), **self._cut)
        await self._carried(sid, session, websocket, again)
        return websocket

    async def _carried(self, sid: str, session: Session, websocket: web.WebSocketResponse, carrying: Any) -> None:
        try:
            await carrying
        except Wrong as wrong:
            session.over = True
            await websocket.close(code=wrong.code, message=str(wrong).encode())
        except ConnectionError:
            pass  # gone before its first frame; it may be come back to
        if session.over:
            await self._end(sid)
            return
        task = asyncio.create_task(self._linger(sid, session))
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)

    async def _linger(self, sid: str, session: Session) -> None:
        carried = session.carried
        await asyncio.sleep(LINGER_SECONDS)
        if session.carried == carried:
            await self._end(sid)

    async def _end(self, sid: str) -> None:
        session = self._sessions.pop(sid, None)
        if session is not None:
            await session.close()

    @property
    def _cut(self) -> dict[str, int]:
        """iap-cut: in KB; 64 where it says no number."""
        faults = self._cloud.faults
        value = faults.value("iap-cut") or "64"
        return {"cut_after": int(value) * 1024 if faults.active("iap-cut") and value.isdigit() else 0}

    def _refused(self, request: web.Request) -> web.Response | None:
        """What ends the handshake: a wrong token, or what is no client of IAP's."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._cloud.token_email(token) is None:
            status, words = 401, "The access token is not valid."
        elif request.headers.get("Origin") != ORIGIN or SUBPROTOCOL not in _offered(request):
            status, words = 400, "This is no client of the tunnel."
        else:
            return None
        self._log(request, status)
        return web.Response(status=status, text=words)

    def _where(self, request: web.Request) -> tuple[str, int]:
        """The socket behind an instance's port; raises Wrong with the code that IAP closes with."""
        faults, query = self._cloud.faults, request.query
        name, port = query.get("instance", ""), query.get("port", "")
        if faults.active("iap-4033") or faults.value("google-permission") == PERMISSION:
            raise Wrong(NOT_AUTHORIZED, "not authorized")
        instance = self._cloud.instance(name)
        zone = instance["zone"].rpartition("/")[2] if instance else ""
        if query.get("project") not in (PROJECT, NUMBER) or instance is None or query.get("zone") != zone:
            raise Wrong(LOOKUP_FAILED, "failed to lookup the instance")
        found = self._ssh_of(name)
        if not port.isdigit() or query.get("interface") != "nic0" or found is None or faults.active("iap-4003"):
            raise Wrong(NO_BACKEND, "failed to connect to backend")
        address, ssh = found
        real = ssh if int(port) == self._ssh_port else int(port)
        if not self._cloud.allows(SOURCE, name, int(port), ssh_port=self._ssh_port):
            raise Wrong(NO_BACKEND, "failed to connect to backend")
        return address, real

    def _log(self, request: web.Request, status: int) -> None:
        """The sid is a secret of the tunnel: it stays out."""
        query = {name: value for name, value in request.query.items() if name != "sid"}
        self._cloud.log(api="iap", method="GET", path=request.path, query=query, body=None, status=status)


async def _open(request: web.Request) -> web.WebSocketResponse:
    websocket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False)
    await websocket.prepare(request)
    return websocket


def _offered(request: web.Request) -> list[str]:
    return [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
