"""The SSH server of one VM: a listener, one paramiko transport for each connection, and who may come in."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
    cMSG_DISCONNECT,
)

from meshvm_tui.lab.guest.closed_list import ClosedList
from meshvm_tui.lab.guest.ssh_command import Execution
from meshvm_tui.lab.mesh.capture import cuts_plaintext

USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
LOG = logging.getLogger("meshvm_tui.lab.ssh")
LOG.addHandler(logging.NullHandler())
LOG.propagate = False  # a client that goes away is nothing to tell the operator about
MAX_TRIES, PROTOCOL_ERROR = 2, 2  # the latter is SSH's reason code (RFC 4253, 11.1)
TICK = 0.2  # seconds between two looks at the faults


class Machine(Protocol):
    """What the server needs of its VM."""

    folder: Path

    @property
    def closed_list(self) -> ClosedList | None:
        """What runs where namespaces are forbidden, else None."""

    def fault(self, name: str) -> str | None:
        """A fault's value, or None where it is off."""

    def refresh(self) -> None:
        """Tells the VM which faults are on and what time it is."""

    def ensure_user(self, name: str) -> None:
        """Makes the user who logs in."""

    def execute(  # noqa: PLR0917 - as a process is described
        self,
        argv: tuple[str, ...],
        user: str,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
        ended: Callable[[int], None],
        terminal: bool = False,
    ) -> int:
        """Starts a command."""

    def signal(self, number: int, signal_number: int) -> None:
        """Sends a signal to a command."""


