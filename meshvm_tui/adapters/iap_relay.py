"""One websocket to IAP's relay: how it is called, what its answers mean, how it is left."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from meshvm_tui import __version__
from meshvm_tui.adapters import iap_frames as frames
from meshvm_tui.adapters.google_errors import problem_from
from meshvm_tui.problems import PermanentError, Problem, TransientError

SUBPROTOCOL, ORIGIN = "relay.tunnel.cloudproxy.app", "bot:iap-tunneler"
CONNECT_SECONDS = 60.0
GOODBYE_SECONDS = 0.5
REAUTHENTICATE = 4004
"""The only close code after which the relay keeps the session although it closed the connection itself."""
NO_BACKEND, NOT_AUTHORIZED = 4003, 4033
FINAL = {NO_BACKEND: "MVM-826", NOT_AUTHORIZED: "MVM-827"}


@dataclass(frozen=True)
class RelayService:
    """Where the relay is and what it is told: `where` is for words, `token` gives a fresh access token each time,
    `authorities` is a file, or "" for those that requests trusts."""

    endpoint: str
    where: str
    token: Callable[[], str]
    authorities: str = ""

    def call(self, verb: str, query: Mapping[str, object]) -> RelayWebsocket:
        """A websocket. Problems are those of the handshake."""
        import websocket

        url = f"{self.endpoint}/{verb}?{urlencode(query)}"
        headers = [f"Authorization: Bearer {self.token()}", f"User-Agent: meshvm-tui/{__version__}"]
        try:
            made = websocket.create_connection(
                url,
                timeout=CONNECT_SECONDS,
                header=headers,
                origin=ORIGIN,
                subprotocols=[SUBPROTOCOL],
                enable_multithread=True,
                sockopt=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
                **self._way(url),
            )
        except websocket.WebSocketBadStatusException as error:
            raise self._refused(int(error.status_code)) from None
        except ssl.SSLError as error:
            raise problem_from(error, self.where) from None
        except (websocket.WebSocketException, OSError) as error:
            raise TransientError("MVM-828", f"{self.where}: {error}") from None
        return RelayWebsocket(made, self.where)

    def _way(self, url: str) -> dict[str, Any]:
        """How the relay is reached. Without TLS it is on loopback, and the library would ask the environment's proxy
        for it all the same: it gets a connection that stands."""
        if url.startswith("wss:"):
            return {"sslopt": {"ca_certs": self.authorities or _trusted()}}
        place = urlsplit(url)
        near = socket.create_connection((place.hostname or "", place.port or 80), CONNECT_SECONDS)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return {"socket": near}

    def _refused(self, status: int) -> Problem:
        """By the handshake's status. Its headers, which hold our token, are not repeated."""
        words = f"{self.where}: IAP answered {status}"
        if status in (401, 403):
            return PermanentError("MVM-827", words)
        return TransientError("MVM-828", words) if status >= 500 or status == 429 else PermanentError("MVM-828", words)


class RelayWebsocket:
    """An open websocket. One thread receives, and it alone closes; others may send, one at a time."""

    def __init__(self, websocket: Any, where: str) -> None:
        self._websocket = websocket
        self._where = where

    def first(self, tag: int) -> frames.Frame:
        """The relay's first frame, which has to be this one."""
        frame = self.next()
        if frame.tag != tag:
            raise PermanentError("MVM-828", f"{self._where}: the relay began with a frame of tag {frame.tag}")
        self._websocket.settimeout(None)
        return frame

    def next(self) -> frames.Frame:
        """The next frame; a Problem where the relay closes or breaks, transient where it may be come back to."""
        import websocket

        try:
            kind, message = self._websocket.recv_data()
        except (websocket.WebSocketException, OSError) as error:
            raise TransientError("MVM-828", f"{self._where}: {error or type(error).__name__}") from None
        if kind == websocket.ABNF.OPCODE_CLOSE:
            raise self._closed(message)
        if kind != websocket.ABNF.OPCODE_BINARY:
            raise PermanentError("MVM-828", f"{self._where}: the relay sent what is no frame")
        try:
            return frames.decode(message)
        except frames.FrameError as error:
            raise PermanentError("MVM-828", f"{self._where}: {error}") from None

    def send(self, frame: bytes) -> None:
        """A send that fails is made good by the reconnection that the receiving thread begins."""
        import websocket

        with contextlib.suppress(websocket.WebSocketException, OSError):
            self._websocket.send_binary(frame)

    def say_goodbye(self) -> None:
        """A close frame, so that the relay does not wait for us to come back."""
        import websocket

        with contextlib.suppress(websocket.WebSocketException, OSError, AttributeError):
            self._websocket.settimeout(GOODBYE_SECONDS)
            self._websocket.send_close()

    def wake(self) -> None:
        """Ends the connection, so that the receiving thread reads its end: closed under its hands, it would read on."""
        with contextlib.suppress(OSError, AttributeError):
            self._websocket.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the socket at once."""
        self._websocket.shutdown()

    def _closed(self, message: bytes) -> Problem:
        code = int.from_bytes(message[:2], "big") if len(message) >= 2 else 0
        words = f"{self._where}: {code} {message[2:].decode(errors='replace')}".rstrip()
        if code in FINAL:
            # While a machine boots nothing listens there yet.
            return (TransientError if code == NO_BACKEND else PermanentError)(FINAL[code], words)
        if code in (0, 1001, 1005, 1006, REAUTHENTICATE):
            return TransientError("MVM-828", words)
        return PermanentError("MVM-828", words)


def _trusted() -> str:
    """The authorities that Google's other APIs are called with."""
    import certifi

    return os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
