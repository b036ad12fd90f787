"""A program that has the terminal while the app is suspended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from types import FrameType


def run_child(command: Sequence[str]) -> int:
    """Runs it to its end and gives its exit status.

    Ctrl+C is the child's alone. Being asked to end asks the child, too: the app's own answer to the signal comes right
    after the child has ended, for the event loop has heard it as well.
    """
    child = subprocess.Popen(command)

    def pass_on(number: int, _: FrameType | None) -> None:
        if child.poll() is None:
            child.send_signal(number)

    # Handlers, not SIG_IGN: a child started here later would inherit that.
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        return child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
