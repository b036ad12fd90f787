"""What the app does on threads before there is a wizard: load what is heavy, list sessions, open one."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshvm_tui.app_messages import SessionOpened, SessionRefused, SessionSaved, SessionsListed
from meshvm_tui.durations import epoch, span
from meshvm_tui.problems import PermanentError, Problem
from meshvm_tui.screens.home import SessionLine

if TYPE_CHECKING:
    from textual.message import Message

    from meshvm_tui.plan import Plan
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.session_store import SessionStore, SessionSummary

HEAVY = ("meshvm_tui.plan_file", "meshvm_tui.plan", "meshvm_tui.app_session", "meshvm_tui.screens.wizard")
Post = Callable[["Message"], object]


def in_thread(work: Callable[[], object], name: str) -> threading.Thread:
    """Runs it on a daemon thread: the process never waits for it."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def prepare(store: SessionStore, post: Post) -> None:
    """Lists the sessions, and loads what the wizard needs while the operator reads."""

    def work() -> None:
        for module in HEAVY:
            importlib.import_module(module)
        post(SessionsListed(list_sessions(store)))
        # The first help would otherwise wait for it.
        importlib.import_module("meshvm_tui.plan_valid").valid_words("")

    in_thread(work, "meshvm-prepare")


def list_sessions(store: SessionStore) -> tuple[SessionLine, ...]:
    """The sessions as home shows them; none where the folder cannot be read."""
    try:
        return tuple(map(_line, store.list()))
    except (Problem, OSError):
        return ()


def open_in_thread(
    store: SessionStore, name: str, plan: Plan | None, post: Post, *, after: threading.Thread | None = None
) -> None:
    """Opens a session, or makes one; tells SessionOpened or SessionRefused. `after` is what lets another one go."""

    def saved(problem: ProblemRecord | None) -> None:
        post(SessionSaved(problem))

    def work() -> None:
        from meshvm_tui.app_session import SessionKeeper, open_session

        if after:
            after.join()
        try:
            post(SessionOpened(SessionKeeper(open_session(store, name, plan), saved)))
        except Problem as problem:
            post(SessionRefused(problem.record()))
        except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
            post(SessionRefused(PermanentError("MVM-901", f"{type(error).__name__}: {error}").record()))

    in_thread(work, "meshvm-open")


def _line(summary: SessionSummary) -> SessionLine:
    updated = epoch(summary.updated)
    ago = f"{span(time.time() - updated)} ago" if updated is not None else ""
    failed = f"{summary.failed} failed" if summary.failed else ""
    done = f"{summary.done} steps done" if summary.done else "nothing done yet"
    workload = summary.workload.rpartition("/")[2]
    # The session is called after the workload that it began with.
    renamed = workload if workload != summary.name else ""
    words = (renamed, summary.context, done, failed, ago)
    problem = summary.problem or (f"open in {summary.held_by}" if summary.held_by else "")
    return SessionLine(summary.name, "  ".join(word for word in words if word), problem)
