"""Where a case runs: a lab that is up, the CLI as a process with an own home, and what the test makes up."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.whole.lab_world import LabWorld

JSON = dict[str, Any]
Change = Callable[[JSON], None]
SHORT = 2.0
"""Seconds that a step waits or tries again: none of these failures passes by itself."""


@dataclass(frozen=True)
class Run:
    """How one process of the CLI ended; `problems` are those of its steps, or of the whole command."""

    exit_code: int
    problems: tuple[JSON, ...]
    output: str

    def problem(self, code: str) -> JSON:
        """The problem with this code; an AssertionError with all that was said where there is none."""
        found = [problem for problem in self.problems if problem["code"] == code]
        assert found, f"no {code} in {[p['code'] + ' ' + p['cause'] for p in self.problems]}\n{self.output[-3000:]}"
        return found[0]


@dataclass(frozen=True)
class Bench:
    """One case's place: a lab, a folder of its own, and a word that nobody else can know."""

    lab: LabWorld
    folder: Path
    word: str

    def apply(
        self,
        change: Change | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        timeout: float = SHORT,
        kubeconfig: Path | None = None,
    ) -> Run:
        """`apply -f plan.yaml --yes` with a changed copy of the lab's plan."""
        plan = self.plan(change, kubeconfig)
        arguments = ("apply", "-f", str(plan), "--yes", "--json", "--timeout", str(timeout))
        return _of_events(self.cli(*arguments, environment=environment))

    def talk(self, *arguments: str) -> Run:
        """A command whose problem is told as text on standard error."""
        process = self.cli(*arguments, environment={"COLUMNS": "1000"})
        return Run(process.returncode, tuple(_of_text(process.stderr)), process.stdout + process.stderr)

    def cli(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The CLI as a process, in the lab's environment with a home and sessions of this case alone."""
        own = {"HOME": str(self.home), "MESHVM_TUI_STATE_DIR": str(self.folder / "state")}
        return subprocess.run(
            [sys.executable, "-m", "meshvm_tui", *arguments],
            env={**self.lab.environment, **own, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def home(self) -> Path:
        """An empty home."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True, mode=0o700)
        return home

    def offered(self) -> JSON:
        """The lab's own plan."""
        value: JSON = yaml.safe_load(self.lab.plan.read_text(encoding="utf-8"))
        return value

    def plan(self, change: Change | None = None, kubeconfig: Path | None = None) -> Path:
        """A changed copy of the lab's plan."""
        value = self.offered()
        if change:
            change(value)
        if kubeconfig:
            value["cluster"]["kubeconfig"] = str(kubeconfig)
        edited = self.folder / "plan.yaml"
        edited.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
        return edited

    def kubeconfig(self, change: Change) -> Path:
        """A changed copy of the lab's kubeconfig."""
        value = yaml.safe_load((self.lab.state / "kubeconfig").read_text(encoding="utf-8"))
        change(value)
        edited = self.folder / "kubeconfig"
        edited.write_text(yaml.safe_dump(value), encoding="utf-8")
        return edited


def word_of(name: str) -> str:
    """A word for a case: made up here, the same at every run, legal in every name of Kubernetes."""
    return f"q{hashlib.sha256(name.encode()).hexdigest()[:7]}"


def cluster_only(plan: JSON) -> None:
    """Leaves the cluster's part of the plan alone."""
    plan["machines"] = []
    plan["services"] = {"helloWorld": None, "vmService": None, "httpServer": None}


def without_samples(plan: JSON) -> None:
    """Leaves out what comes after the sidecar."""
    plan["services"] = {"helloWorld": None, "vmService": None, "httpServer": None}


def machine(name: str) -> Change:
    """Leaves one machine in the plan."""

    def change(plan: JSON) -> None:
        plan["machines"] = [item for item in plan["machines"] if item["name"] == name]

    return change


def both(*changes: Change) -> Change:
    """Several changes as one."""

    def change(plan: JSON) -> None:
        for one in changes:
            one(plan)

    return change


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Waits for a condition of the world."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not come true: {what}"
        time.sleep(0.05)


@contextmanager
def served_lab(state: Path, *flags: str, seconds: float = 90) -> Iterator[LabWorld]:
    """`meshvm-tui lab --serve --state DIR`, until everything in it listens; ended afterwards."""
    command = (sys.executable, "-m", "meshvm_tui", "lab", "--serve", "--state", str(state), *flags)
    log = state.parent / f"{state.name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or (state / "ready").exists(), "the lab is up", seconds)
        assert process.poll() is None, log.read_text(encoding="utf-8")
        replaced = json.loads((state / "env.json").read_text(encoding="utf-8"))
        yield LabWorld(state, {**os.environ, **replaced}, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _of_events(process: subprocess.CompletedProcess[str]) -> Run:
    events = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    problems = [copy.deepcopy(event["problem"]) for event in events if event.get("problem")]
    return Run(process.returncode, tuple(problems), process.stdout[-4000:] + process.stderr[-4000:])


def _of_text(text: str) -> Iterator[JSON]:
    """The problem blocks of a text."""
    for code, title, rest in re.findall(r"(?m)^\S  ?(MVM-\d{3})  (.+)\n((?:\n|  .*\n)*)", text):
        cause, _, action = rest.partition("What to do")
        yield {"code": code, "title": title, "cause": cause, "next_action": action}
