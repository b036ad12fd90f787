"""Where a session stands and what it needs next, in the operator's words: from its records alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from meshvm_tui.durations import epoch, span
from meshvm_tui.events import Stage, StepState
from meshvm_tui.problem_catalog import CATALOG

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.session import Session, StepRecord
    from meshvm_tui.steps.step import Step

SHORT = {
    "MVM-212": "no address yet",
    "MVM-213": "it will never get an address",
    "MVM-214": "its host name cannot be resolved",
    "MVM-215": "not available yet",
    "MVM-202": "istiod is not available yet",
}
"""What is still awaited, where the stage's name and these words say all; anything else is told with its code."""
_DONE = (StepState.SUCCEEDED.value, StepState.SKIPPED.value)
_PROBES = "probe-"


class Need(StrEnum):
    """What kind of next thing it is."""

    BEGIN = "begin"
    GO_ON = "go-on"
    MEND = "mend"
    WAIT = "wait"
    NOTHING = "nothing"


@dataclass(frozen=True)
class SessionStanding:
    """`words` is what it needs next; `stage` is where ("" where it needs nothing)."""

    need: Need
    stage: str
    words: str


def standing_of(session: Session, now: float) -> SessionStanding:
    """A failure first, then what was cut off, then the first step that was never done."""
    from meshvm_tui.steps import steps_for

    steps = steps_for(session.plan)
    known = [(step, machine, session.record(step.id, machine)) for step, machine in steps]
    for state in (StepState.FAILED, StepState.RUNNING, StepState.CANCELLED):
        for step, machine, record in known:
            if record is not None and record.state == state.value:
                return _stopped(step, machine, record)
    if not session.records:
        return _not_begun(session)
    for step, machine, record in known:
        if record is not None and record.state == StepState.LEFT_OUT.value:
            words = f"{step.title} was skipped: not proven"
            return SessionStanding(Need.GO_ON, step.stage.value, _at(step, machine, words))
        if record is None or record.state not in _DONE:
            return SessionStanding(Need.GO_ON, step.stage.value, _at(step, machine, f"next is {step.title}"))
    if not session.plan.machines:
        return SessionStanding(Need.GO_ON, Stage.MACHINE.value, "Machine: none is named yet")
    return SessionStanding(Need.NOTHING, "", _all_done([record for _, _, record in known if record], now))


def cluster_words(plan: Plan) -> str:
    """The cluster as the operator calls it; "" where none is named yet."""
    if plan.cluster.context:
        return plan.cluster.context
    gke = plan.cluster.gke
    if gke is None:
        return ""
    name = f"{gke.project}/{gke.name}" if gke.project else gke.name
    return f"GKE {name}, {gke.location}"


def _stopped(step: Step, machine: str, record: StepRecord) -> SessionStanding:
    stage = step.stage.value
    if record.state == StepState.RUNNING.value:
        return SessionStanding(Need.GO_ON, stage, _at(step, machine, f"cut off in {step.title}"))
    if record.state == StepState.CANCELLED.value:
        return SessionStanding(Need.GO_ON, stage, _at(step, machine, f"cancelled in {step.title}"))
    if record.code in SHORT:
        return SessionStanding(Need.WAIT, stage, _at(step, machine, SHORT[record.code]))
    where = f" on {machine}" if machine else ""
    title = CATALOG[record.code].title if record.code in CATALOG else record.message
    return SessionStanding(Need.MEND, stage, f"{stage} failed{where}: {record.code} {title}".replace("  ", " "))


def _not_begun(session: Session) -> SessionStanding:
    stages = [stage.value for stage in Stage]
    stage = session.last_screen if session.last_screen in stages else Stage.CLUSTER.value
    if not cluster_words(session.plan) and stage == Stage.CLUSTER.value:
        return SessionStanding(Need.BEGIN, stage, "Cluster: not chosen yet")
    return SessionStanding(Need.BEGIN, stage, f"{stage}: filled in up to here, nothing applied yet")


def _all_done(records: list[StepRecord], now: float) -> str:
    asked = [epoch(record.finished) for record in records if record.step.startswith(_PROBES)]
    times = [time for time in asked if time is not None]
    if not times:
        return "all in place"
    return f"all answered {span(now - max(times))} ago"


def _at(step: Step, machine: str, words: str) -> str:
    return f"{step.stage.value} on {machine}: {words}" if machine else f"{step.stage.value}: {words}"
