"""How a command ends."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    """Everything that was asked for is true."""
    FAILED = 1
    """Something failed; the problem says what."""
    USAGE = 2
    """The command line or the plan is not valid."""
    ACTION_NEEDED = 3
    """The operator must do something; the same command goes on after it."""
    CANCELLED = 4
    """The operator cancelled."""
    SOME_MACHINES_FAILED = 5
    """Some machines are done, others failed."""
    CHANGES_PENDING = 6
    """A dry run found something to change."""
    NOT_PROVEN = 7
    """Everything is done but what the operator skipped: that is not proven."""
