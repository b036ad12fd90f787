"""A small SSH server in this process: it answers commands from a table, and can misbehave in the known ways."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
    OPEN_SUCCEEDED,
)


@dataclass
class Behaviour:
    """What the server does; tests change it between connections."""

    answer: Callable[[str, bytes], tuple[bytes, bytes, int]] = lambda _command, _stdin: (b"", b"", 0)
    answer_early: tuple[bytes, int] | None = None
    """Words and exit status of a command that ends after the first byte of its input."""
    accept_key: bool = True
    takes: Callable[[str, str], bool] | None = None
    """Whether a user's key (type and base64) is taken; without it, as `accept_key` says."""
    logins: list[str] = field(default_factory=list)
    """The users whose keys were shown, in order."""
    refuse_sessions: bool = False
    sessions_at_once: int = 10
    sessions: int = 0
    """How many sessions were opened in all."""
    open_sessions: int = 0
    cut_after_input: int = 0
    """Cuts the connection once so many bytes of a command's input have come."""
    cut_after_output: bool = False
    """Cuts the connection after the output, in place of an exit status."""
    forward: bool = False
    silent: threading.Event | None = None
    """A request for a command is not answered before this is set."""
    commands: list[str] = field(default_factory=list)
    connections: int = 0


class SshServer:
    """Listens on a free port of 127.0.0.1 until closed."""

    def __init__(self, behaviour: Behaviour, more_keys: tuple[paramiko.PKey, ...] = ()) -> None:
        self.behaviour = behaviour
        self.host_key: paramiko.PKey = paramiko.ECDSAKey.generate()
        self._keys = (self.host_key, *more_keys)
        self._transports: list[paramiko.Transport] = []
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Ends every connection and waits for the server's threads."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join(5)
        for transport in self._transports:
            transport.close()
        for thread in [*self._threads, *self._transports]:
            thread.join(5)

    def cut(self) -> None:
        """Ends every connection that stands now."""
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.behaviour.connections += 1
            transport = paramiko.Transport(connection)
            for key in self._keys:
                transport.add_server_key(key)
            self._transports.append(transport)
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(threading.Event(), _Session(self))

    def serve(self, channel: paramiko.Channel, command: str) -> None:
        """Reads the input to its end and answers."""
        thread = threading.Thread(target=self._serve, args=(channel, command), daemon=True)
        thread.start()  # first, for whoever closes the server joins what is in the list
        self._threads.append(thread)

    def _serve(self, channel: paramiko.Channel, command: str) -> None:
        stdin = b""
        if (early := self.behaviour.answer_early) is not None:
            channel.recv(1)  # what is sent before the request's own answer would be no answer of a command
            channel.sendall_stderr(early[0])
            channel.send_exit_status(early[1])
            channel.close()
            return
        with contextlib.suppress(OSError, EOFError):
            while piece := channel.recv(1 << 15):
                stdin += piece
                if self.behaviour.cut_after_input and len(stdin) >= self.behaviour.cut_after_input:
                    channel.get_transport().close()
                    return
            out, err, status = self.behaviour.answer(command, stdin)
            if err:
                channel.sendall_stderr(err)
            if out:
                channel.sendall(out)
            if self.behaviour.cut_after_output:
                channel.get_transport().close()
                return
            self.behaviour.open_sessions -= 1
            channel.send_exit_status(status)
            channel.close()


class _Session(paramiko.ServerInterface):
    def __init__(self, server: SshServer) -> None:
        self._server = server
        self._channels: list[paramiko.Channel] = []

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        behaviour = self._server.behaviour
        behaviour.logins.append(username)
        shown = f"{key.get_name()} {key.get_base64()}"
        taken = behaviour.accept_key if behaviour.takes is None else behaviour.takes(username, shown)
        return AUTH_SUCCESSFUL if taken else AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        behaviour = self._server.behaviour
        if behaviour.refuse_sessions or behaviour.open_sessions >= behaviour.sessions_at_once:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        behaviour.sessions += 1
        behaviour.open_sessions += 1
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._channels.append(channel)
        if (silent := self._server.behaviour.silent) is not None:
            silent.wait(10)
        self._server.behaviour.commands.append(command.decode())
        self._server.serve(channel, command.decode())
        return True

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        if not self._server.behaviour.forward:
            return OPEN_FAILED_CONNECT_FAILED
        threading.Thread(target=self._forward, args=(chanid, destination), daemon=True).start()
        return OPEN_SUCCEEDED

    def _forward(self, _chanid: int, destination: tuple[str, int]) -> None:
        transport = self._server._transports[-1]
        for candidate in self._server._transports:
            if candidate.is_active():
                transport = candidate
        channel = transport.accept(5)
        if channel is None:
            return
        with socket.create_connection(destination) as far:
            back = threading.Thread(target=_pump, args=(far.recv, channel.sendall), daemon=True)
            back.start()
            _pump(channel.recv, far.sendall)
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
            back.join(5)


def _pump(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    with contextlib.suppress(OSError, EOFError):
        while data := read(1 << 15):
            write(data)


def write_key(path: Path, passphrase: str | None = None) -> Path:
    """A fresh private key on disk."""
    paramiko.ECDSAKey.generate().write_private_key_file(str(path), password=passphrase)
    return path
