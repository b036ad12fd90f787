"""What the engine tells while it runs. Frozen, and made of JSON-able values only; never a secret in them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from meshvm_tui.findings import Finding
from meshvm_tui.problems import ProblemRecord


class Stage(StrEnum):
    """A part of the plan with a screen of its own, in the order of the work."""

    CLUSTER = "Cluster"
    MESH = "Mesh"
    GATEWAY = "Gateway"
    WORKLOAD = "Workload"
    MACHINE = "Machine"
    FILES = "Files"
    INSTALL = "Install"
    SERVICES = "Services"


class Mode(StrEnum):
    """How far a run may go."""

    OBSERVE = "observe"
    PLAN = "plan"
    APPLY = "apply"


class StepState(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    SKIPPED = "skipped"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LEFT_OUT = "left-out"
    """The operator skipped it: neither done nor failed."""


class Standing(StrEnum):
    """What an observation found."""

    SATISFIED = "satisfied"
    MISSING = "missing"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


PASSING_ACTIONS = ("probe", "grant")
"""Actions that leave the world as it was when the run ends, and count as no change."""


@dataclass(frozen=True)
class Change:
    """One thing that apply would do: an object or file, its diff, and the command that does the same by hand.

    `action` is create, update, delete, run, probe or grant (access for the run's own time). `fingerprint` is a hash of
    what the change was computed from; apply refuses a change whose fingerprint has moved since it was shown.
    `script` is what the saved script runs instead of `commands`, where those are shortened for people.
    """

    action: str
    target: str
    diff: str = ""
    commands: tuple[str, ...] = ()
    fingerprint: str = ""
    script: tuple[str, ...] = ()


class FileStanding(StrEnum):
    """What a VM has of a file that it should have."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING = "not on the VM"
    NOT_NEEDED = "not needed"
    UNKNOWN = "not known yet"


@dataclass(frozen=True)
class FileView:
    """One of a machine's bootstrap files, for showing. `content` is as it is wanted, or as the VM has it while that
    is not known; `differs` says by key what differs, `note` what else there is to say.

    Of a token there is never any content or size, only when it ends (seconds since the epoch; 0: not known).
    """

    name: str
    place: str
    standing: FileStanding
    content: str = ""
    diff: str = ""
    differs: tuple[str, ...] = ()
    note: str = ""
    expires: float = 0.0


@dataclass(frozen=True)
class Observation:
    """What is there now. `reason` is one CamelCase word; `waits_for` names the step that must run first
    where the standing is unknown; `details` are values worth showing (ordered name and value); `findings` are what
    checks say about it; `files` are for the screens and stand in no log."""

    standing: Standing
    reason: str
    message: str
    details: tuple[tuple[str, str], ...] = ()
    waits_for: str = ""
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    files: tuple[FileView, ...] = ()


@dataclass(frozen=True)
class Event:
    """The root of all events. `time` is RFC 3339 in UTC; `session` is empty where there is none."""

    time: str
    session: str

    def record(self) -> dict[str, Any]:
        """The event as one JSON object, with its name under `event`."""
        value = asdict(self)
        (value.get("observation") or {}).pop("files", None)
        return {"event": type(self).__name__, **value}


@dataclass(frozen=True)
class RunStarted(Event):
    """A run begins with these steps: (step id, machine or "", stage, title)."""

    mode: Mode
    steps: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class StepStarted(Event):
    """A step is being observed or applied. `may_skip`: the run can go on without it while it is at work."""

    step: str
    machine: str
    title: str
    may_skip: bool = False


@dataclass(frozen=True)
class StepPlanned(Event):
    """What a step is about to do, told right before it does it (only in APPLY, only where something is missing)."""

    step: str
    machine: str
    observation: Observation
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class StepLogged(Event):
    """A line of what a step does or what another system said (`source`: engine, cluster, guest, istioctl)."""

    step: str
    machine: str
    source: str
    text: str


@dataclass(frozen=True)
class StepProgressed(Event):
    """What a running step waits for or has reached; `done` and `total` only where there is a number."""

    step: str
    machine: str
    message: str
    done: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class StepFinished(Event):
    """A step ended. `changed` says whether the world is different now; `seconds` is how long it took.

    `may_skip`: it failed, and the run can go on without it, for it only proves something.
    """

    step: str
    machine: str
    state: StepState
    changed: bool
    reason: str
    message: str
    seconds: float
    observation: Observation | None = None
    changes: tuple[Change, ...] = ()
    problem: ProblemRecord | None = None
    may_skip: bool = False


@dataclass(frozen=True)
class RunFinished(Event):
    """A run ended with this exit code (see `exit_codes`)."""

    mode: Mode
    exit_code: int
    changed: bool
    message: str
