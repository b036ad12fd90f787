"""One SSH connection: our own socket (paramiko never sets TCP_NODELAY), the host key checked before anything is
sent, and commands that read standard input and give lines as they come.

Each host on the way is a connection of its own through the one before. Agent forwarding is off.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.ssh_command import TURN_SECONDS, Command
from meshvm_tui.adapters.ssh_errors import problem_from
from meshvm_tui.adapters.ssh_host_keys import OTHER_KEY_TYPE, UNKNOWN_HOST_KEY, ShownKey
from meshvm_tui.adapters.ssh_sessions import Sessions
from meshvm_tui.problems import Cancelled, Problem, TransientError

if TYPE_CHECKING:
    from meshvm_tui.adapters.ssh_target import SshTarget
    from meshvm_tui.adapters.ssh_transport import Transport

CONNECT_SECONDS = 10.0
SESSION_SECONDS = 15.0
DEAD_PEER_MILLISECONDS = 30_000


class SshConnection:
    """A connection that is open until closed. Every error comes out as a Problem."""

    def __init__(self, target: SshTarget) -> None:
        self.target = target
        self.host_key = ""
        self._transport: Transport | None = None
        self._jump: SshConnection | None = None
        self._sessions: Sessions | None = None
        self._closed = threading.Event()

    def open(self) -> None:
        """Connects, checks the host key, logs in."""
        try:
            self._open()
        except Cancelled:
            self.close()
            raise
        except Exception as error:
            closed, farewell = self._closed.is_set(), self._transport.farewell if self._transport else ""
            self.close()
            if closed:
                raise Cancelled from error
            raise problem_from(error, self.target.where, farewell) from error

    @property
    def alive(self) -> bool:
        """Whether the transport still stands, as far as is known here."""
        return self._transport is not None and self._transport.is_active()

    def transport(self) -> Transport:
        """paramiko's transport; a Problem where the connection is closed."""
        if self._transport is None:
            raise TransientError("MVM-411", f"{self.target.where}: the connection is closed")
        return self._transport

    def close(self) -> None:
        """Ends the connection and everything that waits on it."""
        self._closed.set()
        if self._transport is not None:
            self._transport.close()
        if self._jump is not None:
            self._jump.close()

    def run(self, command: str, pieces: Iterable[bytes], cancelled: Callable[[], bool], silence: float) -> Command:
        """Starts a command and sends it its whole input. `silence` is how many seconds without a word mean that
        the machine has stopped answering."""
        if self._sessions is None:
            self._sessions = Sessions(self.transport(), SESSION_SECONDS)
        try:
            channel = self._sessions.take()
            channel.settimeout(TURN_SECONDS)
            running = Command(channel, self.target.where, lambda: cancelled() or self._closed.is_set(), silence)
            running.start(command)
            running.send(pieces)
        except Cancelled:
            raise
        except Exception as error:
            if self._closed.is_set():
                raise Cancelled from error
            raise problem_from(error, self.target.where) from error
        return running

    def _open(self) -> None:
        from meshvm_tui.adapters.ssh_transport import Transport

        known = self.target.host_keys()
        sock = self._socket()
        try:
            self._transport = Transport(sock, known)
            if self._closed.is_set():
                raise Cancelled
            key = self._transport.greet()
        except BaseException:
            sock.close()
            raise
        shown = ShownKey(key.get_name(), key.get_base64(), key.fingerprint)
        known.check(shown)
        self.host_key = f"{shown.type} {shown.fingerprint}"
        with closing(self.target.login_keys(self._closed.is_set).offers()) as offers:
            self._transport.log_in(self.target.user, offers)

    def _socket(self) -> Any:
        if self.target.connect is not None:
            return self.target.connect()
        if self.target.jump:
            return self._through_jump()
        sock = socket.create_connection((self.target.host, self.target.port), timeout=CONNECT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # With the keepalives this ends a connection whose far side is gone.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MILLISECONDS)
        return sock

    def _through_jump(self) -> Any:
        import paramiko

        self._jump = SshConnection(self.target.jump_target())
        hop = self._jump.target.where
        try:
            self._jump.open()
        except Problem as problem:
            raise _of_hop(problem, hop) from problem
        place = (self.target.host, self.target.port)
        try:
            return self._jump.transport().open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=CONNECT_SECONDS)
        except (paramiko.SSHException, EOFError) as error:
            raise TransientError("MVM-416", f"jump host {hop} to {self.target.where}: {error}") from error


def _of_hop(problem: Problem, hop: str) -> Problem:
    """The same problem, which says that it is the jump host's. An unknown host key cannot be pinned in the plan then,
    for what stands there is the machine's own."""
    action, evidence = problem.next_action, dict(problem.evidence)
    if problem.code in (UNKNOWN_HOST_KEY, OTHER_KEY_TYPE):
        evidence.pop("fingerprint", "")
        action = "Compare it on the jump host, then log in there once with ssh, which adds the key to known_hosts."
    return type(problem)(
        problem.code, f"jump host {hop}: {problem.cause}", title=problem.title, next_action=action, evidence=evidence
    )
