"""The longest stall of the screen's thread while all of the app is used on a lab, beside a minimal Textual app's."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.slow_link import slow_link

GOOGLE_RTT = 1.0
"""Seconds that each of Google's answers takes."""
FELT = 0.1
"""Seconds that a person feels: no key may wait longer."""
MOST_ROUNDS = 3


@dataclass(frozen=True)
class Stalls:
    """Medians in seconds: the longest of each part, and of an app with a field, a log and a footer."""

    parts: Mapping[str, float]
    minimal: float

    def __str__(self) -> str:
        longest = max(self.parts.values())
        lines = [f"  {name:<56} {seconds:7.3f} s" for name, seconds in self.parts.items()]
        verdict = "within" if longest <= FELT else "OVER"
        total = (
            f"{'longest stall of the screen / minimal Textual app':<58} {longest:7.3f} s / {self.minimal:7.3f} s = "
            f"{longest / self.minimal:5.2f} x   {verdict} the {FELT} s that are felt"
        )
        return "\n".join([total, *lines])


def measure(rounds: int) -> Stalls:
    """A fresh lab each round: opening, typing in every field, a review, a run with much log, hundreds of entries."""
    found = [_round() for _ in range(min(rounds, MOST_ROUNDS))]
    names = found[0][0]
    return Stalls(
        {name: statistics.median(parts[name] for parts, _ in found) for name in names},
        statistics.median(minimal for _, minimal in found),
    )


def _round() -> tuple[Mapping[str, float], float]:
    with tempfile.TemporaryDirectory() as place, lab_environment(Path(place) / "lab", GOOGLE_RTT) as environment:
        ours = _app(environment, str(Path(place) / "lab"))
        minimal = _app(environment, "-", str(ours["keys"]), str(ours["lines"]))
    return ours["longest"], max(minimal["longest"].values())


def _app(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.stall_app", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def lab_environment(state: Path, google_rtt: float = 0.0) -> Iterator[dict[str, str]]:
    """A lab, with a link to its Google as slow as that; gives the environment that leads there."""
    lab = subprocess.Popen(
        [sys.executable, "-m", "meshvm_tui.lab", "serve", "--state", str(state)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (state / "ready").exists():
            if lab.poll() is not None:
                sys.exit("the lab did not start")
            time.sleep(0.02)
        values: dict[str, str] = json.loads((state / "env.json").read_text(encoding="utf-8"))
        if not google_rtt:
            yield values
            return
        google = urlsplit(values["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"]).netloc
        with slow_link(google_rtt, [google]) as link:
            near = f"127.0.0.1:{link.ports[0]}"
            slow = {name: value.replace(google, near) for name, value in values.items()}
            yield {**os.environ, **slow, "HOME": str(state), "PYTHONPATH": str(Path.cwd())}
    finally:
        lab.terminate()
        lab.wait()
