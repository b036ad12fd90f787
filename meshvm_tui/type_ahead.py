"""Keys that are typed while one screen gives way to the next: kept in their order, and given to the new one."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from textual import events


class TypeAhead:
    """The kept keys. `holds` says whether the screen is being left; `forward` gives a key to the one that is seen."""

    def __init__(self, holds: Callable[[], bool], forward: Callable[[events.Event], Awaitable[None]]) -> None:
        self._holds = holds
        self._forward = forward
        self._kept: deque[events.Event] = deque()

    def keeps(self, event: events.Event) -> bool:
        """Whether the event was kept. Ctrl+Q and Ctrl+C always go through."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded or not self._holds():
            return False
        if isinstance(event, events.Key) and event.key in ("ctrl+q", "ctrl+c"):
            return False
        self._kept.append(event)
        return True

    async def release(self) -> None:
        """Gives the kept keys away, up to one that leaves the screen again."""
        while self._kept and not self._holds():
            await self._forward(self._kept.popleft())

    def drop(self) -> None:
        """Forgets them: they were meant for a screen that does not come."""
        self._kept.clear()
