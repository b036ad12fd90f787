"""Times two things side by side and says their ratio, so that a busy machine weighs on both alike."""

from __future__ import annotations

import os
import pty
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Two medians in seconds and the budget for the first as a multiple of the second."""

    name: str
    ours: float
    theirs: float
    budget: float

    def __str__(self) -> str:
        ratio = self.ours / self.theirs
        verdict = "within" if ratio <= self.budget else "OVER"
        return (
            f"{self.name:<58} {self.ours:7.3f} s / {self.theirs:7.3f} s = {ratio:5.2f} x"
            f"   {verdict} the budget of {self.budget:.2f} x"
        )


def side_by_side(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> tuple[float, float]:
    """The medians of both, measured alternately after one unmeasured round."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def run_time(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Seconds from the start of a command to its end; it must succeed."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def time_to_text(command: Sequence[str], text: bytes, environment: Mapping[str, str]) -> float:
    """Seconds from the start of a terminal program to the text's first appearance on its 80x24 terminal."""
    start = time.perf_counter()
    with shown_on_a_terminal(command, text, environment):
        return time.perf_counter() - start


@contextmanager
def shown_on_a_terminal(command: Sequence[str], text: bytes, environment: Mapping[str, str]) -> Iterator[int]:
    """A terminal program on which the text has appeared; its process id. It is killed afterwards."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(command), dict(environment))
    seen = b""
    try:
        while text not in seen:
            if not select.select([terminal], [], [], 30)[0]:
                sys.exit(f"{command}: {text!r} did not appear; seen: {seen[-500:]!r}")
            seen += os.read(terminal, 65536)
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
