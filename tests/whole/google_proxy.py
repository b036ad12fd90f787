"""A proxy between the product and the lab's Google that kills the product when an answer has come and is not read."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def killing_proxy(base: str, wanted: Callable[[str, str], bool], kill: Callable[[], None]) -> Iterator[str]:
    """Serves on loopback and gives its base URL. The first request that is `wanted` (method, path) is carried out by
    the real server; then `kill` is called instead of answering."""
    once = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._forward()

        def do_POST(self) -> None:
            self._forward()

        def _forward(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, content = _ask(base + self.path, self, self.rfile.read(length) if length else None)
            if wanted(self.command, self.path.partition("?")[0]) and not once.is_set():
                once.set()
                kill()
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _ask(url: str, asked: BaseHTTPRequestHandler, body: bytes | None) -> tuple[int, bytes]:
    kept = {name: value for name, value in asked.headers.items() if name.lower() not in ("host", "connection")}
    request = urllib.request.Request(url, body, kept, method=asked.command)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
