"""What the app's threads tell it: messages with finished, immutable results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from meshvm_tui.app_session import SessionKeeper
    from meshvm_tui.events import Event, Stage
    from meshvm_tui.inquiries import Answer
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.home_rows import SessionLine
    from meshvm_tui.screens.messages import ServerAnswer
    from meshvm_tui.start_facts import StartFact


@dataclass
class EngineTold(Message):
    """An event of the run with this token."""

    token: int
    event: Event


@dataclass
class EngineBroke(Message):
    """The run with this token ended without its end."""

    token: int
    problem: ProblemRecord


@dataclass
class SessionOpened(Message):
    """A session is open and held."""

    keeper: SessionKeeper


@dataclass
class SessionRefused(Message):
    """A session cannot be opened."""

    problem: ProblemRecord


@dataclass
class SessionsListed(Message):
    """The sessions on disk."""

    sessions: tuple[SessionLine, ...]


@dataclass
class SessionActed(Message):
    """What was done with a session as a whole, or why it was not."""

    done: str
    problem: ProblemRecord | None


@dataclass
class StartLookedAt(Message):
    """Something that a first onboarding needs was looked at."""

    fact: StartFact


@dataclass
class SessionSaved(Message):
    """Everything typed so far is on disk, or the problem that stands in the way."""

    problem: ProblemRecord | None


@dataclass
class QuestionAnswered(Message):
    """The answer to what a screen asked."""

    answer: Answer


@dataclass
class WatchBroke(Message):
    """The watch of the entries ended."""

    problem: ProblemRecord


@dataclass
class SavedForRun(Message):
    """The session is on disk and a run up to this stage may begin, or the problem that stands in the way."""

    stage: Stage
    problem: ProblemRecord | None


@dataclass
class ClusterChanged(Message):
    """The session belongs to another cluster now and this stage can be reviewed, or what stands in the way."""

    stage: Stage
    problem: ProblemRecord | None


@dataclass
class SessionClosed(Message):
    """The session was saved and let go, or the problem that stood in the way."""

    problem: ProblemRecord | None


@dataclass
class ReadyToExit(Message):
    """All is saved, or why not; nothing is under way any more, or it took too long to wait for."""

    code: int
    problem: ProblemRecord | None = None


@dataclass
class KeymapJudged(Message):
    """The operator's keys as far as they are valid, and what is not valid in the file of preferences."""

    keymap: dict[str, str]
    problems: tuple[str, ...]


@dataclass
class Noted(Message):
    """What a thread wants said: where a picture is, why a choice is not remembered."""

    words: str


@dataclass
class FileSaved(Message):
    """A file is saved; or another one is there, or something stands in the way."""

    path: str
    exists: bool
    trouble: str


@dataclass
class ServerAnswered(Message):
    """The server's word on one object in this trial; None where it has been asked for all of them."""

    trial: object
    answer: ServerAnswer | None
    problem: ProblemRecord | None = None
