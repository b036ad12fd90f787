"""The lab's process and the product's process beside it: started, waited for, and ended whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Self

from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.locations import GO_ON_VARIABLE
from meshvm_tui.problems import Cancelled, PermanentError
from meshvm_tui.redaction import redact

LAB = (sys.executable, "-m", "meshvm_tui.lab", "serve")
PRODUCT = (sys.executable, "-m", "meshvm_tui")
READY_SECONDS = 60.0
END_SECONDS = 15.0
POLL_SECONDS = 0.05
_SAID = 4000
"""How many characters of a lab's last words are shown."""


class Ending:
    """While it is entered, SIGINT, SIGTERM and SIGHUP only ask for the end; children are ended in order then."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._earlier: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    @property
    def asked(self) -> bool:
        """Whether somebody asked for the end."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits; True the moment that somebody asks for the end."""
        return self._asked.wait(seconds)

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._earlier[number] = signal.signal(number, lambda *_: self._asked.set())
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)


class LabProcess:
    """`python -m meshvm_tui.lab serve` on a state folder."""

    def __init__(self, state: Path, flags: Sequence[str]) -> None:
        self._state = state
        try:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            (state / "ready").unlink(missing_ok=True)
        except OSError as error:
            raise PermanentError("MVM-717", f"{state}: {error}") from error
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        command = [*LAB, "--state", str(state), *flags]
        # A session of its own: Ctrl-C in the terminal must reach the product first, not cut its world away.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._words, stderr=self._words, start_new_session=True
        )

    def wait_until_ready(self, ending: Ending) -> None:
        """Returns once everything in the lab listens. Raises PermanentError MVM-721 where that does not come."""
        end = time.monotonic() + READY_SECONDS
        while not (self._state / "ready").exists():
            if self._process.poll() is not None:
                raise PermanentError("MVM-721", self._said() or f"it ended with {self._process.returncode}")
            if time.monotonic() >= end:
                raise PermanentError("MVM-721", f"not ready after {READY_SECONDS:.0f} s\n{self._said()}")
            if ending.wait(POLL_SECONDS):
                raise Cancelled

    def wait(self, ending: Ending) -> int | None:
        """Waits for its end, or for somebody to ask for it; gives its exit status, None while it runs."""
        while self._process.poll() is None:
            if ending.wait(0.2):
                return None
        sys.stderr.write(self._said() + "\n")
        return self._process.returncode

    def end(self) -> None:
        """Ends it and waits until it is gone."""
        end_process(self._process)
        self._words.close()

    def _said(self) -> str:
        self._words.flush()
        self._words.seek(0)
        return redact(self._words.read().decode(errors="replace"))[-_SAID:].strip()


def run_in_lab(state: Path, arguments: Sequence[str], ending: Ending, *, go_on: str = "") -> ExitCode:
    """Runs the product in the lab's environment, on this terminal, and gives its exit code. `go_on` is the command
    that comes back to its session."""
    try:
        replaced: dict[str, str] = json.loads((state / "env.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PermanentError("MVM-721", f"{state / 'env.json'}: {error}") from error
    process = subprocess.Popen([*PRODUCT, *arguments], env={**os.environ, **replaced, GO_ON_VARIABLE: go_on})
    told = False
    try:
        while process.poll() is None:
            if ending.wait(0.1) and not told:
                told = True
                process.send_signal(signal.SIGTERM)
            elif told:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
    finally:
        end_process(process)
    status = process.returncode
    return ExitCode(status) if status in list(ExitCode) else ExitCode.FAILED


def end_process(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL where that is not heard."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
