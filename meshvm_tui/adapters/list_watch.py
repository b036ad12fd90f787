"""List, then watch, for ever: what a live view of one kind of object needs from the API server.

The loop lives in a thread of its own and hands events over a queue, so that the one who reads them can stop
within a moment even while a connection hangs. Cuts go on from the last resourceVersion; 410 lists anew; failures
are tried again with growing pauses, are told as STALE, and end with a fresh list. A missing permission is raised.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

from meshvm_tui.adapters.kubernetes_transport import Request, Stream, Transport
from meshvm_tui.ports import JSON, Resource, WatchEvent
from meshvm_tui.problems import Problem, TransientError

PAGE = 500
_WATCH_SECONDS = (240, 300)
_SILENCE_SECONDS = 330.0  # longer than the server may keep a quiet watch open
_PAUSE_FIRST, _PAUSE_LIMIT = 0.5, 30.0
_POLL_SECONDS = 0.1
_QUEUED_EVENTS = 2000
_FATAL = frozenset({"MVM-107", "MVM-120"})


class Expired(Exception):
    """The server no longer has the history that we asked for (410)."""


def list_all(transport: Transport, path: str, query: tuple[tuple[str, str], ...] = ()) -> tuple[list[JSON], str]:
    """Every object and the list's resourceVersion, by pages; starts again where a page's token has expired.

    managedFields are dropped on receipt: they are more than a third of the bytes. 404 is raised as MVM-115."""
    for _ in range(3):
        try:
            return _pages(transport, path, query)
        except Problem as problem:
            if not problem.evidence.get("status", "").startswith("410"):
                raise
    raise TransientError("MVM-119", f"GET {path}: the list expired again and again while it was read")


def _pages(transport: Transport, path: str, query: tuple[tuple[str, str], ...]) -> tuple[list[JSON], str]:
    found: list[JSON] = []
    token = ""
    while True:
        more = (("continue", token),) if token else ()
        page = transport.send(Request("GET", path, (*query, ("limit", str(PAGE)), *more))).json()
        api_version, kind = page.get("apiVersion", ""), str(page.get("kind", "")).removesuffix("List")
        for item in page.get("items") or ():
            item.setdefault("apiVersion", api_version)
            item.setdefault("kind", kind)
            found.append(without_managed_fields(item))
        metadata = page.get("metadata") or {}
        token = metadata.get("continue") or ""
        if not token:
            return found, str(metadata.get("resourceVersion") or "")


def without_managed_fields(obj: JSON) -> JSON:
    """The same object, in place, without its managedFields."""
    (obj.get("metadata") or {}).pop("managedFields", None)
    return obj


class ListWatch:
    """One list and watch. `events()` ends once `stop` says so, or when it is closed."""

    def __init__(
        self,
        transport: Transport,
        resource: Resource,
        namespace: str | None,
        stop: Callable[[], bool],
        *,
        pause_first: float = _PAUSE_FIRST,
    ) -> None:
        self._transport = transport
        self._resource = resource
        self._path = resource.path(namespace)
        self._stop = stop
        self._pause_first = pause_first
        self._ended = threading.Event()
        self._queue: queue.Queue[WatchEvent | Problem] = queue.Queue(_QUEUED_EVENTS)
        self._stream: Stream | None = None
        self._stale_since = ""
        self._failures = 0
        self._version = ""

    def events(self) -> Generator[WatchEvent, None, None]:
        """The events, from a first SYNCED on. Raises a missing permission."""
        thread = threading.Thread(target=self._run, name=f"watch {self._path}", daemon=True)
        thread.start()
        try:
            while not self._stop():
                try:
                    event = self._queue.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    if not thread.is_alive():
                        return
                    continue
                if isinstance(event, Problem):
                    raise event
                yield event
        finally:
            self.close()
            thread.join(timeout=1.0)

    def close(self) -> None:
        """Ends the loop and its connection."""
        self._ended.set()
        if stream := self._stream:
            stream.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                if not self._version:
                    self._list()
                self._watch()
            except Expired:
                self._version = ""
                self._pause_where_repeated()
            except Problem as problem:
                if self._ended.is_set():
                    return
                if problem.code in _FATAL:
                    self._put(problem)
                    return
                self._after_failure(problem)

    def _after_failure(self, problem: Problem) -> None:
        """The first failure after a good time is tried again at once from where we were; further ones wait."""
        self._failures += 1
        if self._failures == 1 and self._version:
            return
        self._stale_since = self._stale_since or datetime.now().astimezone().isoformat(timespec="seconds")
        self._put(WatchEvent("STALE", message=f"since {self._stale_since}: {self._words(problem)}"))
        self._version = ""
        self._pause()

    def _words(self, problem: Problem) -> str:
        """A 404 for a whole kind comes as the server's plain text, which says nothing to an operator."""
        if problem.code == "MVM-115":
            kind = ".".join(part for part in (self._resource.plural, self._resource.group) if part)
            return f"the cluster serves no {kind} yet"
        return problem.cause

    def _pause_where_repeated(self) -> None:
        self._failures += 1
        if self._failures > 1:
            self._pause()

    def _pause(self) -> None:
        longest = min(_PAUSE_LIMIT, self._pause_first * 2.0 ** min(self._failures, 10))
        self._ended.wait(longest * random.uniform(0.5, 1.0))  # noqa: S311  spreads clients, keeps no secret

    def _list(self) -> None:
        try:
            objects, self._version = list_all(self._transport, self._path)
        except Problem as problem:
            if problem.code != "MVM-115":
                raise
            self._put(WatchEvent("SYNCED"))  # the kind is not served (yet): nothing is there
            raise
        self._stale_since = ""
        self._put(WatchEvent("SYNCED", objects=tuple(objects)))

    def _watch(self) -> None:
        """Watches from the version that was reached until the server ends it."""
        query = (
            ("watch", "1"),
            ("resourceVersion", self._version),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(random.randint(*_WATCH_SECONDS))),  # noqa: S311
        )
        began, told = time.monotonic(), 0
        try:
            stream = self._transport.stream(Request("GET", self._path, query, read_seconds=_SILENCE_SECONDS))
        except Problem as problem:
            if problem.evidence.get("status", "").startswith("410"):
                raise Expired from None
            raise
        self._stream = stream
        if self._ended.is_set():
            stream.close()
        try:
            for line in stream.lines():
                self._tell(json.loads(line))
                self._failures, told = 0, told + 1
        except ValueError:
            raise TransientError("MVM-119", f"GET {self._path}: a watch sent something that is no JSON") from None
        finally:
            self._stream = None
        if not told and time.monotonic() - began < 1.0:
            raise TransientError("MVM-119", f"GET {self._path}: the watch ended at once")

    def _tell(self, event: dict[str, Any]) -> None:
        obj = event.get("object") or {}
        kind = event.get("type")
        if kind == "ERROR":
            if obj.get("code") == 410:
                raise Expired
            raise TransientError("MVM-119", str(obj.get("message") or "the watch ended with an error"))
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            self._put(WatchEvent(str(kind), without_managed_fields(obj)))
        self._version = str((obj.get("metadata") or {}).get("resourceVersion") or self._version)

    def _put(self, event: WatchEvent | Problem) -> None:
        while not self._ended.is_set():
            try:
                self._queue.put(event, timeout=_POLL_SECONDS)
                return
            except queue.Full:
                continue
