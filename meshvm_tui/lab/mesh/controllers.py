"""Runs the lab's controllers: each looks at the whole world after every burst of changes and mends its part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from meshvm_tui.lab.cluster_api.errors import ApiError
from meshvm_tui.lab.mesh.changes import Changes
from meshvm_tui.lab.mesh.pacing import Pacing

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

SHORTEST, LONGEST = 0.01, 0.06  # seconds between a change and what a controller makes of it


class Controller(Protocol):
    """One control loop. `keys` are the kinds whose changes call it; `tick` (seconds, 0 for never) calls it as well."""

    @property
    def keys(self) -> Sequence[str]:
        """What it follows."""

    @property
    def tick(self) -> float:
        """How often it looks without a change."""

    def reconcile(self) -> None:
        """Mends what is not as it should be; called again after its own changes."""


class Controllers:
    """All control loops, started and ended together."""

    def __init__(
        self, objects: Objects, controllers: Sequence[Controller], pacing: Pacing, log: Callable[[str], None]
    ) -> None:
        self._pacing = pacing
        self._log = log
        self._loops = [(one, Changes(objects, one.keys)) for one in controllers]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts every loop."""
        for controller, changes in self._loops:
            changes.start()
            self._tasks.append(asyncio.create_task(self._run(controller, changes)))
            if controller.tick:
                self._tasks.append(asyncio.create_task(_tick(controller.tick, changes)))

    async def stop(self) -> None:
        """Ends every loop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(changes.stop() for _, changes in self._loops))

    async def _run(self, controller: Controller, changes: Changes) -> None:
        async for _ in changes.follow():
            await self._pacing.pause(SHORTEST, LONGEST)
            try:
                controller.reconcile()
            except ApiError as error:
                # Somebody was faster, or a kind is not served yet: the next look sees the world as it is.
                self._log(f"warn\tcontroller\t{type(controller).__name__}: {error}")
                asyncio.get_running_loop().call_later(LONGEST, changes.poke)


async def _tick(seconds: float, changes: Changes) -> None:
    while True:
        await asyncio.sleep(seconds)
        changes.poke()
