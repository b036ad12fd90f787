"""The lab's Google APIs as one HTTP server on loopback, told apart by path."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from meshvm_tui.lab.connections import abort_all
from meshvm_tui.lab.google import batch
from meshvm_tui.lab.google.batch import Asked
from meshvm_tui.lab.google.catalogue_api import CatalogueApi
from meshvm_tui.lab.google.container import ContainerApi
from meshvm_tui.lab.google.credentials import TOKEN_PATH
from meshvm_tui.lab.google.errors import GoogleError, invalid
from meshvm_tui.lab.google.firewalls_api import FirewallsApi
from meshvm_tui.lab.google.gate import Gate
from meshvm_tui.lab.google.instance_lives import InstanceLives
from meshvm_tui.lab.google.instances_api import InstancesApi
from meshvm_tui.lab.google.oauth import OAuth, TokenRefused
from meshvm_tui.lab.google.operations import Operations
from meshvm_tui.lab.google.os_login import OsLogin
from meshvm_tui.lab.google.projects_api import ProjectsApi
from meshvm_tui.lab.google.routes import Call, Route
from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.google.world import CloudWorld

JSON = dict[str, Any]
_MAX_BODY = 2 * 1024 * 1024  # bytes
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_CUT = 0  # the status in the log of an answer that was cut off


class _CutOff(Exception):
    """The connection is to be cut instead of an answer."""


class GoogleApi:
    """Compute Engine, GKE, OS Login, Resource Manager, Service Usage, IAM Credentials and the OAuth token endpoint.

    All of them share one base URL, as their paths do not collide: Compute Engine is below /compute/v1/, the token
    endpoint is /token."""

    def __init__(self, cloud: Cloud, world: CloudWorld) -> None:
        self._cloud = cloud
        self._operations = Operations(cloud)
        self._lives = InstanceLives(cloud, world.host, self._operations)
        self._oauth = OAuth(cloud)
        projects = ProjectsApi(cloud, self._operations)
        self._gate = Gate(cloud.faults, self._oauth, projects)
        self._routes = [
            *InstancesApi(cloud, world.host, self._operations).routes(),
            *FirewallsApi(cloud, self._operations).routes(),
            *self._operations.routes(),
            *CatalogueApi(cloud, world.cluster.pod_range).routes(),
            *projects.routes(),
            *ContainerApi(world.cluster, cloud.faults).routes(),
            *OsLogin(cloud).routes(),
            *self._oauth.routes(),
        ]
        self._cuts: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._base = ""

    async def start(self, address: str, port: int = 0) -> str:
        """Boots what ran before, goes on with operations of an earlier life, and listens, on a free port where none is
        named; gives the base URL, such as http://127.3.4.5:8090, without a trailing slash."""
        await self._lives.boot_all()
        self._operations.resume()
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, address, port).start()
        self._base = f"http://{address}:{self._runner.addresses[0][1]}"
        return self._base

    async def stop(self) -> None:
        """Ends every request and operation under way; what they left undone goes on with the next start."""
        await self._operations.stop()
        await self._lives.settle()
        if self._runner is not None:
            served = self._runner.server
            transports = [handler.transport for handler in served.connections] if served else []
            await self._runner.cleanup()
            await abort_all(transports)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == TOKEN_PATH:
            return await self._token(request)
        authorization = request.headers.get("Authorization", "")
        if request.path.startswith(batch.PATH):
            return await self._batch(request, authorization)
        query = {name: request.query.getall(name) for name in request.query}
        status, answer = await self._one(
            Asked(request.method, request.path, query, await request.read(), authorization)
        )
        if status == _CUT:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.json_response(answer, status=status)

    async def _batch(self, request: web.Request, authorization: str) -> web.Response:
        try:
            asked = batch.parts(request.headers.get("Content-Type", ""), await request.read(), authorization)
        except GoogleError as refused:
            return web.json_response(refused.body(), status=refused.status)
        answers = [(number, *await self._one(part)) for number, part in asked]
        kind, body = batch.answer([(number, status or 503, answer) for number, status, answer in answers])
        return web.Response(body=body, headers={"Content-Type": kind})

    async def _one(self, asked: Asked) -> tuple[int, JSON]:
        """The status (0 where the connection is to be cut) and the JSON of one request, which is logged."""
        route, values = self._find(asked.method, asked.path)
        body: Any = None
        try:
            body = _json(asked.body)
            answer, status = await self._answer(asked, route, values, body), 200
        except GoogleError as refused:
            answer, status = refused.body(), refused.status
        except _CutOff:
            answer, status = {}, _CUT
        query = {name: given[0] if len(given) == 1 else given for name, given in asked.query.items()}
        api = route.api if route else _api_of(asked.path)
        self._cloud.log(api=api, method=asked.method, path=asked.path, query=query, body=body, status=status)
        return status, answer

    async def _answer(self, asked: Asked, route: Route | None, values: dict[str, str], body: Any) -> JSON:
        if route is None:
            raise GoogleError(
                404, f"The requested URL {asked.path} was not found on this server.", "notFound", rpc=True
            )
        await self._gate.delay()
        self._gate.check_load(route.api)
        email = self._gate.who(asked.authorization, route)
        last = {name: given[-1] for name, given in asked.query.items()}
        call = Call(asked.path, values, last, asked.query, body if isinstance(body, dict) else {}, email)
        with self._cloud.lock:
            self._gate.check_project(route, call)
            answer = self._carry_out(route, call)
        if isinstance(answer, Awaitable):
            answer = await answer
        if self._is_to_be_cut(route.name):
            raise _CutOff
        return answer

    def _carry_out(self, route: Route, call: Call) -> JSON | Awaitable[JSON]:
        if not route.changes:
            return route.answer(call)
        given = call.query.get("requestId", "")
        if given and (not _UUID.fullmatch(given) or not given.strip("0-")):
            raise invalid("requestId", given, "The request ID must be a valid UUID, and not the zero UUID.")
        return self._operations.replayed(call) or route.answer(call)

    def _find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        for route in self._routes:
            if route.verb == method and (found := route.pattern.fullmatch(path)):
                return route, found.groupdict()
        return None, {}

    def _is_to_be_cut(self, name: str) -> bool:
        """google-cut-after: once for each method that it names."""
        faults = self._cloud.faults
        if not faults.active("google-cut-after"):
            self._cuts.clear()
            return False
        wanted = faults.value("google-cut-after")
        if wanted not in (name, name.rpartition(".")[2]) or wanted in self._cuts:
            return False
        self._cuts.add(wanted)
        return True

    async def _token(self, request: web.Request) -> web.Response:
        await self._gate.delay()
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            answer, status = self._oauth.token(form, f"{self._base}{TOKEN_PATH}"), 200
        except TokenRefused as refused:
            answer, status = refused.body, 400
        # Neither the form nor the answer is for a log: both let one in.
        self._cloud.log(api="oauth2", method=request.method, path=TOKEN_PATH, query={}, body=None, status=status)
        return web.json_response(answer, status=status)


def _json(raw: bytes) -> Any:
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise GoogleError(400, f"Invalid JSON payload received. {error}", "parseError", rpc=True) from None


def _api_of(path: str) -> str:
    return "compute" if path.startswith("/compute/") else "unknown"
