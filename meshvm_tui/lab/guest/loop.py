"""The loop of a VM's process 1: descriptors, timers and children in one thread, so that forking is safe."""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from meshvm_tui.lab.guest import namespace

READ_SIZE = 65536


@dataclass
class Timer:
    """Something that happens later, unless it is cancelled before."""

    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Makes it not happen."""
        self.cancelled = True


@dataclass(frozen=True)
class Start:
    """What to start: `streams` become descriptors 0, 1 and 2; `prepare` runs in the child before the program."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    streams: tuple[int, int, int]
    prepare: Callable[[], None] | None = None
    terminal: bool = False


@dataclass
class Loop:
    """Runs until `stopped`."""

    stopped: bool = False
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _timers: list[tuple[float, int, Timer]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _children: dict[int, Callable[[int], None]] = field(default_factory=dict)

    def watch(self, file: int | socket.socket, ready: Callable[[], None]) -> None:
        """Calls `ready` whenever the file can be read."""
        self._selector.register(file, selectors.EVENT_READ, ready)

    def forget(self, file: int | socket.socket) -> None:
        """No longer watches the file."""
        self._selector.unregister(file)

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Calls `action` once, after so many seconds of the computer's own clock."""
        timer = Timer(action)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def start(self, wanted: Start, ended: Callable[[int], None]) -> int:
        """Starts a program in a session of its own; `ended` gets its wait status. Returns its process id."""
        pid = os.fork()
        if pid == 0:
            _become(wanted)
        self._children[pid] = ended
        return pid

    def run(self) -> None:
        """Runs until stopped."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.watch(wake_read, lambda: _drain(wake_read))
        while not self.stopped:
            for key, _ in self._selector.select(self._until_next()):
                # One handler may have closed what another was to read.
                if key.fd in self._selector.get_map():
                    key.data()
            self._reap()
            self._fire()

    def _until_next(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _fire(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                timer.action()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._children.pop(pid, None)
            if ended is not None:
                ended(status)


def _drain(file: int) -> None:
    try:
        while os.read(file, READ_SIZE):
            pass
    except BlockingIOError:
        return


def _become(wanted: Start) -> None:
    try:
        os.setsid()
        namespace.die_with_parent()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        # Above the three standard ones first, or one could overwrite another.
        high = [os.dup(stream) if stream < 3 else stream for stream in wanted.streams]
        for standard, stream in enumerate(high):
            os.dup2(stream, standard)
        os.closerange(3, 4096)
        if wanted.terminal:
            namespace.take_terminal()
        if wanted.prepare is not None:
            wanted.prepare()
        os.chdir(wanted.folder)
        os.umask(0o022)
        os.execvpe(wanted.argv[0], list(wanted.argv), dict(wanted.environment))
    except FileNotFoundError:
        os.write(2, f"{wanted.argv[0]}: command not found\n".encode())
        os._exit(127)
    except OSError as error:
        os.write(2, f"{wanted.argv[0]}: {error.strerror}\n".encode())
        os._exit(126)
    finally:
        os._exit(125)
