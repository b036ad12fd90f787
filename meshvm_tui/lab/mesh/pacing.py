"""The lab's haste: small seeded delays, so that independent events come in another order with another seed."""

from __future__ import annotations

import asyncio
import random


class Pacing:
    """Draws delays, in seconds, and names' random endings from one seed."""

    ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own: no vowels, no look-alikes

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def pause(self, shortest: float, longest: float) -> None:
        """Waits for a time between these two."""
        await asyncio.sleep(self._chance.uniform(shortest, longest))

    def suffix(self, length: int = 5) -> str:
        """A random ending of a name."""
        return "".join(self._chance.choice(self.ALPHABET) for _ in range(length))
