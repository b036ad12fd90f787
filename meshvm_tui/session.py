"""A session: a plan with what was observed and done for it, as plain values that never change in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from meshvm_tui.cluster_identity import CLUSTER_KEY, UID_KEY, ClusterIdentity
from meshvm_tui.events import Event, StepFinished, StepStarted, StepState

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

CLOCK_SUFFIX = "-expires"
_OBJECTS = ("before/", "uid/")
_CLUSTER_STEPS = ("control-plane", "entry-registered")


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
    `origin` is a hash of the plan file that it began with, "" where it began with an empty form. `draft` are parts that
    lack something which the plan cannot do without, by path, with what is typed so far.
    """

    name: str
    plan: Plan
    records: tuple[StepRecord, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)
    clocks: Mapping[str, str] = field(default_factory=dict)
    last_screen: str = ""
    cluster_uid: str = ""
    origin: str = ""
    draft: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

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
        if key == UID_KEY:
            return replace(self, kept=kept, cluster_uid=str(value))
        if key.endswith(CLOCK_SUFFIX):
            _, machine, name = key.split("/", 2)
            clock = f"{machine}/{name.removesuffix(CLOCK_SUFFIX)}"
            return replace(self, kept=kept, clocks={**self.clocks, clock: str(value)})
        return replace(self, kept=kept)

    def in_cluster(self, cluster: ClusterIdentity) -> Session:
        """The session in another cluster than the one that it changed: nothing counts as done there.

        What it did on the VMs and in Google Cloud is still its own; of the old cluster's objects it knows no more, so
        that nothing in the new one is ever taken for what it made.
        """
        kept = {key: value for key, value in self.kept.items() if not _of_a_cluster(key)} | cluster.kept()
        records = [replace(StepRecord(item.step, item.machine), changed=item.changed) for item in self.records]
        return replace(
            self,
            records=tuple(record for record in records if record.machine),
            kept=kept,
            clocks={},
            cluster_uid=cluster.uid,
        )

    def _with_record(self, record: StepRecord) -> Session:
        key = (record.step, record.machine)
        if self.record(*key) is None:
            return replace(self, records=(*self.records, record))
        records = tuple(record if (item.step, item.machine) == key else item for item in self.records)
        return replace(self, records=records)


def _of_a_cluster(key: str) -> bool:
    """Whether a kept value tells of objects in a cluster, or of a token that it issued."""
    step, _, rest = key.partition("/")
    name = rest.partition("/")[2]
    return (
        key in (UID_KEY, CLUSTER_KEY)
        or name.startswith(_OBJECTS)
        or name.endswith(CLOCK_SUFFIX)
        or step in _CLUSTER_STEPS
    )
