"""What a rig's machines find on its bridge: a name server, and a web server that gives out packages."""

from __future__ import annotations

import asyncio
import http.server
import threading

from tests.real_vm.stub import dns_server


class NameServer:
    """Answers from `names` (name -> address) on the bridge's port 53; every other name does not exist."""

    def __init__(self, address: str) -> None:
        self.names: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._transport = self._loop.run_until_complete(dns_server.serve((address, 53), lambda: self.names))
        self._thread = threading.Thread(target=self._loop.run_forever, name="names", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Closes the port."""
        self._loop.call_soon_threadsafe(self._transport.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(asyncio.sleep(0))  # in which the transport lets its socket go
        self._loop.close()


class Downloads:
    """Gives out `files` (path -> content) over HTTP and remembers who asked for what."""

    def __init__(self, address: str) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self._server = http.server.ThreadingHTTPServer((address, 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="downloads", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        files, asked = self.files, self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.client_address[0], self.path))
                found = files.get(self.path)
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(found or b"")))
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Says nothing."""

        return Handler
