"""What the app does on threads before there is a wizard: load what is heavy, list sessions, open one."""

from __future__ import annotations

import importlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.app_messages import SessionActed, SessionOpened, SessionRefused, SessionSaved, SessionsListed
from meshvm_tui.durations import epoch, span
from meshvm_tui.problems import PermanentError, Problem
from meshvm_tui.screens.glyphs import Mark
from meshvm_tui.screens.home_rows import SessionLine, session_about
from meshvm_tui.screens.messages import SessionAct, SessionWish

if TYPE_CHECKING:
    from textual.message import Message

    from meshvm_tui.plan import Plan
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.session_lock import Holder
    from meshvm_tui.session_store import SessionStore, SessionSummary

MARKS = {"begin": Mark.WAITING, "go-on": Mark.HERE, "mend": Mark.FAILED, "wait": Mark.ATTENTION, "nothing": Mark.DONE}
"""By what a session needs next (`session_standing.Need`)."""
WIZARD = (
    "meshvm_tui.app_runs",
    "meshvm_tui.app_session",
    "meshvm_tui.engine_worker",
    "meshvm_tui.screens.wizard",
    "meshvm_tui.step_times",
)
"""What the screen's thread takes up when a session is open: loaded before, so that it never waits for a disk."""
HEAVY = ("meshvm_tui.plan_file", "meshvm_tui.plan", *WIZARD)
Post = Callable[["Message"], object]


def in_thread(work: Callable[[], object], name: str) -> threading.Thread:
    """Runs it on a daemon thread: the process never waits for it."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def prepare(store: SessionStore, post: Post) -> None:
    """Lists the sessions, ends what a deletion that was cut off has begun, and loads what the wizard needs while the
    operator reads."""

    def work() -> None:
        from meshvm_tui.session_actions import sweep

        post(SessionsListed(list_sessions(store)))
        sweep(store)
        for module in HEAVY:
            importlib.import_module(module)
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
            for module in WIZARD:
                importlib.import_module(module)
            post(SessionOpened(SessionKeeper(open_session(store, name, plan), saved)))
        except Problem as problem:
            post(SessionRefused(problem.record()))
        except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
            post(SessionRefused(PermanentError("MVM-901", f"{type(error).__name__}: {error}").record()))

    in_thread(work, "meshvm-open")


def act_in_thread(store: SessionStore, wish: SessionWish, post: Post) -> None:
    """Does what is wanted with a session as a whole; tells SessionActed and the list as it is then."""

    def work() -> None:
        problem, done = None, ""
        try:
            done = _act(store, wish)
        except Problem as refused:
            problem = refused.record()
        except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
            problem = PermanentError("MVM-901", f"{type(error).__name__}: {error}").record()
        post(SessionsListed(list_sessions(store)))
        post(SessionActed(done, problem))

    in_thread(work, "meshvm-act")


def _act(store: SessionStore, wish: SessionWish) -> str:
    """Does it, and says so."""
    from meshvm_tui import session_actions as actions

    if wish.act is SessionAct.RENAME:
        actions.rename_session(store, wish.name, wish.new)
        return f"{wish.name} is called {wish.new} now."
    if wish.act is SessionAct.COPY:
        actions.copy_session(store, wish.name, wish.new)
        return f"{wish.new} has the plan of {wish.name}."
    if wish.act is SessionAct.DELETE:
        actions.delete_session(store, wish.name)
        return f"{wish.name} is deleted."
    path = Path(wish.new).expanduser().absolute()
    actions.save_plan(store, wish.name, path)
    return f"The plan is in {path}"


def _line(summary: SessionSummary) -> SessionLine:
    updated = epoch(summary.updated)
    workload = summary.workload.rpartition("/")[2]
    return SessionLine(
        name=summary.name,
        mark=_mark(summary),
        about=""
        if summary.problem
        else session_about(workload if workload != summary.name else "", summary.cluster, summary.machines),
        needs=summary.next,
        ago=f"{span(time.time() - updated)} ago" if updated is not None else "",
        problem=f"{summary.problem}; Enter says why, X deletes it" if summary.problem else "",
        held=_held(summary.holder),
        stays=tuple((item.place, item.things) for item in summary.stays),
    )


def _mark(summary: SessionSummary) -> Mark:
    if summary.problem:
        return Mark.FAILED
    return Mark.WORKING if summary.holder else MARKS.get(summary.need, Mark.WAITING)


def _held(holder: Holder | None) -> str:
    if holder is None:
        return ""
    if not holder.pid:
        return "open in another terminal"
    since = epoch(holder.since)
    ago = f", since {span(time.time() - since)}" if since is not None else ""
    where = "" if holder.host == socket.gethostname() else f" on {holder.host}"
    return f"open in another terminal (pid {holder.pid}{where}){ago}"
