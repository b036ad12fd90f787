"""One SSH connection: our own socket (paramiko never sets TCP_NODELAY), the host key checked before anything is
sent, and commands that read standard input and give lines as they come.

Which key logs in: the one that the plan names, or else ssh-agent and ~/.ssh. Agent forwarding is off.
"""

from __future__ import annotations

import getpass
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.ssh_command import TURN_SECONDS, Command
from meshvm_tui.adapters.ssh_errors import problem_from
from meshvm_tui.adapters.ssh_host_keys import AcceptHostKey, HostKeys, ShownKey
from meshvm_tui.adapters.ssh_keys import named_key
from meshvm_tui.adapters.ssh_sessions import Sessions
from meshvm_tui.problems import Cancelled, TransientError

if TYPE_CHECKING:
    import paramiko

CONNECT_SECONDS = 10.0
BANNER_SECONDS = 10.0
LOGIN_SECONDS = 15.0
DEAD_PEER_MILLISECONDS = 30_000
KEEPALIVE_SECONDS = 10


@dataclass(frozen=True)
class SshTarget:
    """Where to log in and as whom. `key` is a private key's path, or "" for ssh-agent and ~/.ssh; `known_host`
    pins the host key; `jump` is user@host:port of a host in between."""

    host: str
    port: int
    user: str
    key: str
    known_host: str
    own_known_hosts: Path
    jump: str = ""
    operator_known_hosts: Path | None = None
    accept: AcceptHostKey | None = field(default=None, compare=False)

    @property
    def where(self) -> str:
        """For the words of problems."""
        return f"{self.user}@{self.host}:{self.port}"

    def jump_target(self) -> SshTarget:
        """The host in between, as a target of its own."""
        user, _, place = self.jump.rpartition("@")
        host, port = _host_and_port(place)
        return SshTarget(
            host=host,
            port=port,
            user=user or self.user,
            key=self.key,
            known_host="",
            own_known_hosts=self.own_known_hosts,
            operator_known_hosts=self.operator_known_hosts,
            accept=self.accept,
        )


def default_user() -> str:
    """The operator's own name, as ssh would take it."""
    return getpass.getuser()


def _host_and_port(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, int(rest.removeprefix(":") or 22)
    host, _, port = place.partition(":")
    return host, int(port or 22)


class SshConnection:
    """A connection that is open until closed. Every error comes out as a Problem."""

    def __init__(self, target: SshTarget) -> None:
        self.target = target
        self.host_key = ""
        self._client: paramiko.SSHClient | None = None
        self._heard: paramiko.Transport | None = None
        self._jump: SshConnection | None = None
        self._sessions: Sessions | None = None
        self._closed = threading.Event()

    def open(self) -> None:
        """Connects, checks the host key, logs in."""
        import paramiko

        try:
            sock = self._socket()
            client = paramiko.SSHClient()
            client.set_missing_host_key_policy(self._policy())
            self._client = client
            if self._closed.is_set():
                raise Cancelled
            self._login(client, sock)
        except Cancelled:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise problem_from(error, self.target.where, self._farewell()) from error

    def _farewell(self) -> str:
        """What the machine said when it ended the connection: paramiko itself only logs it."""
        return str(getattr(self._heard, "farewell", ""))

    @property
    def alive(self) -> bool:
        """Whether the transport still stands, as far as is known here."""
        transport = self._client.get_transport() if self._client else None
        return transport is not None and transport.is_active()

    def transport(self) -> paramiko.Transport:
        """paramiko's transport; a Problem where the connection is closed."""
        found = self._client.get_transport() if self._client else None
        if found is None:
            raise TransientError("MVM-411", f"{self.target.where}: the connection is closed")
        return found

    def close(self) -> None:
        """Ends the connection and everything that waits on it."""
        self._closed.set()
        if self._client is not None:
            self._client.close()
        if self._jump is not None:
            self._jump.close()

    def run(self, command: str, pieces: Iterable[bytes], cancelled: Callable[[], bool], silence: float) -> Command:
        """Starts a command and sends it its whole input. `silence` is how many seconds without a word mean that
        the machine has stopped answering."""
        if self._sessions is None:
            self._sessions = Sessions(self.transport(), LOGIN_SECONDS)
        try:
            channel = self._sessions.take()
            channel.settimeout(TURN_SECONDS)
            running = Command(channel, self.target.where, lambda: cancelled() or self._closed.is_set(), silence)
            channel.exec_command(command)
            running.send(pieces)
        except Cancelled:
            raise
        except Exception as error:
            if self._closed.is_set():
                raise Cancelled from error
            raise problem_from(error, self.target.where) from error
        return running

    def _socket(self) -> Any:
        if self.target.jump:
            return self._through_jump()
        sock = socket.create_connection((self.target.host, self.target.port), timeout=CONNECT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # With the keepalives below this ends a connection whose far side is gone.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MILLISECONDS)
        return sock

    def _through_jump(self) -> Any:
        import paramiko

        self._jump = SshConnection(self.target.jump_target())
        self._jump.open()
        place = (self.target.host, self.target.port)
        try:
            return self._jump.transport().open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=CONNECT_SECONDS)
        except paramiko.SSHException as error:
            raise TransientError("MVM-416", f"{self.target.jump} to {self.target.where}: {error}") from error

    def _login(self, client: paramiko.SSHClient, sock: Any) -> None:
        named = self.target.key
        try:
            client.connect(
                self.target.host,
                port=self.target.port,
                username=self.target.user,
                sock=sock,
                pkey=named_key(named) if named else None,
                allow_agent=not named,
                look_for_keys=not named,
                timeout=LOGIN_SECONDS,
                banner_timeout=BANNER_SECONDS,
                auth_timeout=LOGIN_SECONDS,
                channel_timeout=LOGIN_SECONDS,
                transport_factory=self._transport,
            )
        except BaseException:
            sock.close()
            raise
        transport = client.get_transport()
        if transport is not None:
            transport.set_keepalive(KEEPALIVE_SECONDS)

    def _transport(self, sock: Any, **options: Any) -> paramiko.Transport:
        """A transport that asks first for the key types that can be compared, as ssh does."""
        import paramiko

        class Transport(paramiko.Transport):
            farewell = ""

            def _parse_disconnect(self, message: paramiko.Message) -> None:
                message.get_int()
                self.farewell = message.get_text()
                message.rewind()
                super()._parse_disconnect(message)  # type: ignore[misc]

        transport = self._heard = Transport(sock, **options)
        security = transport.get_security_options()
        offered = list(security.key_types)
        known = set(self._host_keys().preferred_types())
        if "ssh-rsa" in known:
            known |= {"rsa-sha2-512", "rsa-sha2-256"}
        security.key_types = [kind for kind in offered if kind in known] + [k for k in offered if k not in known]
        return transport

    def _host_keys(self) -> HostKeys:
        target = self.target
        return HostKeys(
            host=target.host,
            port=target.port,
            pin=target.known_host,
            operator_file=target.operator_known_hosts or Path("~/.ssh/known_hosts").expanduser(),
            own_file=target.own_known_hosts,
            accept=target.accept,
        )

    def _policy(self) -> paramiko.MissingHostKeyPolicy:
        """paramiko is given no keys, so that it asks this policy about every host; before it logs in."""
        import paramiko

        connection = self

        class Checked(paramiko.MissingHostKeyPolicy):
            def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
                shown = ShownKey(key.get_name(), key.get_base64(), key.fingerprint)
                connection._host_keys().check(shown)
                connection.host_key = f"{shown.type} {shown.fingerprint}"

        return Checked()
