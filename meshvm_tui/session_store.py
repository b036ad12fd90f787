"""Sessions on disk: one folder each, 0700, held by one process at a time. Never a secret in session.json or a log.

A session that is damaged, newer than this version, or held by another process is refused with words.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.problems import PermanentError, Problem
from meshvm_tui.session_file import FILE_NAME, append_line, from_text, to_text, write_whole
from meshvm_tui.session_lock import Holder, SessionLock, holder_of, now
from meshvm_tui.session_names import NAME

if TYPE_CHECKING:
    from meshvm_tui.cluster_identity import ClusterIdentity
    from meshvm_tui.events import Event
    from meshvm_tui.plan import Plan
    from meshvm_tui.session import Session
    from meshvm_tui.session_leftovers import Leftovers


@dataclass(frozen=True)
class SessionSummary:
    """A session in a list. `problem` says why it cannot be opened, `held_by` which process has it open.

    `cluster` names it also where the plan has no context; `stage` and `next` say what it needs (`session_standing`).
    `stays` is what it has made outside this computer, by place."""

    name: str
    updated: str
    context: str = ""
    cluster: str = ""
    workload: str = ""
    machines: tuple[str, ...] = ()
    done: int = 0
    failed: int = 0
    held_by: str = ""
    holder: Holder | None = None
    problem: str = ""
    need: str = ""
    stage: str = ""
    next: str = ""
    stays: tuple[Leftovers, ...] = ()


class OpenSession:
    """A session that this process holds until `close`. Every method may be called from any thread."""

    def __init__(self, folder: Path, session: Session, lock: SessionLock) -> None:
        self.folder = folder
        self._session = session
        self._lock = lock
        self._writing = threading.Lock()

    @property
    def session(self) -> Session:
        """As it was last saved."""
        return self._session

    @property
    def files_dir(self) -> Path:
        """Where each machine's bootstrap files get a folder."""
        return self.folder / "files"

    def save(self, session: Session) -> None:
        """Writes the session where it differs from what was last saved."""
        with self._writing:
            if session != self._session:
                write_whole(self.folder / FILE_NAME, to_text(session))
                self._session = session

    def take_event(self, event: Event) -> None:
        """Logs an event and folds it into the saved session, in one step for all threads."""
        self.append_log(event.record())
        self._change(lambda session: session.with_event(event))

    def take_kept(self, key: str, value: Any) -> None:
        """Saves a value that a step recorded."""
        self._change(lambda session: session.with_kept(key, value))

    def move_to(self, cluster: ClusterIdentity) -> None:
        """The session goes on in another cluster; the journal keeps which one it was, and what it had made there."""
        from meshvm_tui.session_leftovers import IN_CLUSTER, leftovers

        session = self._session
        stays = [thing for item in leftovers(session) if item.place == IN_CLUSTER for thing in item.things]
        self.append_journal("cluster", {"from": session.cluster_uid, "to": cluster.uid, "stays": stays})
        self._change(lambda held: held.in_cluster(cluster))

    def append_journal(self, kind: str, values: Mapping[str, Any]) -> None:
        """Adds an intent or a result to the journal."""
        append_line(self.folder / "journal.jsonl", {"time": now(), "kind": kind, **values}, durable=True)

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Adds an event to the log."""
        append_line(self.folder / "log.jsonl", dict(record))

    def close(self) -> None:
        """Lets another process have the session."""
        self._lock.release()

    def _change(self, change: Callable[[Session], Session]) -> None:
        with self._writing:
            session = change(self._session)
            if session is not self._session:
                write_whole(self.folder / FILE_NAME, to_text(session))
                self._session = session


class SessionStore:
    """The sessions in one folder, which is made when the first of them is."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self, name: str) -> bool:
        """Whether there is a session of that name."""
        return (self.root / checked_name(name) / FILE_NAME).exists()

    def create(self, name: str, plan: Plan, *, origin: str = "") -> OpenSession:
        """A new session, held. Raises PermanentError MVM-716, 717 or 718, ActionNeeded MVM-711."""
        from meshvm_tui.session import Session

        folder = self.root / checked_name(name)
        try:
            for place in (self.root, folder, folder / "files"):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise PermanentError("MVM-717", f"{folder}: {error}") from error
        lock = SessionLock(folder)
        try:
            if (folder / FILE_NAME).exists():
                raise PermanentError("MVM-718", f"{folder}")
            session = Session(name=name, plan=plan, origin=origin)
            write_whole(folder / FILE_NAME, to_text(session))
        except BaseException:
            lock.release()
            raise
        return OpenSession(folder, session, lock)

    def open(self, name: str) -> OpenSession:
        """An existing session, held.

        Raises ActionNeeded MVM-711 where another process holds it, PermanentError MVM-712, 713 or 715.
        """
        folder = self.root / checked_name(name)
        if not (folder / FILE_NAME).exists():
            raise PermanentError("MVM-715", f"{folder} holds no session.")
        lock = SessionLock(folder)
        try:
            return OpenSession(folder, self.read(name), lock)
        except BaseException:
            lock.release()
            raise

    def read(self, name: str) -> Session:
        """A session as it stands on disk, without holding it."""
        path = self.root / checked_name(name) / FILE_NAME
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise PermanentError("MVM-715", f"{path.parent} holds no session.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise PermanentError("MVM-712", f"{path}: {error}") from error
        return replace(from_text(text, path), name=name)

    def list(self) -> tuple[SessionSummary, ...]:
        """All sessions, the one that was changed last first; damaged ones with their problem."""
        if not self.root.is_dir():
            return ()
        names = [
            folder.name
            for folder in self.root.iterdir()
            if NAME.fullmatch(folder.name) and (folder / FILE_NAME).exists()
        ]
        found = [summary for name in names if (summary := self._summary(name))]
        return tuple(sorted(found, key=lambda item: item.updated, reverse=True))

    def signature(self) -> tuple[tuple[str, int, bool], ...]:
        """Something that is another one as soon as a session came, went, changed, was opened or was closed."""
        found = []
        for path in sorted(self.root.glob(f"*/{FILE_NAME}")):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.parent.name, path.stat().st_mtime_ns, holder_of(path.parent) is not None))
        return tuple(found)

    def _summary(self, name: str) -> SessionSummary | None:
        """None where the session was deleted or renamed meanwhile."""
        from meshvm_tui.session_leftovers import leftovers
        from meshvm_tui.session_standing import cluster_words, standing_of

        path = self.root / name / FILE_NAME
        try:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        except FileNotFoundError:
            return None
        holder = holder_of(self.root / name)
        held_by = holder.words() if holder else ""
        base = SessionSummary(name, changed.replace("+00:00", "Z"), held_by=held_by, holder=holder)
        try:
            session = self.read(name)
            standing = standing_of(session, time.time())
        except Problem as problem:
            return replace(base, problem=f"{problem.code} {problem.title}")
        except (TypeError, ValueError, AttributeError):
            # JSON of the right names whose values are of other kinds than we write.
            return replace(base, problem="MVM-712 The session is damaged")
        states = [record.state for record in session.records]
        return replace(
            base,
            context=session.plan.cluster.context,
            cluster=cluster_words(session.plan),
            workload=f"{session.plan.workload.namespace}/{session.plan.workload.name}",
            machines=tuple(machine.name for machine in session.plan.machines),
            done=sum(state in ("succeeded", "skipped") for state in states),
            failed=states.count("failed"),
            need=standing.need.value,
            stage=standing.stage,
            next=standing.words,
            stays=leftovers(session),
        )


def checked_name(name: str) -> str:
    """The name, if a folder may be called so. Raises PermanentError MVM-716."""
    if not NAME.fullmatch(name):
        raise PermanentError("MVM-716", f"{name!r}")
    return name
