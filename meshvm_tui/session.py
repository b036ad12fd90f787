"""A session: a plan with what was observed and done for it, as plain values that never change in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Event, StepFinished, StepStarted, StepState

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

CLUSTER_UID_KEY = "session//cluster-uid"
CLOCK_SUFFIX = "-expires"


@dataclass(frozen=True)
class StepRecord:
    """Where one step stands, of one machine or (machine "") of all. Times are RFC 3339, "" where there is none.

    `state`, `reason` and `message` are those of the last StepFinished; `changed` says whether any run changed
    the world for it. `code` is the problem's where it failed.
    """

    step: str
    machine: str
    state: str = StepState.PENDING.value
    reason: str = ""
    message: str = ""
    started: str = ""
    finished: str = ""
    changed: bool = False
    code: str = ""


@dataclass(frozen=True)
class Session:
    """A plan, one flat record per step, what undo needs (`kept`), and when things stop working (`clocks`).

    `kept` keys are "<step>/<machine>/<name>"; `clocks` are "<machine>/<name>" with an RFC 3339 time.
    `origin` is a hash of the plan file that it began with, "" where it began with an empty form.
    """

    name: str
    plan: Plan
    records: tuple[StepRecord, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)
    clocks: Mapping[str, str] = field(default_factory=dict)
    last_screen: str = ""
    cluster_uid: str = ""
    origin: str = ""

    def record(self, step: str, machine: str = "") -> StepRecord | None:
        """The record of a step, or None where it was never started."""
        return next((item for item in self.records if (item.step, item.machine) == (step, machine)), None)

    def with_event(self, event: Event) -> Session:
        """The session after an event: only StepStarted and StepFinished change it."""
        if isinstance(event, StepStarted):
            earlier = self.record(event.step, event.machine) or StepRecord(event.step, event.machine)
            return self._with_record(replace(earlier, state=StepState.RUNNING.value, started=event.time, finished=""))
        if isinstance(event, StepFinished):
            earlier = self.record(event.step, event.machine) or StepRecord(event.step, event.machine)
            return self._with_record(
                replace(
                    earlier,
                    state=event.state.value,
                    reason=event.reason,
                    message=event.message,
                    finished=event.time,
                    changed=earlier.changed or event.changed,
                    code=event.problem.code if event.problem else "",
                )
            )
        return self

    def with_kept(self, key: str, value: Any) -> Session:
        """The session with a value that was recorded; names that end in `-expires` are clocks as well."""
        kept = {**self.kept, key: value}
        if key == CLUSTER_UID_KEY:
            return replace(self, kept=kept, cluster_uid=str(value))
        if key.endswith(CLOCK_SUFFIX):
            _, machine, name = key.split("/", 2)
            clock = f"{machine}/{name.removesuffix(CLOCK_SUFFIX)}"
            return replace(self, kept=kept, clocks={**self.clocks, clock: str(value)})
        return replace(self, kept=kept)

    def _with_record(self, record: StepRecord) -> Session:
        key = (record.step, record.machine)
        if self.record(*key) is None:
            return replace(self, records=(*self.records, record))
        records = tuple(record if (item.step, item.machine) == key else item for item in self.records)
        return replace(self, records=records)
