"""The sessions of one connection. The first one brings a second along in the same round trip, for whoever looks at a
machine will mostly do something on it next; a server that allows one session at a time does without."""

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
        self._is_first = True
        self._spare: Future[paramiko.Channel] | None = None

    def open(self) -> paramiko.Channel:
        """A session that nothing was run in yet. Raises paramiko's exceptions."""
        if self._is_first:
            self._is_first = False
            return self._open_two()
        return self._take_spare() or self._open()

    def _open_two(self) -> paramiko.Channel:
        pool = ThreadPoolExecutor(1, thread_name_prefix="meshvm-session")
        self._spare = pool.submit(self._open)
        pool.shutdown(wait=False)
        try:
            return self._open()
        except Exception:
            # Where only one is allowed, the other may have been it.
            if (channel := self._take_spare()) is None:
                raise
            return channel

    def _take_spare(self) -> paramiko.Channel | None:
        spare, self._spare = self._spare, None
        if spare is None or spare.exception(self._timeout) is not None:
            return None
        channel = spare.result()
        return None if channel.closed else channel

    def _open(self) -> paramiko.Channel:
        return self._transport.open_session(timeout=self._timeout)
