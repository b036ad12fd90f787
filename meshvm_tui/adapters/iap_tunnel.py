"""A TCP connection to an instance through Identity-Aware Proxy, without gcloud.

One end of a socket pair is given away; two daemon threads carry bytes between the other end and the relay's websocket.
A relay that goes away is come back to with what it has not confirmed, as gcloud does: pauses from 1.5 s that grow by
a tenth up to 20 s, for 15 minutes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from meshvm_tui import __version__
from meshvm_tui.adapters import iap_frames as frames
from meshvm_tui.adapters.google_errors import problem_from
from meshvm_tui.problems import PermanentError, Problem, TransientError

SUBPROTOCOL, ORIGIN = "relay.tunnel.cloudproxy.app", "bot:iap-tunneler"
CONNECT_SECONDS = 60.0
REAUTHENTICATE = 4004
"""The only close code after which the relay keeps the session although it closed the connection itself."""
NO_BACKEND, NOT_AUTHORIZED = 4003, 4033
GOODBYE_SECONDS = 0.5
FINAL = {NO_BACKEND: "MVM-826", NOT_AUTHORIZED: "MVM-827"}


@dataclass(frozen=True)
class IapTarget:
    """A port of an instance's network interface."""

    project: str
    zone: str
    instance: str
    interface: str = "nic0"
    port: int = 22


@dataclass(frozen=True)
class Patience:
    """How long and how often a lost relay is come back to, in seconds."""

    first: float = 1.5
    factor: float = 1.1
    longest: float = 20.0
    altogether: float = 900.0


class TunnelSocket(socket.socket):
    """The end that is given away. `problem` is why the tunnel ended, where it did by itself."""

    problem: Problem | None = None


def open_tunnel(
    endpoint: str,
    token: Callable[[], str],
    target: IapTarget,
    *,
    patience: Patience | None = None,
    authorities: str = "",
) -> TunnelSocket:
    """A connected socket. `endpoint` is such as wss://tunnel.cloudproxy.app/v4; `token` gives a fresh access token
    whenever the relay is called; `authorities` is gcloud's own file of certificate authorities, where it has one: else
    those count that requests trusts. Raises MVM-804 where IAP's certificate is not trusted, MVM-826 where nothing
    answers behind IAP, MVM-827 where IAP refuses us, MVM-828 for the rest. Closing the socket ends the threads."""
    tunnel = _Tunnel(endpoint, token, target, patience or Patience(), authorities)
    try:
        tunnel.connect()
    except BaseException:
        tunnel.let_go()
        raise
    return tunnel.start()


