"""Following objects: one signal for every burst of changes, to any number of followers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

BURST_SECONDS = 0.02  # changes this close together are one signal


class Changes:
    """Signals that something of these kinds has changed."""

    def __init__(self, objects: Objects, keys: Sequence[str]) -> None:
        self._objects = objects
        self._keys = keys
        self._tasks: list[asyncio.Task[None]] = []
        self._followers: set[asyncio.Event] = set()

    def start(self) -> None:
        """Begins to listen; followers may come before and after."""
        self._tasks = [asyncio.create_task(self._listen(key)) for key in self._keys]

    async def stop(self) -> None:
        """Ends listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def poke(self) -> None:
        """Signals without a change."""
        for follower in self._followers:
            follower.set()

    async def follow(self) -> AsyncIterator[None]:
        """Once at the start, then after every burst of changes."""
        changed = asyncio.Event()
        self._followers.add(changed)
        try:
            while True:
                yield
                await changed.wait()
                await asyncio.sleep(BURST_SECONDS)
                changed.clear()
        finally:
            self._followers.discard(changed)

    async def _listen(self, key: str) -> None:
        queue = self._objects.subscribe(key)
        try:
            while True:
                await queue.get()
                self.poke()
        finally:
            self._objects.unsubscribe(key, queue)