class Transport(paramiko.Transport):
    """A transport that starts a command only after it has answered the request for it.

    Otherwise a command that ends at once could close its channel before the client knows that it was accepted.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.after_reply: list[Callable[[], None]] = []

    def hang_up(self, last: paramiko.Message) -> None:
        """Sends a last message and ends the connection."""
        self._send_message(last)  # type: ignore[attr-defined]
        self.close()

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        if threading.current_thread() is self:
            waiting, self.after_reply = self.after_reply, []
            for action in waiting:
                action()


class SshServer:
    """Listens for one VM."""

    def __init__(
        self,
        vm: Machine,
        address: tuple[str, int],
        user: str,
        authorized_key: str,
        authorized: Callable[[str, str], bool] | None,
    ) -> None:
        self._vm, self._address, self._user, self._authorized = vm, address, user, authorized
        self._keys = {authorized_key.split()[1]} if authorized_key else set()
        self._host_key = host_key(vm.folder / "ssh_host_ed25519_key")
        self._listener: socket.socket | None = None
        self._transports: list[Transport] = []
        self._silent: list[socket.socket] = []
        self._stopping = threading.Event()
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None
        self.port = address[1]

    @property
    def fingerprint(self) -> str:
        """The host key's, as ssh-keygen prints it."""
        return self._host_key.fingerprint

    @property
    def public_key(self) -> str:
        """The host key as it stands in known_hosts, without the name."""
        return f"{self._host_key.get_name()} {self._host_key.get_base64()}"

    def start(self) -> None:
        """Opens the port; raises OSError where it is taken."""
        self._stopping.clear()
        self._wake = socket.socketpair()
        if self._vm.fault("ssh-refused") is None:
            self._open()
        self._thread = threading.Thread(target=self._serve, name=f"ssh-{self._address[0]}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes the port and every connection."""
        self._stopping.set()
        if self._wake is not None:
            self._wake[1].close()
        if self._thread is not None:
            self._thread.join()
        if self._wake is not None:
            self._wake[0].close()
            self._wake = None
        self._close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Cuts every connection."""
        for transport in self._transports:
            transport.close()
        for transport in self._transports:
            transport.join(5.0)
        for connection in self._silent:
            connection.close()
        self._transports, self._silent = [], []

    def allows(self, name: str, key: paramiko.PKey) -> bool:
        """Whether a key opens this VM for a user."""
        if not USER_NAME.fullmatch(name):
            return False
        if key.get_base64() in self._keys:
            return True
        return self._authorized is not None and self._authorized(name, f"{key.get_name()} {key.get_base64()}")

    def _open(self) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._address[0], self.port))
            listener.listen(64)
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._listener = listener

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._vm.refresh()
            refused = self._vm.fault("ssh-refused") is not None
            if refused:
                self._close()
            elif self._listener is None:
                with contextlib.suppress(OSError):
                    self._open()
            if self._listens_within(TICK) and self._listener is not None:
                # A client that has gone already is no reason to hear nobody any more.
                with contextlib.suppress(OSError):
                    self._accept(self._listener)

    def _listens_within(self, seconds: float) -> bool:
        """Waits for a connection; `stop` ends the wait."""
        with selectors.DefaultSelector() as selector:
            if self._wake is not None:
                selector.register(self._wake[0], selectors.EVENT_READ)
            if self._listener is not None:
                selector.register(self._listener, selectors.EVENT_READ)
            return any(key.fileobj is self._listener for key, _ in selector.select(seconds))

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._vm.fault("ssh-silent") is not None:
            self._silent.append(connection)
            return
        if cuts_plaintext(self._vm.folder / "root", self.port):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return
        self._vm.refresh()
        self._transports = [transport for transport in self._transports if transport.is_alive()]
        transport = Transport(connection)
        transport.set_log_channel(LOG.name)
        transport.local_version = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"
        transport.add_server_key(self._host_key)
        self._transports.append(transport)
        # With an event given, start_server returns at once and the handshake goes on in the transport's thread.
        transport.start_server(event=threading.Event(), server=Session(self, self._vm, transport))


class Session(paramiko.ServerInterface):
    """One connection's requests."""

    def __init__(self, server: SshServer, vm: Machine, transport: Transport) -> None:
        self._server, self._vm, self._transport = server, vm, transport
        self._user = ""
        self._refused = 0
        self._terminals: dict[int, tuple[str, int, int]] = {}
        self._executions: dict[int, Execution] = {}

    def get_allowed_auths(self, username: str) -> str:
        """Keys only."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Only the lab's key, or one that the hook knows."""
        if not self._server.allows(username, key):
            self._count_refused()
            return AUTH_FAILED
        self._user = username
        return AUTH_SUCCESSFUL

    def _count_refused(self) -> None:
        """As sshd's MaxAuthTries does, while the fault is on: after so many keys it hangs up, and says so."""
        most = self._vm.fault("ssh-max-tries")
        self._refused += 1
        if most is None or self._refused < int(most or MAX_TRIES):
            return
        last = paramiko.Message()
        last.add_byte(cMSG_DISCONNECT)
        last.add_int(PROTOCOL_ERROR)
        last.add_string("Too many authentication failures")
        last.add_string("")
        self._transport.hang_up(last)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions only: no tunnels."""
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Runs a command."""
        return self._begin(channel, command.decode("utf-8", "surrogateescape"))

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        """A login shell inside the VM; none where namespaces are forbidden."""
        return self._vm.closed_list is None and self._begin(channel, "")

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        """SFTP, for scp; it runs in the VM like any other command."""
        return name == "sftp" and self._vm.closed_list is None and self._begin(channel, "exec sftp-server")

    def check_channel_pty_request(  # noqa: PLR0917 - paramiko's own signature
        self,
        channel: paramiko.Channel,
        term: bytes,
        width: int,
        height: int,
        pixelwidth: int,
        pixelheight: int,
        modes: bytes,
    ) -> bool:
        """Remembers the terminal for the command that follows."""
        self._terminals[channel.get_id()] = (term.decode("ascii", "replace"), width, height)
        return True

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        """Resizes a terminal."""
        execution = self._executions.get(channel.get_id())
        return execution is not None and execution.resize(width, height)

    def _begin(self, channel: paramiko.Channel, command: str) -> bool:
        self._vm.refresh()
        self._vm.ensure_user(self._user)
        connection = cast(socket.socket, self._transport.sock)
        here, there = connection.getsockname(), connection.getpeername()
        environment = {
            "SSH_CONNECTION": f"{there[0]} {there[1]} {here[0]} {here[1]}",
            "SSH_CLIENT": f"{there[0]} {there[1]} {here[1]}",
        }
        terminal = self._terminals.get(channel.get_id())
        execution = Execution(self._vm, self._transport, channel, self._user, command, environment, terminal)
        self._executions[channel.get_id()] = execution
        self._transport.after_reply.append(execution.start)
        return True


def host_key(file: Path) -> paramiko.PKey:
    """The VM's host key: the same at every start."""
    if not file.exists():
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(text)
    return paramiko.Ed25519Key.from_private_key_file(str(file))
