"""Where commands write: stdout is data, stderr is talk. With JSON, one event is one line on stdout."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterable
from typing import Protocol, TextIO

from meshvm_tui.engine_run import NOT_REACHED
from meshvm_tui.events import (
    Event,
    Mode,
    RunFinished,
    RunStarted,
    StepFinished,
    StepLogged,
    StepPlanned,
    StepProgressed,
    StepState,
)
from meshvm_tui.findings import Severity
from meshvm_tui.problems import Problem
from meshvm_tui.terminal_text import Look, answer_lines, change_lines, planned_line, problem_lines, step_line

STEP_FIELDS = {"state": StepState.RUNNING.value, "changed": False, "reason": "", "message": ""}
"""What every event of a step has in JSON, even where it has no such field of its own."""


class Output(Protocol):
    """Takes a run's events. A reader that went away is a BrokenPipeError."""

    def take(self, event: Event) -> None:
        """Writes what the event is worth."""


def look_of(stream: TextIO) -> Look:
    """What the terminal or file behind a stream can show."""
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").replace("_", "")
    return Look(width=shutil.get_terminal_size((100, 24)).columns, unicode=encoding.startswith("utf"))


def write_lines(stream: TextIO, lines: Iterable[str]) -> None:
    """Writes lines as the stream can show them, and sends them off at once."""
    look = look_of(stream)
    for line in lines:
        stream.write(look.text(line) + "\n")
    stream.flush()


def say(text: str) -> None:
    """A line of talk."""
    write_lines(sys.stderr, [text])


def show_problem(problem: Problem) -> None:
    """A failure of a whole command."""
    write_lines(sys.stderr, problem_lines(problem.record(), look_of(sys.stderr)))


class JsonOutput:
    """One event, one line."""

    def take(self, event: Event) -> None:
        """Writes the event as JSON."""
        record = event.record()
        if "step" in record:
            record = {**record, **{name: record.get(name, value) for name, value in STEP_FIELDS.items()}}
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        sys.stdout.flush()


class TextOutput:
    """A line for each finished step, its changes before it, a block for each failure, the answers at the end."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._lock = threading.Lock()
        self._titles: dict[tuple[str, str], str] = {}
        self._mode = Mode.OBSERVE
        self._finished: list[StepFinished] = []
        self._last_progress = ""
        self._quiet = quiet

    def take(self, event: Event) -> None:
        """Writes the lines of an event."""
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._mode = event.mode
                self._titles = {(step, machine): title for step, machine, _, title in event.steps}
                self._finished = []
            case StepPlanned():
                title = self._titles.get((event.step, event.machine), event.step)
                lines = [planned_line(title, event.machine), *change_lines(event.changes, with_diff=False)]
                write_lines(sys.stdout, lines)
            case StepFinished():
                self._finished.append(event)
                self._step_finished(event)
            case StepProgressed() if not self._quiet:
                self._progress(event)
            case StepLogged() if not self._quiet and event.source != "engine":
                where = f" {event.machine}" if event.machine else ""
                write_lines(sys.stderr, [f"    {event.source}{where}: {event.text}"])
            case RunFinished():
                self._run_finished(event)

    def _step_finished(self, event: StepFinished) -> None:
        if event.reason == NOT_REACHED:
            return
        lines = [step_line(self._titles.get((event.step, event.machine), event.step), event)]
        if self._mode is not Mode.APPLY:
            lines += change_lines(event.changes, with_diff=True)
        if event.observation:
            lines += [f"    ! {warning}" for warning in event.observation.warnings]
            for finding in event.observation.findings:
                lines.append(f"    {'i' if finding.severity is Severity.INFO else '!'} {finding.words}")
        if event.problem:
            lines += problem_lines(event.problem, look_of(sys.stdout), done=self._done())
        write_lines(sys.stdout, lines)

    def _done(self) -> str:
        done = sum(event.state in (StepState.SUCCEEDED, StepState.SKIPPED) for event in self._finished)
        return f"{done} steps are in place; nothing was undone" if done and self._mode is Mode.APPLY else ""

    def _progress(self, event: StepProgressed) -> None:
        """The same words are said once, however often they come."""
        where = f" ({event.machine})" if event.machine else ""
        text = f"    {self._titles.get((event.step, event.machine), event.step)}{where}: {event.message}"
        if text != self._last_progress:
            write_lines(sys.stderr, [text])
        self._last_progress = text

    def _run_finished(self, event: RunFinished) -> None:
        left = [item for item in self._finished if item.reason == NOT_REACHED]
        lines: list[str] = []
        if left:
            lines.append(f"○ {len(left)} more {'step was' if len(left) == 1 else 'steps were'} not reached")
        if event.mode is Mode.APPLY:
            probes = [item for item in self._finished if item.step.startswith("probe-")]
            lines += answer_lines(probes)
        write_lines(sys.stdout, [*lines, "", event.message])
