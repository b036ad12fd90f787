"""The connections that an HTTP library has open, known to us, so that closing ends calls that wait for an answer.

urllib3 makes connections by the classes of its pools; here these classes tell of every connection they make.
"""

from __future__ import annotations

import contextlib
import socket
import weakref
from typing import Any


class OpenConnections:
    """Connections by any number of urllib3 pool managers. Threads may share it."""

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether they were closed here: a failure after that is ours."""
        return self._closed

    def watch(self, pool_manager: Any) -> None:
        """Has the pools of this urllib3 PoolManager tell of their connections."""
        from urllib3.connection import HTTPConnection, HTTPSConnection
        from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

        pool_manager.pool_classes_by_scheme = {
            "http": self._pool(HTTPConnectionPool, HTTPConnection),
            "https": self._pool(HTTPSConnectionPool, HTTPSConnection),
        }

    def close(self) -> None:
        """Ends every call under way; one that is just connecting ends when it has connected."""
        self._closed = True
        for connection in list(self._connections):
            shut_down(connection)

    def _pool(self, kind: Any, connection: Any) -> Any:
        return type(kind.__name__, (kind,), {"ConnectionCls": self._registering(connection)})

    def _registering(self, kind: Any) -> Any:
        ours = self

        class Registering(kind):  # type: ignore[misc]
            def connect(self) -> None:
                ours._connections.add(self)
                super().connect()
                if ours.closed:
                    shut_down(self)

        return Registering


def shut_down(connection: Any) -> None:
    """Ends a connection's socket under another thread that reads from it.

    Not SSLSocket.shutdown: that one would let the reader go on in clear text."""
    sock = getattr(connection, "sock", None)
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