class _Tunnel:
    def __init__(
        self, endpoint: str, token: Callable[[], str], target: IapTarget, patience: Patience, authorities: str
    ) -> None:
        self._endpoint, self._token, self._target, self._patience = endpoint, token, target, patience
        self._authorities = authorities
        self._ledger = frames.Ledger()
        self._lock = threading.Condition()
        self._sending = threading.Lock()
        self._relay: Any = None
        self._sid = ""
        self._over = False
        self._given: TunnelSocket | None = None
        self._near: socket.socket | None = None

    def connect(self) -> None:
        place = self._target
        query = {
            "project": place.project,
            "port": place.port,
            "newWebsocket": "True",
            "zone": place.zone,
            "instance": place.instance,
            "interface": place.interface,
        }
        self._relay = self._call("connect", query)
        first = self._first(frames.CONNECTED)
        self._sid = first.data.decode("ascii", errors="replace")

    def start(self) -> TunnelSocket:
        given, near = socket.socketpair()
        self._near = near
        self._given = TunnelSocket(given.family, given.type, given.proto, given.detach())
        for work, name in ((self._send_all, "out"), (self._receive_all, "in")):
            threading.Thread(target=work, name=f"meshvm-iap-{name}", daemon=True).start()
        return self._given

    def _call(self, verb: str, query: dict[str, Any]) -> Any:
        import websocket

        url = f"{self._endpoint}/{verb}?{urlencode(query)}"
        headers = [f"Authorization: Bearer {self._token()}", f"User-Agent: meshvm-tui/{__version__}"]
        try:
            return websocket.create_connection(
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
            raise problem_from(error, self._where) from None
        except (websocket.WebSocketException, OSError) as error:
            raise TransientError("MVM-828", f"{self._where}: {error}") from None

    def _way(self, url: str) -> dict[str, Any]:
        """How the relay is reached. Without TLS it is on loopback, and the library would ask the environment's proxy
        for it all the same: it gets a connection that stands."""
        if url.startswith("wss:"):
            return {"sslopt": {"ca_certs": self._authorities or _trusted()}}
        place = urlsplit(url)
        near = socket.create_connection((place.hostname or "", place.port or 80), CONNECT_SECONDS)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return {"socket": near}

    def _refused(self, status: int) -> Problem:
        """By the handshake's status. Its headers, which hold our token, are not repeated."""
        words = f"{self._where}: IAP answered {status}"
        if status in (401, 403):
            return PermanentError("MVM-827", words)
        return TransientError("MVM-828", words) if status >= 500 or status == 429 else PermanentError("MVM-828", words)

    @property
    def _where(self) -> str:
        return f"{self._target.instance}:{self._target.port} through IAP"

    def _first(self, tag: int) -> frames.Frame:
        """The relay's first frame, which has to be this one."""
        frame = self._next()
        if frame.tag != tag:
            raise PermanentError("MVM-828", f"{self._where}: the relay began with a frame of tag {frame.tag}")
        self._relay.settimeout(None)
        return frame

    def _next(self) -> frames.Frame:
        """The next frame; a Problem where the relay closes or breaks, transient where it may be come back to."""
        import websocket

        try:
            kind, message = self._relay.recv_data()
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

    def _closed(self, message: bytes) -> Problem:
        code = int.from_bytes(message[:2], "big") if len(message) >= 2 else 0
        words = f"{self._where}: {code} {message[2:].decode(errors='replace')}".rstrip()
        if code in FINAL:
            # While a machine boots nothing listens there yet.
            return (TransientError if code == NO_BACKEND else PermanentError)(FINAL[code], words)
        if code in (0, 1001, 1005, 1006, REAUTHENTICATE):
            return TransientError("MVM-828", words)
        return PermanentError("MVM-828", words)

    def _send_all(self) -> None:
        """Near end to relay. While the relay is away, what is read waits in the ledger."""
        near = self._near
        while near is not None and not self._over:
            with self._lock:
                self._lock.wait_for(lambda: self._over or self._ledger.has_room)
            try:
                data = near.recv(frames.LONGEST_DATA)
            except OSError:
                data = b""
            if not data:
                self._end(None)
                return
            with self._sending:
                self._ledger.keep(data)
                self._send(frames.data_frame(data))

    def _send(self, frame: bytes) -> None:
        """A send that fails is made good by the reconnection that the other thread begins."""
        import websocket

        with contextlib.suppress(websocket.WebSocketException, OSError):
            self._relay.send_binary(frame)

    def _receive_all(self) -> None:
        try:
            self._receive_until_over()
        finally:
            self.let_go()  # a relay that came back while the near end was being closed, too

    def _receive_until_over(self) -> None:
        while not self._over:
            try:
                self._take(self._next())
            except TransientError as problem:
                if problem.code != "MVM-828":
                    self._end(problem)
                elif not self._over:
                    self._come_back(problem)
            except Problem as problem:
                self._end(problem)
            except OSError:
                self._end(None)  # nobody reads at the near end any more

    def _take(self, frame: frames.Frame) -> None:
        near = self._near
        if frame.tag == frames.DATA and near is not None:
            near.sendall(frame.data)
            if self._ledger.take(frame.data):
                self._acknowledge()
        elif frame.tag == frames.ACK:
            self._confirm(frame.count)

    def _acknowledge(self) -> None:
        self._ledger.acknowledged = self._ledger.received
        with self._sending:
            self._send(frames.ack_frame(self._ledger.received))

    def _confirm(self, count: int) -> None:
        try:
            with self._lock:
                self._ledger.confirm(count)
                self._lock.notify_all()
        except frames.FrameError as error:
            raise PermanentError("MVM-828", f"{self._where}: {error}") from None

    def _come_back(self, lost: Problem) -> None:
        """The same session over a new websocket, with what the relay has not confirmed."""
        pause, end = self._patience.first, time.monotonic() + self._patience.altogether
        problem: Problem = lost
        while time.monotonic() < end:
            with self._lock:
                if self._lock.wait_for(lambda: self._over, timeout=pause):
                    return
            pause = min(pause * self._patience.factor, self._patience.longest)
            try:
                self._reconnect()
            except TransientError as again:
                problem = again
            except Problem as final:
                self._end(final)
                return
            else:
                return
        self._end(problem)

    def _reconnect(self) -> None:
        query = {"sid": self._sid, "ack": self._ledger.received, "newWebsocket": "True", "zone": self._target.zone}
        with self._sending:
            self._relay.shutdown()
            self._relay = self._call("reconnect", query)
            self._confirm(self._first(frames.RECONNECTED).count)
            self._ledger.acknowledged = self._ledger.received
            for data in self._ledger.to_send_again():
                self._send(frames.data_frame(data))

    def _end(self, problem: Problem | None) -> None:
        with self._lock:
            if self._over:
                return
            self._over = True
            self._lock.notify_all()
        if self._given is not None:
            self._given.problem = problem
        if self._near is not None:
            with contextlib.suppress(OSError):
                self._near.shutdown(socket.SHUT_RDWR)
            self._near.close()
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        """A close frame, so that the relay does not wait for us to come back; and the receiving thread wakes up, which
        closes the websocket: closed under its hands, its read would go on."""
        import websocket

        relay = self._relay
        if self._sending.acquire(timeout=GOODBYE_SECONDS):
            try:
                with contextlib.suppress(websocket.WebSocketException, OSError, AttributeError):
                    relay.settimeout(GOODBYE_SECONDS)
                    relay.send_close()
            finally:
                self._sending.release()
        with contextlib.suppress(OSError, AttributeError):
            relay.sock.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        """Closes the websocket, if there is one."""
        if self._relay is not None:
            self._relay.shutdown()


def _trusted() -> str:
    """The authorities that Google's other APIs are called with."""
    import certifi

    return os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
