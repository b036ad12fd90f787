"""What the wizard's looks ask while a stage is open, and how soon a change shows.

Requests are counted by the lab, alike on every computer: the first look opens the ways; what is counted is the
second, and a minute of those that follow where a look takes no time. Seconds are those of this computer, where each
answer takes 20 ms; nothing is asserted of them. The tables are those of docs/looks.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from benchmarks.stall import lab_environment
from meshvm_tui.engine import RunRequest, run
from meshvm_tui.events import Mode, Stage
from meshvm_tui.look_memory import LookMemory
from meshvm_tui.look_pace import asked_of_google, pause_after
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import load_plan
from meshvm_tui.wiring import WiredConnections

LOGS = ("requests.jsonl", "google-requests.jsonl")
ANSWER = 0.02
"""Seconds that each answer of Google takes; the API server's are made as slow by the lab."""
MOST_ROUNDS = 3
PLANS = {"plan.yaml": "a VM by SSH", "google-plan.yaml": "GKE and Compute Engine"}


class Line(NamedTuple):
    """A stage of a plan: requests of one look to the API server and to Google, and the seconds between two looks."""

    plan: str
    stage: str
    cluster: int
    google: int
    pause: float

    def __str__(self) -> str:
        minute = 60 / self.pause
        each = f"{self.cluster} | {self.google} | {self.pause:.0f} s"
        return f"| {self.plan} | {self.stage} | {each} | {self.cluster * minute:.0f} | {self.google * minute:.0f} |"


class Shown(NamedTuple):
    """A stage of a plan: seconds from changes in the world to their being shown."""

    plan: str
    stage: str
    seconds: tuple[float, ...]

    def __str__(self) -> str:
        middle, longest = statistics.median(self.seconds), max(self.seconds)
        return f"| {self.plan} | {self.stage} | {middle:.1f} s | {longest:.1f} s |"


class Tables(NamedTuple):
    """All of them, as docs/looks.md has them."""

    lines: tuple[Line, ...]
    shown: tuple[Shown, ...]

    def __str__(self) -> str:
        asked = (
            "| plan | stage | API server, a look | Google, a look | every | API server, a minute | Google, a minute |"
        )
        shown = "| plan | stage | a change shows after, median | longest |"
        return "\n".join(
            [asked, "|---" * 7 + "|", *map(str, self.lines), "", shown, "|---" * 4 + "|", *map(str, self.shown)]
        )


def measure(rounds: int) -> Tables:
    """Each stage of both plans that the lab offers: requests before anything was applied, seconds after it."""
    return Tables(_asked(), _shown(min(rounds, MOST_ROUNDS)))


def _shown(rounds: int) -> tuple[Shown, ...]:
    """Two changes a round and stage, in a process of their own."""
    with tempfile.TemporaryDirectory() as place, lab_environment(Path(place) / "lab", ANSWER) as environment:
        command = [sys.executable, "-m", "benchmarks.looks_shown", str(Path(place) / "lab"), str(rounds)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return tuple(Shown(plan, stage, tuple(each)) for plan, parts in found.items() for stage, each in parts.items())


def _asked() -> tuple[Line, ...]:
    with tempfile.TemporaryDirectory() as place, lab_environment(Path(place) / "lab") as environment:
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            lab = Path(place) / "lab"
            return tuple(line for name in PLANS for line in _of_plan(lab, name))
        finally:
            os.environ.clear()
            os.environ.update(before)


def _of_plan(lab: Path, name: str) -> list[Line]:
    plan, connections, memory, lines = load_plan(lab / name), WiredConnections(), LookMemory(), []
    try:
        for stage in Stage:
            _look(plan, connections, stage, memory)
            before = _counts(lab)
            _look(plan, connections, stage, memory)
            cluster, google = (now - then for now, then in zip(_counts(lab), before, strict=True))
            pause = pause_after(0.0, google=asked_of_google(plan, stage))
            lines.append(Line(PLANS[name], stage.value, cluster, google, pause))
    finally:
        connections.close()
    return lines


def _look(plan: Plan, connections: WiredConnections, upto: Stage, memory: LookMemory) -> None:
    """As the wizard does when the stage is open."""
    request = RunRequest(plan, Mode.PLAN, session="looks", upto=upto, known=memory.of(plan))
    nothing = lambda *_: None  # noqa: E731
    run(request, connections, nothing, threading.Event(), {}, nothing, nothing)


def _counts(lab: Path) -> list[int]:
    """What was asked so far; the lab writes a line before it answers."""
    paths = [lab / name for name in LOGS]
    return [path.read_bytes().count(b"\n") if path.exists() else 0 for path in paths]
