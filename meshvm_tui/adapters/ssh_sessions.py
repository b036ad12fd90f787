"""The sessions of one connection. With each one that is taken the next is asked for in the same round trip, for whoever
looks at a machine will mostly do something on it next; a server that allows one session at a time does without."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko


class Sessions:
    """Opens sessions over a transport; `timeout` is in seconds for each."""

    def __init__(self, transport: paramiko.Transport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._next: Future[paramiko.Channel] | None = None

    def take(self) -> paramiko.Channel:
        """A session that nothing was run in yet. Raises paramiko's exceptions."""
        ready, self._next = self._next, self._asked_for()
        if (channel := self._usable(ready)) is not None:
            return channel
        try:
            return self._open()
        except Exception:
            # Where only one is allowed, the other may have been it.
            if (channel := self._usable(self._next)) is None:
                raise
            self._next = None
            return channel

    def _asked_for(self) -> Future[paramiko.Channel]:
        pool = ThreadPoolExecutor(1, thread_name_prefix="meshvm-session")
        try:
            return pool.submit(self._open)
        finally:
            pool.shutdown(wait=False)

    def _usable(self, asked: Future[paramiko.Channel] | None) -> paramiko.Channel | None:
        if asked is None or asked.exception(self._timeout) is not None or asked.result().closed:
            return None
        return asked.result()

    def _open(self) -> paramiko.Channel:
        return self._transport.open_session(timeout=self._timeout)
