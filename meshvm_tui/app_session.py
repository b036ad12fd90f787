"""The session that the app has open: saved as one types, off the UI's thread, and at once when asked.

Every write to the session goes through one lock, so that the plan as it is typed and the records of a run never
overwrite one another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.problems import PermanentError, Problem, ProblemRecord

if TYPE_CHECKING:
    from meshvm_tui.cluster_identity import ClusterIdentity
    from meshvm_tui.events import Event
    from meshvm_tui.plan import Plan
    from meshvm_tui.plan_draft import Unfinished
    from meshvm_tui.session import Session
    from meshvm_tui.session_store import OpenSession, SessionStore

SAVE_AFTER = 0.05
"""Seconds in which further changes join a save; with the write itself it stays below 100 ms."""
TRY_AGAIN_AFTER = 3.0
"""Seconds after which a save that failed is tried again: somebody may have made room."""


class SessionKeeper:
    """An open session. `saved(problem)` is called from its thread after each save, with None where it went well."""

    def __init__(self, opened: OpenSession, saved: Callable[[ProblemRecord | None], None]) -> None:
        self._opened = opened
        self._saved = saved
        self._writing = threading.RLock()
        self._changed = threading.Condition()
        self._pending: tuple[Plan, str, Unfinished] | None = None
        self._closed = False
        self._unsaved = False
        """Whether the last save failed: the next one writes what it could not."""
        self.plan: Plan = opened.session.plan
        self._screen = opened.session.last_screen
        self._draft: Unfinished = opened.session.draft
        threading.Thread(target=self._work, name="meshvm-save", daemon=True).start()

    @property
    def session(self) -> Session:
        """As it was last saved."""
        return self._opened.session

    @property
    def files_root(self) -> Path:
        """Where each machine's bootstrap files get a folder."""
        return self._opened.files_dir

    def change(self, *, plan: Plan | None = None, screen: str | None = None, draft: Unfinished | None = None) -> None:
        """Another plan, another screen, or other parts that are not complete: saved soon."""
        self.plan = self.plan if plan is None else plan
        self._screen = self._screen if screen is None else screen
        self._draft = self._draft if draft is None else draft
        with self._changed:
            self._pending = (self.plan, self._screen, self._draft)
            self._changed.notify_all()

    def take_event(self, event: Event) -> None:
        """Folds an event of an applying run into the session and logs it; on the engine's thread."""
        with self._writing:
            self._opened.append_log(event.record())
            self._opened.save(self.session.with_event(event))

    def take_kept(self, key: str, value: Any) -> None:
        """Keeps a plain value for undo and later runs."""
        with self._writing:
            self._opened.save(self.session.with_kept(key, value))

    def append_journal(self, kind: str, values: Mapping[str, Any]) -> None:
        """Writes an intent or a result, at once."""
        with self._writing:
            self._opened.append_journal(kind, values)

    def flush(self) -> None:
        """Saves what waits, now; on any thread. Raises Problem where it cannot be written.

        It waits for a write that is under way: what was changed before is on disk when it returns, and nothing older
        is written after it.
        """
        with self._writing:
            with self._changed:
                pending, self._pending = self._pending, None
                unsaved, self._unsaved = self._unsaved, False
            if pending is None and not unsaved:
                return
            plan, screen, draft = pending or (self.plan, self._screen, self._draft)
            try:
                self._opened.save(replace(self.session, plan=plan, last_screen=screen, draft=draft))
            except BaseException:
                self._unsaved = True
                raise

    def accept_cluster(self, cluster: ClusterIdentity) -> ProblemRecord | None:
        """The session goes on in another cluster; gives the problem where that cannot be written."""
        return self._told(lambda: self._move(cluster))

    def save_now(self) -> ProblemRecord | None:
        """Saves what waits, now; gives the problem where it cannot be written."""
        return self._told(self.flush)

    def _move(self, cluster: ClusterIdentity) -> None:
        self.flush()
        with self._writing:
            self._opened.move_to(cluster)

    def _told(self, write: Callable[[], None]) -> ProblemRecord | None:
        try:
            write()
        except Problem as problem:
            return problem.record()
        except Exception as error:  # noqa: BLE001 (a full disk must not take the app down)
            return PermanentError("MVM-717", f"{type(error).__name__}: {error}").record()
        return None

    def close(self) -> ProblemRecord | None:
        """Saves and lets another process have the session; gives the problem where it cannot be written."""
        with self._changed:
            self._closed = True
            # Also what an earlier save could not write; what is on disk already is not written again.
            self._pending = (self.plan, self._screen, self._draft)
            self._changed.notify_all()
        problem = self.save_now()
        self._opened.close()
        return problem

    def _work(self) -> None:
        while True:
            with self._changed:
                again = TRY_AGAIN_AFTER if self._unsaved else None
                self._changed.wait_for(lambda: self._closed or self._pending is not None, again)
                if self._closed:
                    return
                self._changed.wait_for(lambda: self._closed, SAVE_AFTER)
            self._saved(self.save_now())


def open_session(store: SessionStore, name: str, plan: Plan | None) -> OpenSession:
    """The session of that name, with the plan where one is given; a new one where there is none of that name.

    Without a name a new session is made, called after the plan's workload. Raises Problem.
    """
    from meshvm_tui.plan import Plan as PlanDocument

    if name and store.exists(name):
        opened = store.open(name)
        if plan is not None:
            opened.save(replace(opened.session, plan=plan, draft={}))
        return opened
    fresh = plan or PlanDocument()
    return store.create(name or _free_name(store, fresh), fresh)


def _free_name(store: SessionStore, plan: Plan) -> str:
    base = plan.workload.name[:50]
    number = 1
    while store.exists(base if number == 1 else f"{base}-{number}"):
        number += 1
    return base if number == 1 else f"{base}-{number}"
