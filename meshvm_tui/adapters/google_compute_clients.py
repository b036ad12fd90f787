"""The clients of google-cloud-compute: made when they are first used, once each, all with one login and one endpoint.

The library is loaded with the first client, in the caller's worker thread (1-2 s, about 140 MiB). Its methods that
wait for an operation make a client of their own for that, which goes to compute.googleapis.com whatever endpoint was
given; so only the `*_unary` methods are called, and operations get clients from here like everything else.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from meshvm_tui import __version__
from meshvm_tui.adapters.google_endpoints import endpoint
from meshvm_tui.adapters.google_session import fit
from meshvm_tui.adapters.open_connections import OpenConnections
from meshvm_tui.problems import TransientError

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin

_LIBRARY = "google.cloud.compute_v1"
_LOADING = threading.Lock()


def library() -> Any:
    """google.cloud.compute_v1. Not by an import statement: its types are 160,000 lines that nobody wants checked.

    Python's garbage collector rests while it is loaded, and passes over what was loaded from then on: it would go
    through half a million objects that stay anyway, and hold every thread for more than a tenth of a second each time.
    """
    with _LOADING:
        if _LIBRARY not in sys.modules:
            collecting = gc.isenabled()
            gc.disable()
            try:
                importlib.import_module(_LIBRARY)
                gc.freeze()
            finally:
                if collecting:
                    gc.enable()
    return sys.modules[_LIBRARY]


class ComputeClients:
    """Clients by the library's names, such as `Instances` for InstancesClient. Threads may share it."""

    def __init__(self, login: GoogleLogin) -> None:
        self._login = login
        self._lock = threading.Lock()
        self._connections = OpenConnections()
        self._clients: dict[str, Any] = {}
        self._apart: weakref.WeakSet[ComputeClients] = weakref.WeakSet()

    @property
    def closed(self) -> bool:
        """Whether they were closed here: a failure after that is ours."""
        return self._connections.closed

    def get(self, name: str) -> Any:
        """One client. TransientError MVM-804 where they were closed, ActionNeeded MVM-839 for an unusable endpoint."""
        self.refuse_when_closed()
        # Before the lock: closing need not wait for it.
        library()
        with self._lock:
            self.refuse_when_closed()
            if name not in self._clients:
                self._clients[name] = self._new(name)
            return self._clients[name]

    @contextlib.contextmanager
    def apart(self) -> Iterator[ComputeClients]:
        """Clients with connections of their own: ending their calls ends no others. They close with these."""
        inner = ComputeClients(self._login)
        with self._lock:
            self.refuse_when_closed()
            self._apart.add(inner)
        try:
            yield inner
        finally:
            inner.close()

    def refuse_when_closed(self) -> None:
        """TransientError MVM-804 where they were closed."""
        if self.closed:
            raise TransientError("MVM-804", "the connection to Google was closed here")

    def close(self) -> None:
        """Ends every call under way and closes all sockets."""
        self._connections.close()
        for inner in list(self._apart):
            inner.close()
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.transport.close()

    def _new(self, name: str) -> Any:
        client = getattr(library(), f"{name}Client")(
            credentials=self._login.credentials(),
            client_options={"api_endpoint": endpoint("compute", self._login.settings)},
        )
        # The one thing that the library keeps to itself: the session of requests under a client.
        session = client.transport._session
        session.headers["User-Agent"] = f"meshvm-tui/{__version__}"
        fit(session, self._connections, self._login.settings)
        return client
