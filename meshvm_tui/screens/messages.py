"""What screens tell the app: intents of the operator, as messages with plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from meshvm_tui.cluster_identity import ClusterIdentity
    from meshvm_tui.events import Stage
    from meshvm_tui.plan import Plan
    from meshvm_tui.plan_draft import Unfinished
    from meshvm_tui.plan_fields import Kind
    from meshvm_tui.screens.board import StepLine


class Intent(Message):
    """The root of all intents: they go to the app."""


@dataclass
class SessionChosen(Intent):
    """Go on with a session."""

    name: str


class SessionAct(StrEnum):
    """What can be done with a session as a whole."""

    RENAME = "rename"
    COPY = "copy"
    SAVE_PLAN = "save-plan"
    DELETE = "delete"


@dataclass
class SessionWish(Intent):
    """Do this with a session; `new` is the other name, or the file."""

    act: SessionAct
    name: str
    new: str


class NewOnboarding(Intent):
    """Begin a session with an empty plan."""


class MonitorChosen(Intent):
    """Look at the entries of the cluster, without a session."""


class LabChosen(Intent):
    """Leave for the lab."""


@dataclass
class PlanEdited(Intent):
    """The plan was changed by an accepted value."""

    plan: Plan


@dataclass
class DraftEdited(Intent):
    """Parts that lack something which the plan cannot do without, by path, with what is typed so far."""

    unfinished: Unfinished


@dataclass
class StageShown(Intent):
    """A stage is on the screen now: observe it, and remember where the operator is."""

    stage: Stage


@dataclass
class Question(Intent):
    """Answer this and give it to the wizard, with this token. `topic` is a name of `inquiries.Topic`; `about` is what
    stands in the fields that the answer depends on."""

    topic: str
    token: int = 0
    about: dict[str, str] = field(default_factory=dict)


@dataclass
class ReviewWanted(Intent):
    """Show everything that a run up to this stage would change."""

    stage: Stage


@dataclass
class RunWanted(Intent):
    """Apply what was reviewed, up to this stage; `skip` is a step and its machine that failed and is gone on without,
    beside those that were skipped before it. Without one all of them are asked for again."""

    stage: Stage
    skip: tuple[str, str] | None = None


class CancelWanted(Intent):
    """End the run that is under way."""


@dataclass
class SkipWanted(Intent):
    """Go on without this step of the run that is under way, although it is at work."""

    step: str
    machine: str


@dataclass
class HostKeyAccepted(Intent):
    """The operator compared a machine's host key and accepts it; go on with the review of this stage."""

    machine: str
    fingerprint: str
    stage: Stage


@dataclass
class ClusterAccepted(Intent):
    """The operator typed the name of the cluster that stands in the place of the session's own; go on with the review
    of this stage."""

    cluster: ClusterIdentity
    stage: Stage


@dataclass
class LoginWanted(Intent):
    """Hand the terminal over to this login, and then do what was under way once more."""

    command: tuple[str, ...]
    then: Intent


@dataclass
class FieldMended(Intent):
    """The operator gave a field of the plan the text that mends a problem; go on with the review of this stage."""

    path: str
    kind: Kind
    text: str
    stage: Stage


@dataclass
class SecretGiven(Intent):
    """The operator typed what sudo or a key asks for; go on with the review of this stage."""

    kind: str
    subject: str
    secret: str = field(repr=False)
    stage: Stage


@dataclass
class RunLeft(Intent):
    """The run's screen is done with: back to the stage, or on to the next one."""

    stage: Stage
    onward: bool


class WatchWanted(Intent):
    """Show the entries of the plan's namespace, live."""


class WatchLeft(Intent):
    """Nobody looks at the entries any more."""


class WizardLeft(Intent):
    """Back to home; the session is saved and let go."""


@dataclass
class SaveWanted(Intent):
    """Save the plan or the script of these lines under a path; `over` another file only where that was asked."""

    what: str
    path: str
    lines: tuple[StepLine, ...] = ()
    over: bool = False


@dataclass
class TrialWanted(Intent):
    """Ask the server, by a dry run, whether it would take what a run up to this stage writes."""

    stage: Stage


class TrialLeft(Intent):
    """Nobody waits for the server's word any more."""


@dataclass(frozen=True)
class ServerAnswer:
    """The server's word on one change: taken, refused (with code and words), or later (it cannot be asked yet)."""

    step: str
    target: str
    word: str
    code: str = ""
    words: str = ""


class FinishWanted(Intent):
    """Show what is true now."""


@dataclass
class FinishLeft(Intent):
    """Back to the wizard from what is true now, or home."""

    home: bool = False
