"""How long the thread of an app's screen was kept from its work: a task of its own loop that ought to wake often."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual import events
from textual.app import App

BEAT = 0.002
"""Seconds between two wakings: this much of every stall is not noticed."""
TYPED_EVERY = 0.02
"""Seconds between two keys: faster than anybody types, as a held key repeats."""
WHERE = os.environ.get("STALL_WHERE")
"""Milliseconds after which a stall's stack is written to stderr, for whoever looks for its cause."""


class RunQueue:
    """For how long this thread could have run and had no core, because others had them; Linux, else nothing."""

    def __init__(self) -> None:
        self._path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._before = 0.0

    def waited(self) -> float:
        """Seconds since this was asked last."""
        try:
            now = int(self._path.read_text(encoding="ascii").split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0
        before, self._before = self._before, now
        return now - before


class Pulse:
    """Beats from its start; `longest` holds the longest stall of each part in seconds, without the time for which the
    computer had no core to give."""

    def __init__(self) -> None:
        self.longest: dict[str, float] = {}
        self.part = ""
        self.keys = 0
        self._last = time.perf_counter()
        self._queue = RunQueue()

    async def beat(self) -> None:
        """Wakes and notes how late it was."""
        self._last = time.perf_counter()
        self._queue.waited()
        while True:
            await asyncio.sleep(BEAT)
            now = time.perf_counter()
            late, self._last = now - self._last - BEAT - self._queue.waited(), now
            if self.part:
                self.longest[self.part] = max(self.longest.get(self.part, 0.0), late)

    async def type(self, app: App[None], *keys: str) -> None:
        """Gives keys one by one, and lets the app take each."""
        for key in keys:
            self.keys += 1
            app.post_message(events.Key(key, key if len(key) == 1 else None))
            await asyncio.sleep(TYPED_EVERY)

    def tell_where(self, main: int, milliseconds: float) -> None:
        """Writes where the thread is as soon as it has not woken for so long; once for each stall."""
        told = 0.0
        while True:
            time.sleep(0.005)
            if self.part and self._last != told and (time.perf_counter() - self._last) * 1000 > milliseconds:
                told = self._last
                stack = traceback.format_stack(sys._current_frames()[main], limit=14)
                print(f"--- {self.part}", *stack, sep="\n", file=sys.stderr)


@asynccontextmanager
async def pulse() -> AsyncIterator[Pulse]:
    """Beats in the loop that runs."""
    made = Pulse()
    task = asyncio.create_task(made.beat())
    if WHERE:
        watched = threading.get_ident()
        threading.Thread(target=made.tell_where, args=(watched, float(WHERE)), daemon=True).start()
    try:
        yield made
    finally:
        task.cancel()
