"""One command over SSH: its streams between the channel and the VM, its end, and the fault that cuts it off."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import socket
import struct
import termios
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import paramiko

from meshvm_tui.lab.guest.closed_list import ClosedList, Refused

if TYPE_CHECKING:
    from meshvm_tui.lab.guest.ssh_server import Machine

CHUNK = 32768
LINES_BEFORE_CUT = 2
REFUSED = 126
CHANNEL_REQUEST = bytes([98])  # SSH_MSG_CHANNEL_REQUEST


class Execution:
    """A command, from the reply to its request until its channel is closed."""

    def __init__(  # noqa: PLR0917 - what an SSH request says
        self,
        vm: Machine,
        transport: paramiko.Transport,
        channel: paramiko.Channel,
        user: str,
        command: str,
        environment: Mapping[str, str],
        terminal: tuple[str, int, int] | None,
    ) -> None:
        self._vm, self._transport, self._channel, self._user = vm, transport, channel, user
        self._command, self._environment, self._terminal = command, dict(environment), terminal
        self._ended = threading.Event()
        self._status = 0
        self._number = 0
        self._master = -1
        self._lines = 0

    def start(self) -> None:
        """Runs it in a thread of its own."""
        threading.Thread(target=self._run, name="ssh-command", daemon=True).start()

    def resize(self, width: int, height: int) -> bool:
        """Tells a terminal its new size."""
        if self._master < 0:
            return False
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        return True

    def _run(self) -> None:
        # The client may be gone at any moment; then there is nobody left to tell.
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            closed = self._vm.closed_list
            if closed is not None:
                self._run_closed(closed)
            elif self._terminal is not None:
                self._run_in_terminal(self._terminal)
            else:
                argv = ("sh", "-c", self._command) if self._command else ("sh",)
                self._run_on_pipes(argv, self._user, None)

    def _run_closed(self, closed: ClosedList) -> None:
        parts = []
        if self._command in closed.commands:
            while part := self._channel.recv(CHUNK):
                parts.append(part)
        try:
            admitted = closed.admit(self._command, b"".join(parts))
        except Refused as refusal:
            self._channel.sendall_stderr(f"{refusal}\n".encode())
            self._finish(REFUSED << 8)
            return
        self._run_on_pipes(admitted.argv, "root" if admitted.sudo else self._user, admitted.stdin)

    def _run_on_pipes(self, argv: tuple[str, ...], user: str, stdin: bytes | None) -> None:
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        streams = (in_read, out_write, err_write)
        self._number = self._vm.execute(argv, user, self._environment, streams, self._end)
        for stream in streams:
            os.close(stream)
        feed = self._feed if stdin is None else lambda file: _write_all(file, stdin)
        threads = [
            threading.Thread(target=_closing, args=(feed, in_write), daemon=True),
            threading.Thread(target=_closing, args=(self._pump_errors, err_read), daemon=True),
        ]
        for thread in threads:
            thread.start()
        _closing(self._pump, out_read)
        threads[1].join()
        self._ended.wait()
        self._finish(self._status)

    def _run_in_terminal(self, terminal: tuple[str, int, int]) -> None:
        master, slave = pty.openpty()
        self._master = master
        self.resize(terminal[1], terminal[2])
        self._environment["TERM"] = terminal[0]
        argv = (
            ("sh", "-c", self._command)
            if self._command
            else ("sh", "-c", "command -v bash >/dev/null && exec bash; exec sh")
        )
        self._number = self._vm.execute(argv, self._user, self._environment, (slave, slave, slave), self._end, True)
        os.close(slave)
        feeding = threading.Thread(target=self._feed, args=(master,), daemon=True)
        feeding.start()
        with contextlib.suppress(OSError):  # a terminal whose last user is gone ends with an error
            self._pump(master)
        self._ended.wait()
        self._finish(self._status)
        feeding.join()
        self._master = -1
        os.close(master)

    def _end(self, status: int) -> None:
        self._status = status
        self._ended.set()

    def _feed(self, file: int) -> None:
        while data := self._channel.recv(CHUNK):
            _write_all(file, data)

    def _pump(self, file: int) -> None:
        while data := os.read(file, CHUNK):
            self._channel.sendall(data)
            self._lines += data.count(b"\n")
            if self._lines >= LINES_BEFORE_CUT and "tar -xf" in self._command and self._vm.fault("ssh-cut") is not None:
                # A reset, as a router that forgot the connection would send.
                cast(socket.socket, self._transport.sock).setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self._transport.close()
                return

    def _pump_errors(self, file: int) -> None:
        while data := os.read(file, CHUNK):
            self._channel.sendall_stderr(data)

    def _finish(self, status: int) -> None:
        if os.WIFSIGNALED(status):
            self._send_exit_signal(signal.Signals(os.WTERMSIG(status)).name.removeprefix("SIG"))
        else:
            self._channel.send_exit_status(os.WEXITSTATUS(status))
        self._channel.close()

    def _send_exit_signal(self, name: str) -> None:
        message = paramiko.Message()
        message.add_byte(CHANNEL_REQUEST)
        message.add_int(self._channel.remote_chanid)
        message.add_string("exit-signal")
        message.add_boolean(False)
        message.add_string(name)
        message.add_boolean(False)
        message.add_string("")
        message.add_string("")
        transport: Any = self._transport
        transport._send_user_message(message)  # paramiko has no public call for this


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _closing(work: Callable[[int], None], file: int) -> None:
    """Does the work and closes the file, also where the other side is gone."""
    try:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            work(file)
    finally:
        os.close(file)
