"""A TCP connection to an instance through Identity-Aware Proxy, without gcloud.

One end of a socket pair is given away; two daemon threads carry bytes between the other end and the relay's websocket.
A relay that goes away is come back to with what it has not confirmed, as gcloud does: pauses from 1.5 s that grow by
a tenth up to 20 s, for 15 minutes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from meshvm_tui.adapters import iap_frames as frames
from meshvm_tui.adapters.iap_relay import GOODBYE_SECONDS, RelayService, RelayWebsocket
from meshvm_tui.problems import PermanentError, Problem, TransientError


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
    service = RelayService(endpoint, f"{target.instance}:{target.port} through IAP", token, authorities)
    tunnel = _Tunnel(service, target, patience or Patience())
    try:
        tunnel.connect()
    except BaseException:
        tunnel.let_go()
        raise
    return tunnel.start()


class _Tunnel:
    def __init__(self, service: RelayService, target: IapTarget, patience: Patience) -> None:
        self._service, self._target, self._patience = service, target, patience
        self._ledger = frames.Ledger()
        self._lock = threading.Condition()
        self._sending = threading.Lock()
        self._relay: RelayWebsocket | None = None
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
        self._relay = self._service.call("connect", query)
        self._sid = self._relay.first(frames.CONNECTED).data.decode("ascii", errors="replace")

    def start(self) -> TunnelSocket:
        given, near = socket.socketpair()
        self._near = near
        self._given = TunnelSocket(given.family, given.type, given.proto, given.detach())
        for work, name in ((self._send_all, "out"), (self._receive_all, "in")):
            threading.Thread(target=work, name=f"meshvm-iap-{name}", daemon=True).start()
        return self._given

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

    def _next(self) -> frames.Frame:
        if self._relay is None:
            raise TransientError("MVM-828", self._service.where)
        return self._relay.next()

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
            raise PermanentError("MVM-828", f"{self._service.where}: {error}") from None

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
            self.let_go()
            self._relay = self._service.call("reconnect", query)
            self._confirm(self._relay.first(frames.RECONNECTED).count)
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
        relay = self._relay
        if relay is None:
            return
        if self._sending.acquire(timeout=GOODBYE_SECONDS):
            relay.say_goodbye()
            self._sending.release()
        relay.wake()

    def _send(self, frame: bytes) -> None:
        if self._relay is not None:
            self._relay.send(frame)

    def let_go(self) -> None:
        """Closes the websocket, if there is one."""
        if self._relay is not None:
            self._relay.close()
