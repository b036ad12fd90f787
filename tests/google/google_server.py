"""A loopback server that plays Google for tests of the adapter: answers by method, every request judged and recorded.

The one server stands for all APIs; those besides Compute Engine are told apart by the first part of the path, which
their endpoint override holds. A test gives answers by method id, such as `compute.instances.get`.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from meshvm_tui.adapters.google_compute import GoogleCompute
from meshvm_tui.adapters.google_compute_calls import ComputeCalls
from meshvm_tui.adapters.google_credentials import GoogleLogin
from meshvm_tui.adapters.google_rest import GoogleRest
from meshvm_tui.adapters.google_settings import read_settings
from meshvm_tui.compute_ports import JSON
from tests.google.discovery import DOCUMENTS, judge, judge_answer, method_id

TOKEN = "token-of-the-test"


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    id: str
    api: str
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str] = field(repr=False)
    """By their names in small letters."""


@dataclass(frozen=True)
class Answer:
    """What is sent back. `cut` ends the connection instead; `until` holds the answer back until it is set."""

    body: JSON = field(default_factory=dict)
    status: int = 200
    cut: bool = False
    until: threading.Event | None = None
    raw: bytes | None = None


Given = JSON | Answer | Callable[[Asked], "JSON | Answer"]


class GoogleServer:
    """`answers` is what a method always says; `once` what it says the next times. `asked` are all requests in order,
    `violations` what the discovery documents have against them or against the answers."""

    def __init__(self) -> None:
        self.answers: dict[str, Given] = {}
        self.once: dict[str, deque[Given]] = defaultdict(deque)
        self.asked: list[Asked] = []
        self.violations: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def environment(self, folder: Path) -> dict[str, str]:
        """gcloud's variables that lead a client here."""
        others = {api: f"{self.url}/{api}/" for api in DOCUMENTS if api != "compute"}
        endpoints = others | {"compute": f"{self.url}/compute/v1/"}
        return {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}": url for api, url in endpoints.items()} | {
            "CLOUDSDK_CONFIG": str(folder),
            "CLOUDSDK_AUTH_ACCESS_TOKEN": TOKEN,
            "CLOUDSDK_CORE_PROJECT": "lab-project-1",
            "CLOUDSDK_COMPUTE_ZONE": "us-central1-a",
            "HOME": str(folder),
        }

    def ids(self) -> list[str]:
        """The methods that were asked, in order."""
        return [asked.id for asked in self.asked]

    def answer(self, asked: Asked) -> Answer:
        """Judges and answers one request."""
        self.asked.append(asked)
        said = judge(asked.api, asked.method, asked.path, asked.query, asked.body)
        self.violations += [f"{asked.method} {asked.path}: {words}" for words in said]
        waiting = self.once[asked.id]
        given = waiting.popleft() if waiting else self.answers.get(asked.id, _not_found(asked))
        found = given(asked) if callable(given) else given
        answer = found if isinstance(found, Answer) else Answer(found)
        if answer.status == 200 and not answer.cut and answer.raw is None:
            wrong = judge_answer(asked.api, asked.method, asked.path, answer.body)
            self.violations += [f"answer to {asked.id}: {words}" for words in wrong]
        return answer


def error(http_status: int, message: str, reason: str, **more: Any) -> Answer:
    """An error as Google's APIs word it."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return Answer({"error": {"code": http_status, "message": message, "errors": errors} | more}, http_status)


@contextmanager
def google(folder: Path) -> Iterator[tuple[GoogleServer, GoogleCompute]]:
    """A server with the adapter against it; at the end nothing may have violated Google's documents."""
    server = GoogleServer()
    server.start()
    login = GoogleLogin(read_settings(server.environment(folder)))
    adapter = GoogleCompute(login, GoogleRest(login), ComputeCalls(login))
    try:
        yield server, adapter
    finally:
        adapter.close()
        login.close()
        server.stop()
    assert server.violations == []


def _not_found(asked: Asked) -> Answer:
    path = asked.path.removeprefix("/compute/v1/")
    return error(404, f"The resource '{path}' was not found", "notFound")


def _handler(server: GoogleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nobody reads it."""

        def answer_one(self) -> None:
            with suppress(ConnectionError):
                self._send(server.answer(self._asked()))

        def _asked(self) -> Asked:
            parts = urlsplit(self.path)
            first, _, rest = parts.path.lstrip("/").partition("/")
            api, path = ("compute", parts.path) if first not in DOCUMENTS or first == "compute" else (first, f"/{rest}")
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            named = method_id(api, self.command, path)
            query = parse_qs(parts.query, keep_blank_values=True)
            return Asked(
                named,
                api,
                self.command,
                path,
                query,
                body,
                {name.lower(): value for name, value in self.headers.items()},
            )

        def _send(self, answer: Answer) -> None:
            if answer.until:
                answer.until.wait(30)
            if answer.cut:
                self.close_connection = True
                return
            body = json.dumps(answer.body).encode() if answer.raw is None else answer.raw
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json" if answer.raw is None else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    for verb in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler.answer_one)
    return Handler
