"""The API server: TLS, who asks and what they may do, and the way of each request to what answers it."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import ssl
import tempfile
from pathlib import Path
from typing import Any

from aiohttp import web

from meshvm_tui.lab.authority import Authority, write_secret
from meshvm_tui.lab.cluster_api import bodies, discovery, openapi, scale
from meshvm_tui.lab.cluster_api.access import ANONYMOUS, Access, Question, User, refusal
from meshvm_tui.lab.cluster_api.calls import Call
from meshvm_tui.lab.cluster_api.deletions import Deletions
from meshvm_tui.lab.cluster_api.errors import ApiError, method_not_allowed, no_such_path
from meshvm_tui.lab.cluster_api.fault_answers import FaultAnswers
from meshvm_tui.lab.cluster_api.hooks import Hooks
from meshvm_tui.lab.cluster_api.kinds import REVIEW_GROUPS
from meshvm_tui.lab.cluster_api.lists import Lists, Selection, encoded, render_one, view
from meshvm_tui.lab.cluster_api.namespaces import empty_terminating
from meshvm_tui.lab.cluster_api.pod_logs import pod_log
from meshvm_tui.lab.cluster_api.request_info import RequestInfo, parse
from meshvm_tui.lab.cluster_api.request_log import RequestLog
from meshvm_tui.lab.cluster_api.resources import Resources
from meshvm_tui.lab.cluster_api.reviews import Reviews
from meshvm_tui.lab.cluster_api.watches import Watch
from meshvm_tui.lab.connections import abort_all
from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.objects import Objects
from meshvm_tui.lab.tokens import Tokens

JSON = dict[str, Any]
_MAX_BODY = 3 * 1024 * 1024  # bytes, as kube-apiserver
_HEALTH = ("/healthz", "/livez", "/readyz")
_YEAR = 365 * 86400.0
_USER = web.RequestKey("user", str)


class ClusterApi:
    """The lab's API server on one address. `directory` keeps the admin's token and the log of requests."""

    def __init__(
        self,
        objects: Objects,
        authority: Authority,
        tokens: Tokens,
        hooks: Hooks | None = None,
        *,
        directory: Path | None = None,
        faults: Faults | None = None,
    ) -> None:
        self._objects = objects
        self._authority = authority
        self._hooks = hooks or Hooks()
        self._faults = faults or Faults()
        self._fault_answers = FaultAnswers(self._faults)
        self.admin_token = _admin_token(directory)
        self._log = RequestLog(directory / "requests.jsonl" if directory else None)
        self._access = Access(objects, tokens, self.admin_token, self._hooks.cloud_email)
        self._lists = Lists(objects)
        self._resources = Resources(objects)
        self._deletions = Deletions(objects, self._hooks.pod_stop_seconds)
        self._reviews = Reviews(objects, self._access, tokens)
        self._runner: web.AppRunner | None = None
        self._emptying: asyncio.Task[None] | None = None
        self._watches: set[asyncio.Task[Any]] = set()
        self._address = ""
        tokens.account_uid = self._account_uid
        objects.mutate_pod = self._hooks.mutate_pod

    async def start(self, host: str, port: int = 0) -> str:
        """Listens with TLS, on a free port where none is named; gives the URL."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self._tls(host))
        await site.start()
        bound = self._runner.addresses[0][1]
        self._address = f"{host}:{bound}"
        self._emptying = asyncio.create_task(empty_terminating(self._objects))
        return f"https://{self._address}"

    async def stop(self) -> None:
        """Ends every watch and every connection."""
        if self._emptying is not None:
            self._emptying.cancel()
            await asyncio.gather(self._emptying, return_exceptions=True)
        for watch in list(self._watches):
            watch.cancel()
        if self._runner is not None:
            served = self._runner.server
            transports = [handler.transport for handler in served.connections] if served else []
            await self._runner.cleanup()
            await abort_all(transports)
        self._log.close()

    def forget_history(self) -> None:
        """Makes every resourceVersion and continue token given so far too old (as after a compaction)."""
        self._objects.forget_changes()
        self._lists.forget()

    def _account_uid(self, namespace: str, name: str) -> str | None:
        record = self._objects.record("core/serviceaccounts", namespace, name)
        return record.obj["metadata"]["uid"] if record else None

    def _tls(self, host: str) -> ssl.SSLContext:
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
        ips = {"127.0.0.1", *([host] if _is_ip(host) else [])}
        certificate, key = self._authority.issue("kube-apiserver", dns=names, ips=sorted(ips), ttl=_YEAR)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with tempfile.TemporaryDirectory(prefix="meshvm-lab-") as folder:  # ssl reads keys from files only
            file = Path(folder) / "serving.pem"
            write_secret(file, certificate + key)
            context.load_cert_chain(file)
        return context

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            answer = await self._answer(request)
        except ApiError as refused:
            headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
            if refused.plain:
                answer = web.Response(text=f"{refused.message}\n", status=refused.code)
            else:
                answer = web.json_response(refused.status(), status=refused.code, headers=headers)
        except web.HTTPRequestEntityTooLarge:
            told = f"Request entity too large: limit is {_MAX_BODY}"
            answer = web.json_response(ApiError(413, "RequestEntityTooLarge", told).status(), status=413)
        self._log.write(
            time=self._objects.clock.timestamp(),
            method=request.method,
            path=request.path,
            query=request.query,
            agent=request.headers.get("User-Agent", ""),
            user=request.get(_USER, ""),
            status=answer.status,
        )
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._fault_answers.check_any()
        await self._fault_answers.delay()
        user = self._access.authenticate(request.headers.get("Authorization", ""))
        request[_USER] = user.name
        info = None
        if request.path.startswith(("/api/", "/apis/")):
            review = self._review_name(request.path)
            if review:
                return await self._review(request, user, review)
            info = parse(self._objects.kinds, request.method, request.path, request.query)
        if info is None:
            return self._plain(request, user)
        self._fault_answers.check_resource(user, info)
        self._access.check(user, info)
        return await self._route(request, user, info)

    async def _route(self, request: web.Request, user: User, info: RequestInfo) -> web.StreamResponse:
        if info.resource in {"pods/exec", "pods/attach", "pods/portforward"}:
            raise ApiError(403, "Forbidden", f"{info.resource} is not offered: the lab's Pods run nothing on this host")
        match info.verb:
            case "list":
                return _json(self._lists.answer(info, request.query, request.headers.get("Accept", "")))
            case "watch":
                return await self._watch(request, info)
            case "get":
                return self._get(request, info)
        if info.resource == "serviceaccounts/token":
            return await self._token(request, info)
        return await self._write(request, user, info)

    def _get(self, request: web.Request, info: RequestInfo) -> web.Response:
        if info.resource == "pods/log":
            return pod_log(self._objects, self._hooks, request, info)
        if info.subresource == "scale" and info.kind.key in scale.SCALABLE:
            return _json(encoded(scale.of(self._objects.need(info.kind, info.home, info.name))))
        return self._one(request, info, self._resources.get(info))

    async def _write(self, request: web.Request, user: User, info: RequestInfo) -> web.StreamResponse:
        call = Call(
            info,
            request.query,
            request.headers.get("Content-Type", ""),
            await request.read(),
            request.headers.get("User-Agent", ""),
        )
        if info.subresource == "scale" and info.kind.key in scale.SCALABLE:
            return _json(encoded(scale.write(self._objects, call)))
        match info.verb:
            case "create":
                self._fault_answers.check_creation(info)
                answer = self._resources.create(call)
            case "update":
                answer = self._resources.update(call)
            case "patch":
                creation = Question("create", info.kind.group, info.resource, info.namespace, info.name)
                answer = self._resources.patch(call, lambda: self._may_create(user, creation, info))
            case "delete":
                answer = self._deletions.delete(call)
            case "deletecollection":
                selection = Selection(info, request.query)
                records = self._objects.records(info.kind.key, selection.namespace)
                selected = [record.obj for record in records if selection.matches(record)]
                return _json(encoded(self._deletions.delete_collection(info, selected, call)))
            case _:
                raise method_not_allowed()
        if answer.obj.get("kind") == "Status":
            return _json(encoded(answer.obj), answer.code)
        return self._one(request, info, answer.obj, answer.code, answer.warnings)

    def _may_create(self, user: User, creation: Question, info: RequestInfo) -> None:
        self._demand(user, creation)
        self._fault_answers.check_creation(info)

    def _demand(self, user: User, question: Question) -> None:
        if not self._access.allowed(user, question):
            raise refusal(user, question)

    def _one(
        self, request: web.Request, info: RequestInfo, obj: JSON, code: int = 200, warnings: tuple[str, ...] = ()
    ) -> web.Response:
        wanted = view(request.headers.get("Accept", ""), request.query)
        answer = _json(render_one(info, obj, wanted, self._objects.clock.now()), code)
        for warning in warnings:
            escaped = warning.replace("\\", "\\\\").replace('"', '\\"')
            answer.headers.add("Warning", f'299 - "{escaped}"')
        return answer

    async def _watch(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        watch = Watch(self._objects, self._faults, info, request.query, request.headers.get("Accept", ""))
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._watches.add(task)
            task.add_done_callback(self._watches.discard)
        try:
            async for block in watch.lines():
                await response.write(block)
            if self._faults.active("watch-cut") and request.transport is not None:
                request.transport.abort()
                return response
            await response.write_eof()
        except ConnectionResetError:
            pass  # the client has gone, as clients of watches do
        return response

    async def _token(self, request: web.Request, info: RequestInfo) -> web.Response:
        if info.verb != "create":
            raise method_not_allowed()
        body = bodies.read_object(request.headers.get("Content-Type", ""), await request.read())
        return _json(encoded(self._reviews.token(info, body)), 201)

    def _review_name(self, path: str) -> str:
        parts = path.strip("/").split("/")
        if len(parts) == 4 and REVIEW_GROUPS.get(parts[1]) == parts[2]:
            return f"{parts[1]}/{parts[3]}"
        return ""

    async def _review(self, request: web.Request, user: User, review: str) -> web.Response:
        if request.method != "POST":
            raise method_not_allowed()
        group, _, plural = review.partition("/")
        self._demand(user, Question("create", group, plural))
        body = bodies.read_object(request.headers.get("Content-Type", ""), await request.read())
        answer = self._reviews.answer(plural, user, body)
        if answer is None:
            raise no_such_path()
        return _json(encoded(answer), 201)

    def _plain(self, request: web.Request, user: User) -> web.Response:
        path = request.path.rstrip("/") or "/"
        if request.method not in {"GET", "HEAD"} and user is not ANONYMOUS:
            raise no_such_path()
        self._access.check_path(user, request.method.lower(), path)
        if path.startswith(_HEALTH):
            return web.Response(text="ok")
        if path == "/openapi/v3":
            return _json(encoded(openapi.index(self._objects.kinds)))
        if path.startswith("/openapi/v3/"):
            return _json(encoded(openapi.document(self._objects.kinds, path)))
        return _json(encoded(discovery.answer(self._objects.kinds, path, self._address)))


def _json(body: bytes, code: int = 200) -> web.Response:
    return web.Response(body=body, status=code, content_type="application/json")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _admin_token(directory: Path | None) -> str:
    file = directory / "admin-token" if directory else None
    if file is not None and file.exists():
        return file.read_text().strip()
    token = secrets.token_urlsafe(32)
    if file is not None:
        write_secret(file, token)
    return token
