"""When what is there is looked at again: a change in the world shows within two seconds without a key, and nothing is
hammered. All times are monotonic seconds that the caller gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.events import Stage

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

EVERY = 1.0
"""Seconds from the beginning of a look to that of the next."""
EACH_ON_GOOGLE = 0.5
"""At least so many seconds for each VM on Compute Engine that is looked at: Google counts requests for a whole project,
by the minute. No kind of request is made more than 120 times a minute, of the 1500 that Google allows."""
REST_PART = 0.25
"""The pause after a look is at least this part of what it took, so that slow answers are asked for less often."""
AFTER_FAILURE = 1.0
"""Seconds from the end of a look that failed to the next one; twice as many after each that fails again."""
REST = 15.0
"""Seconds between two looks while they fail again and again, or while nobody is there."""
NOBODY_AFTER = 600.0
"""Seconds without a key after which nobody is there."""
SLEPT = 20.0
"""Seconds by which the wall clock runs ahead of the monotonic one after the computer slept."""
LOST_AFTER = 60.0
"""Seconds after which a look that never ended is begun again."""
NEVER = float("inf")


class LookPace:
    """Tells when to look."""

    def __init__(self) -> None:
        self._when = NEVER
        self._began = 0.0
        self._failed = 0
        self._wished = False
        """Whether somebody waits for a look that has not begun; the end of one before it does not put that off."""
        self._touched = 0.0
        self._away = False
        self.resting = False
        """Whether the next look waits for somebody to be there."""
        self._clocks: tuple[float, float] | None = None

    def wanted(self, now: float, after: float) -> None:
        """The operator came to a stage or edited it: look after so many seconds."""
        self._when, self._failed, self._touched, self._wished = now + after, 0, now, True

    def rest(self) -> None:
        """No look before one is wanted."""
        self._when = NEVER

    def until(self, now: float) -> float:
        """Seconds until the next look."""
        return self._when - now

    def due(self, now: float) -> bool:
        """Whether to look now."""
        return now >= self._when

    def began(self, now: float) -> None:
        """A look has begun."""
        self._began, self._when, self._wished = now, now + LOST_AFTER, False

    def ended(self, now: float, *, well: bool, google: int = 0) -> None:
        """A look has ended, which asked Google for so many VMs: when the next one is."""
        self._failed = 0 if well else self._failed + 1
        pause = pause_after(now - self._began, google=google)
        if not well:
            pause = max(pause, AFTER_FAILURE * 2**self._failed)
        pause = min(REST, pause)
        self.resting = self._nobody(now)
        if self._wished:
            return
        self._when = now + (REST if self.resting else pause)

    def touched(self, now: float) -> None:
        """A key was pressed, or the terminal is looked at again."""
        was_away, self._away = self._nobody(now), False
        self._touched = now
        if was_away and self._when != NEVER:
            self._when = min(self._when, now)

    def left(self) -> None:
        """The terminal is not looked at any more."""
        self._away = True

    def slept(self, now: float, wall: float) -> bool:
        """Whether the computer slept since this was asked last; then everything is looked at at once."""
        before, self._clocks = self._clocks, (now, wall)
        if before is None or (wall - before[1]) - (now - before[0]) < SLEPT:
            return False
        if self._when != NEVER:
            self._when, self._failed, self._touched = now, 0, now
        return True

    def _nobody(self, now: float) -> bool:
        return self._away or now - self._touched > NOBODY_AFTER


def pause_after(seconds: float, *, google: int) -> float:
    """Seconds between the end of a look that took so many and asked Google for so many VMs, and the next one."""
    return max(EVERY - seconds, EACH_ON_GOOGLE * google - seconds, REST_PART * seconds)


def asked_of_google(plan: Plan, upto: Stage) -> int:
    """For how many VMs a look up to this stage asks Google."""
    stages = list(Stage)
    looks = stages.index(upto) >= stages.index(Stage.MACHINE)
    return sum(machine.gce is not None for machine in plan.machines) if looks else 0
