"""What can be done with a session as a whole: another name, a second one with the same plan, deletion.

All of it holds the session meanwhile: one that another process has open is left alone (ActionNeeded MVM-711).
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.problems import PermanentError
from meshvm_tui.session_lock import SessionLock
from meshvm_tui.session_store import checked_name

if TYPE_CHECKING:
    from meshvm_tui.session_store import SessionStore

TRASH = ".trash-"
"""How a folder's name begins while it is removed. No session is called so: a crash leaves none half there."""


def rename_session(store: SessionStore, name: str, new: str) -> None:
    """Gives a session another name. Raises Problem: MVM-711, 715, 716, 717, 718."""
    folder, target = store.root / checked_name(name), store.root / checked_name(new)
    if new == name:
        return
    _refuse_taken(store, new)
    with _held(store, name):
        try:
            folder.rename(target)
        except OSError as error:
            raise PermanentError("MVM-717", f"{folder} to {target}: {error}") from error


def copy_session(store: SessionStore, name: str, new: str) -> None:
    """A new session with the plan of this one and nothing else of it: no records, nothing kept, no files."""
    session = store.read(name)
    store.create(new, session.plan).close()


def delete_session(store: SessionStore, name: str) -> None:
    """Removes the session's folder, also a damaged one; nothing outside of it. Raises Problem."""
    folder = store.root / checked_name(name)
    trash = store.root / f"{TRASH}{name}-{uuid.uuid4().hex[:8]}"
    with _held(store, name):
        try:
            folder.rename(trash)
        except OSError as error:
            raise PermanentError("MVM-717", f"{folder}: {error}") from error
    sweep(store)


def sweep(store: SessionStore) -> None:
    """Removes what a deletion that was cut off has left behind."""
    with contextlib.suppress(OSError):
        for trash in store.root.glob(f"{TRASH}*"):
            shutil.rmtree(trash, ignore_errors=True)


def save_plan(store: SessionStore, name: str, path: Path) -> None:
    """Writes the session's plan as YAML into a file that is not there yet. Raises Problem: MVM-703 and the store's."""
    from meshvm_tui.plan_file import dump_plan

    text = dump_plan(store.read(name).plan)
    try:
        with path.expanduser().open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise PermanentError("MVM-703", f"{path} is there already.") from error
    except OSError as error:
        raise PermanentError("MVM-703", f"{path}: {error.strerror}") from error


@contextlib.contextmanager
def _held(store: SessionStore, name: str) -> Iterator[None]:
    if not store.exists(name):
        raise PermanentError("MVM-715", f"{store.root / name} holds no session.")
    lock = SessionLock(store.root / name)
    try:
        yield
    finally:
        lock.release()


def _refuse_taken(store: SessionStore, name: str) -> None:
    if store.exists(name):
        raise PermanentError("MVM-718", f"{store.root / name}")
