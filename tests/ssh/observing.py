"""An observation over SSH: what a VM answers, and what stops it."""

from __future__ import annotations

import pytest

from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.ports import GuestQuery
from meshvm_tui.problems import Problem

LINES = (
    b'{"topic":"time","now":"1000"}\n',
    b'{"topic":"who","user":"root"}\n',
    b'{"topic":"end"}\n',
)


def problem_of(target: SshTarget) -> Problem:
    """The problem that ends an observation of the target."""
    subject = SshGuest(target)
    with pytest.raises(Problem) as caught:
        subject.observe(GuestQuery())
    subject.close()
    return caught.value
