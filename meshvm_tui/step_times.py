"""How long steps usually take: the seconds of the last runs in which each changed something, in one small file beside
the sessions. It holds names of steps and numbers, nothing else; where it cannot be read or written, nothing is lost."""

from __future__ import annotations

import json
import statistics
import threading
from collections.abc import Iterable
from pathlib import Path

from meshvm_tui.problems import Problem
from meshvm_tui.session_file import write_whole

KEPT = 9
"""Runs of a step that count; the median of so few follows a faster network soon."""
FILE_NAME = "step-times.json"


class StepTimes:
    """Reads the file once, and writes it after each run. Methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._seconds: dict[str, list[float]] | None = None

    def load(self) -> None:
        """Reads the file, beside the screen."""
        with self._lock:
            self._known()

    def usual(self, steps: Iterable[str]) -> float | None:
        """Seconds that these steps together usually take; None where one of them never ran here."""
        with self._lock:
            known = self._known()
        wanted = list(steps)
        if not wanted or any(step not in known for step in wanted):
            return None
        return sum(statistics.median(known[step]) for step in wanted)

    def keep(self, took: Iterable[tuple[str, float]]) -> None:
        """Adds what a run's steps took."""
        with self._lock:
            known = self._known()
            for step, seconds in took:
                known[step] = [*known.get(step, []), round(seconds, 1)][-KEPT:]
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_whole(self._path, json.dumps(known, sort_keys=True) + "\n")
            except (Problem, OSError):
                return

    def _known(self) -> dict[str, list[float]]:
        if self._seconds is None:
            self._seconds = _read(self._path)
        return self._seconds


def _read(path: Path) -> dict[str, list[float]]:
    """What the file says; nothing where it is not there, damaged, or of another form."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {
        str(step): [float(item) for item in seconds]
        for step, seconds in value.items()
        if isinstance(seconds, list) and seconds and all(isinstance(item, int | float) for item in seconds)
    }
