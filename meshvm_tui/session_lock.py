"""Who may use a session's folder: one process at a time. The kernel takes the right back however that process ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from meshvm_tui.problems import ActionNeeded, PermanentError

FILE_NAME = "lock"
LOOKED_AT = 0.2
"""Seconds in which a lock may be taken only because somebody looks whether it is: a list of sessions, elsewhere."""


@dataclass(frozen=True)
class Holder:
    """The process that has a session open; `pid` is 0 where its own words cannot be read. `since` is RFC 3339."""

    pid: int = 0
    host: str = ""
    since: str = ""

    def words(self) -> str:
        """Who it is, as a problem says it."""
        return f"process {self.pid} on {self.host} since {self.since}" if self.pid else "another process"


class SessionLock:
    """The right to a session's folder. Raises ActionNeeded MVM-711 where another process has it."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE_NAME
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise PermanentError("MVM-717", f"{path}: {error}") from error
        try:
            _take(self._handle)
        except OSError as error:
            os.close(self._handle)
            raise ActionNeeded("MVM-711", f"{folder.name} is held by {_holder(path).words()}.") from error
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
        # Only told to others: on a full disk the lock holds as well without.
        with contextlib.suppress(OSError):
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, json.dumps(holder).encode(), 0)

    def release(self) -> None:
        """Gives it back; a second call does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def holder_of(folder: Path) -> Holder | None:
    """Who holds a session now; None where nobody does."""
    path = folder / FILE_NAME
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        # Shared, so that two that look never take each other for a holder.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _holder(path)
    finally:
        os.close(handle)
    return None


def now() -> str:
    """This moment as RFC 3339 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _take(handle: int) -> None:
    end = time.monotonic() + LOOKED_AT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.01)
        else:
            return


def _holder(path: Path) -> Holder:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(told["pid"]), str(told["host"]), str(told["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()
