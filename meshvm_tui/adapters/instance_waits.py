"""How long the way into an instance is waited for, and waiting that ends as soon as it is cancelled."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meshvm_tui.problems import Cancelled

YOUNG_SECONDS = 600.0
TURNS = 10


@dataclass(frozen=True)
class Patience:
    """Seconds: `boot` until a VM that boots answers, `propagation` until it takes a new key (gcloud waits as long),
    `host_keys` until it publishes its own, `revoke` until nobody waits for a key to be gone."""

    boot: float = 120.0
    propagation: float = 60.0
    host_keys: float = 60.0
    pause: float = 1.0
    revoke: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def moments(self, seconds: float, cancelled: Callable[[], bool], until: float = math.inf) -> Iterator[None]:
        """One moment each pause, the first at once, the last after so many seconds or where the next would come later
        than `until` (on `clock`). Raises Cancelled."""
        end = min(self.clock() + seconds, until - self.pause)
        while True:
            if cancelled():
                raise Cancelled
            yield
            if self.clock() >= end:
                return
            for _ in range(TURNS):
                if cancelled():
                    raise Cancelled
                self.sleep(self.pause / TURNS)


def is_young(instance: dict[str, Any], now: float) -> bool:
    """Whether an instance was started so lately that what is not there yet may still come; True where it does not
    say when."""
    started = str(instance.get("lastStartTimestamp") or instance.get("creationTimestamp") or "")
    try:
        return now - datetime.fromisoformat(started).timestamp() < YOUNG_SECONDS
    except ValueError:
        return True
