"""What the wizard's looks ask while a stage is open: requests, counted by the lab.

No times: every computer counts alike. The first look opens the ways; what is counted is the second, and a minute of
those that follow where a look takes no time. The table is that of docs/looks.md.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from benchmarks.stall import lab_environment
from meshvm_tui.engine import RunRequest, run
from meshvm_tui.events import Mode, Stage
from meshvm_tui.look_pace import asked_of_google, pause_after
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import load_plan
from meshvm_tui.wiring import WiredConnections

LOGS = ("requests.jsonl", "google-requests.jsonl")
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


class Table(NamedTuple):
    """All of them, as docs/looks.md has them."""

    lines: tuple[Line, ...]

    def __str__(self) -> str:
        head = (
            "| plan | stage | API server, a look | Google, a look | pause | API server, a minute | Google, a minute |"
        )
        return "\n".join([head, "|---" * 7 + "|", *map(str, self.lines)])


def measure(_rounds: int) -> Table:
    """Each stage of both plans that the lab offers, before anything was applied."""
    with tempfile.TemporaryDirectory() as place, lab_environment(Path(place) / "lab") as environment:
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            lab = Path(place) / "lab"
            return Table(tuple(line for name in PLANS for line in _of_plan(lab, name)))
        finally:
            os.environ.clear()
            os.environ.update(before)


def _of_plan(lab: Path, name: str) -> list[Line]:
    plan, connections, lines = load_plan(lab / name), WiredConnections(), []
    try:
        for stage in Stage:
            _look(plan, connections, stage)
            before = _counts(lab)
            _look(plan, connections, stage)
            cluster, google = (now - then for now, then in zip(_counts(lab), before, strict=True))
            pause = pause_after(0.0, google=asked_of_google(plan, stage))
            lines.append(Line(PLANS[name], stage.value, cluster, google, pause))
    finally:
        connections.close()
    return lines


def _look(plan: Plan, connections: WiredConnections, upto: Stage) -> None:
    """As the wizard does when the stage is open."""
    request = RunRequest(plan, Mode.PLAN, session="looks", upto=upto)
    nothing = lambda *_: None  # noqa: E731
    run(request, connections, nothing, threading.Event(), {}, nothing, nothing)


def _counts(lab: Path) -> list[int]:
    """What was asked so far; the lab writes a line before it answers."""
    paths = [lab / name for name in LOGS]
    return [path.read_bytes().count(b"\n") if path.exists() else 0 for path in paths]
