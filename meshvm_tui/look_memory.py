"""What hardly ever moves is kept between looks that follow one another, so that not each of them asks for it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

T = TypeVar("T")

LASTS = 30.0
"""Seconds for which it is kept."""


class Known:
    """What looks at one plan have found. Threads may share it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: dict[Hashable, tuple[float, Any]] = {}

    def recall(self, key: Hashable, ask: Callable[[], T], lasts: Callable[[T], bool]) -> T:
        """What was found less than `LASTS` seconds ago; else it is asked for, and kept where it `lasts`."""
        found = self._found.get(key)
        if found and self._clock() - found[0] < LASTS:
            return cast("T", found[1])
        self._found.pop(key, None)
        asked = self._clock()
        value = ask()
        if lasts(value):
            self._found[key] = (asked, value)
        return value


class LookMemory:
    """What the looks at the plan that is edited know. Another plan begins with nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._plan: Plan | None = None
        self._known = Known(clock)

    def of(self, plan: Plan) -> Known:
        """What is known for this plan; a look at an earlier one that still runs keeps its own."""
        if plan != self._plan:
            self._plan, self._known = plan, Known(self._clock)
        return self._known

    def forget(self) -> None:
        """Everything is asked for again."""
        self._plan = None
