"""How a command that failed as a whole says so: a problem in words, and its exit code."""

from __future__ import annotations

import errno
import os
import traceback

from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.locations import state_dir
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem
from meshvm_tui.redaction import redact
from meshvm_tui.terminal_output import show_problem

_NOT_WRITTEN = (errno.ENOSPC, errno.EBADF, errno.EIO, errno.EFBIG, errno.EDQUOT)
_USAGE_CODES = frozenset({"MVM-701", "MVM-702", "MVM-716"})


def show_failure(error: Exception) -> ExitCode:
    """Says what went wrong on stderr and gives the exit code; the traceback of the unforeseen goes to a file."""
    if isinstance(error, Cancelled):
        return ExitCode.CANCELLED
    if not isinstance(error, Problem):
        error = _unforeseen(error)
    show_problem(error)
    if error.code in _USAGE_CODES:
        return ExitCode.USAGE
    return ExitCode.ACTION_NEEDED if isinstance(error, ActionNeeded) else ExitCode.FAILED


def _unforeseen(error: Exception) -> Problem:
    if isinstance(error, OSError) and error.errno in _NOT_WRITTEN and error.filename is None:
        # Files that are written by name say which; what has none is where the command writes to.
        return PermanentError("MVM-724", f"{error.strerror}")
    words = redact(f"{type(error).__name__}: {error}")
    path = state_dir() / "last-failure.log"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(redact("".join(traceback.format_exception(error))))
    except OSError:
        return PermanentError("MVM-901", words, next_action="Send these words with a report.")
    return PermanentError("MVM-901", words, next_action=f"Send {path} with a report.")
