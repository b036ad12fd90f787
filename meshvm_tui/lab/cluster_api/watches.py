"""Watches: a stream of changes since a resourceVersion, with bookmarks, selectors, 410 and Tables."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

from meshvm_tui.lab.cluster_api.errors import Cause, bad_request, expired, invalid
from meshvm_tui.lab.cluster_api.lists import Selection, View, encoded, view
from meshvm_tui.lab.cluster_api.request_info import RequestInfo, flag
from meshvm_tui.lab.cluster_api.tables import partial, table
from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.objects import Change, Objects, Record

JSON = dict[str, Any]
_BOOKMARK_SECONDS = 60.0
_DEFAULT_SECONDS = (1800.0, 3600.0)
_CUT_SECONDS = 0.5


class Watch:
    """One watch; `lines` gives what is to be sent, several events at once where they come fast."""

    def __init__(
        self, objects: Objects, faults: Faults, info: RequestInfo, query: Mapping[str, str], accept: str
    ) -> None:
        self._objects = objects
        self._faults = faults
        self._info = info
        self._selection = Selection(info, query)
        self._view = view(accept, query)
        self._bookmarks = flag(query, "allowWatchBookmarks")
        self._first_table = True
        if "sendInitialEvents" in query:
            text = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            raise invalid("meta.k8s.io", "ListOptions", "", [Cause("FieldValueForbidden", text, "sendInitialEvents")])
        try:
            self._since = int(query.get("resourceVersion") or 0)
            self._seconds = float(query.get("timeoutSeconds") or 0) or random.uniform(*_DEFAULT_SECONDS)
        except ValueError:
            told = f'Invalid value: "{query.get("resourceVersion")}": strconv.ParseUint: invalid syntax'
            raise bad_request(f"resourceVersion: {told}") from None

    async def lines(self) -> AsyncIterator[bytes]:
        """Events as JSON lines until the time is over."""
        key = self._info.kind.key
        queue = self._objects.follow(key)
        try:
            backlog = self._backlog()
            if backlog is None:
                yield self._expired()
                return
            if backlog:
                yield b"".join(backlog)
            async for block in self._following(queue):
                yield block
        finally:
            self._objects.unfollow(key, queue)

    async def _following(self, queue: asyncio.Queue[Change]) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._seconds
        cut = self._faults.active("watch-cut")
        if cut:
            end = min(end, loop.time() + _CUT_SECONDS)
        bookmark = loop.time() + _BOOKMARK_SECONDS
        while (left := min(end, bookmark) - loop.time()) > 0 or loop.time() < end:
            try:
                changes = [await asyncio.wait_for(queue.get(), max(left, 0.001))]
            except TimeoutError:
                if self._bookmarks and loop.time() >= bookmark:
                    yield self._bookmark()
                    bookmark = loop.time() + _BOOKMARK_SECONDS
                elif loop.time() >= bookmark:
                    bookmark = loop.time() + _BOOKMARK_SECONDS
                continue
            while not queue.empty():
                changes.append(queue.get_nowait())
            block = b"".join(line for change in changes if (line := self._event(change)))
            if block:
                yield block
                if cut:
                    return
        if self._bookmarks and not cut:
            yield self._bookmark()

    def _backlog(self) -> list[bytes] | None:
        if not self._since:
            records = self._objects.records(self._info.kind.key, self._selection.namespace)
            return [self._line("ADDED", record) for record in records if self._selection.matches(record)]
        changes = self._objects.changes_since(self._info.kind.key, self._since)
        if changes is None or self._faults.active("watch-410"):
            return None
        return [line for change in changes if (line := self._event(change))]

    def _event(self, change: Change) -> bytes:
        """The change as this selection sees it: objects come into it and leave it."""
        was, now = self._selection.matches(change.before), self._selection.matches(change.record)
        if change.type == "DELETED":
            return self._line("DELETED", change.record) if was or now else b""
        if was and now:
            return self._line("MODIFIED", change.record)
        if now:
            return self._line("ADDED", change.record)
        return self._line("DELETED", change.record) if was else b""

    def _line(self, type_: str, record: Record) -> bytes:
        return b'{"type":"%s","object":%s}\n' % (type_.encode(), self._shown(record))

    def _shown(self, record: Record) -> bytes:
        kind, version = self._info.kind, self._info.version
        match self._view:
            case View(form="Table", include=include):
                now = self._objects.clock.now()
                made = table(kind, [record.obj], now=now, include=include, version=version)
                made["metadata"] = {"resourceVersion": str(record.revision)}
                if not self._first_table:
                    made["columnDefinitions"] = None
                self._first_table = False
                return encoded(made)
            case View(form=form) if form:
                return encoded(partial(record.obj))
        return record.raw(kind.api_version(version))

    def _bookmark(self) -> bytes:
        kind = self._info.kind
        metadata = {"resourceVersion": str(self._objects.revision), "creationTimestamp": None}
        obj = {"kind": kind.kind, "apiVersion": kind.api_version(self._info.version), "metadata": metadata}
        return b'{"type":"BOOKMARK","object":%s}\n' % encoded(obj)

    def _expired(self) -> bytes:
        told = f"too old resource version: {self._since} ({self._objects.revision})"
        return b'{"type":"ERROR","object":%s}\n' % encoded(expired(told).status())
