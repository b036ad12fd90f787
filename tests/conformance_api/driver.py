"""A thin HTTP driver of an API server: what goes over the wire is what the test says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.conformance_api.servers import Server

JSON = dict[str, Any]
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True)
class Reply:
    """An answer."""

    code: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def text(self) -> str:
        return self.data.decode()


class Driver:
    """Sends requests as one user."""

    def __init__(self, server: Server, token: str | None = None) -> None:
        self.server = server
        self.token = server.token if token is None else token
        self._pool = urllib3.PoolManager(ca_certs=str(server.ca_file), retries=False)

    def close(self) -> None:
        self._pool.clear()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = "application/json",
        accept: str = "application/json",
        agent: str = "conformance/1.0",
    ) -> Reply:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        answer = self._pool.request(
            method, self.server.url + path, body=data, headers=self._headers(media, accept, agent), timeout=10
        )
        return Reply(answer.status, dict(answer.headers), answer.data)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The answer's JSON; anything but 2xx fails the test."""
        reply = self.call(method, path, body, **more)
        assert reply.code < 300, f"{method} {path}: {reply.code} {reply.text}"
        return reply.json

    def refused(self, code: int, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The Status of a refusal with this code."""
        reply = self.call(method, path, body, **more)
        assert reply.code == code, f"{method} {path}: {reply.code} instead of {code}: {reply.text}"
        assert reply.json["kind"] == "Status"
        return reply.json

    def apply(self, path: str, body: Any, manager: str, *, force: bool = False, **more: Any) -> Reply:
        query = f"?fieldManager={manager}" + ("&force=true" if force else "")
        return self.call("PATCH", path + query, body, media=APPLY, **more)

    @contextmanager
    def watch(self, path: str, *, accept: str = "application/json") -> Iterator[Iterator[Any]]:
        """The events of a watch as they come."""
        answer = self._pool.request(
            "GET",
            self.server.url + path,
            headers=self._headers("application/json", accept, "conformance/1.0"),
            preload_content=False,
            timeout=urllib3.Timeout(connect=5, read=15),
        )
        try:
            assert answer.status == 200, answer.data
            yield _events(answer)
        finally:
            answer.close()
            answer.release_conn()

    def _headers(self, type_: str, accept: str, agent: str) -> dict[str, str]:
        headers = {"Content-Type": type_, "Accept": accept, "User-Agent": agent}
        return {**headers, "Authorization": f"Bearer {self.token}"} if self.token else headers


def _events(answer: urllib3.BaseHTTPResponse) -> Iterator[Any]:
    rest = b""
    for chunk in answer.stream(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in lines if line)
