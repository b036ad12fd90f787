"""A proxy of the tests' own on the way to a machine: it cuts, falls silent, or says nothing from the start."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

WHOLE = 1 << 62
PIECE = 512


@dataclass
class Wire:
    """A port on loopback that leads to `far`. The limits are bytes of one connection: up is towards the machine.

    `cuts` is how many more connections are cut at their limit; `mute` lets nothing through any more, `deaf` never
    opens the way to the machine at all. `connections` counts those that came."""

    far: tuple[str, int]
    up: int = WHOLE
    down: int = WHOLE
    cuts: int = WHOLE
    mute: bool = False
    deaf: bool = False
    connections: int = 0
    most_up: int = 0
    most_down: int = 0
    accepted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        """Ends every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            _reset(end)
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(near)
            self.accepted.set()
            if self.deaf:
                continue
            far = socket.create_connection(self.far, timeout=5)
            far.settimeout(None)
            self._open.append(far)
            self._start(self._pump, near, far, self.up, True)
            self._start(self._pump, far, near, self.down, False)

    def _pump(self, source: socket.socket, target: socket.socket, limit: int, upwards: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE):
                if self.mute:
                    continue
                if passed + len(data) >= limit and self.cuts > 0:
                    target.sendall(data[: limit - passed])
                    self.cuts -= 1
                    break
                target.sendall(data)
                passed += len(data)
                if upwards:
                    self.most_up = max(self.most_up, passed)
                else:
                    self.most_down = max(self.most_down, passed)
        _reset(source)
        _reset(target)


@contextmanager
def wire_to(address: str, port: int = 22, **settings: int) -> Iterator[Wire]:
    """A wire to a machine's SSH."""
    made = Wire((address, port), **settings)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def _reset(end: socket.socket) -> None:
    """Ends it at once, as a link that breaks does: what was not read is lost."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    end.close()
