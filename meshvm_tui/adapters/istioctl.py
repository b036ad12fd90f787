"""istioctl as a child process: never through a shell, its words captured line by line.

It runs in a process group of its own. An installation that has begun is not cut in the middle, which would leave
half a control plane: a cancelled run is told that it finishes, and ends with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from meshvm_tui.adapters.kubeconfig import VARIABLE
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError

VERSION_SECONDS = 20.0
READ_SECONDS = 60.0
INSTALL_SECONDS = 900.0
_POLL_SECONDS = 0.1
_LAST_LINES = 20
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class _Done:
    """How a command that only looks ended: exit code, standard output and standard error."""

    code: int
    output: str
    errors: str


class IstioctlProcess:
    """istioctl against one context. `kubeconfig` is a path, "" for KUBECONFIG as it is, or what makes the file when a
    command is first run; no `context` is the file's current one."""

    def __init__(
        self, kubeconfig: str | Callable[[], str] = "", context: str = "", *, binary: str = "istioctl"
    ) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._binary = binary

    def version(self) -> str:
        """The client's version, such as 1.30.3; ActionNeeded MVM-208 where there is no istioctl."""
        done = self._run("istioctl version", ["version", "--remote=false", "-o", "json"], VERSION_SECONDS)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return str(json.loads(done.output)["clientVersion"]["version"])
        if found := re.search(r"client version: (\S+)", done.output):
            return found[1]
        raise PermanentError("MVM-209", f"istioctl version: {done.output or done.errors}")

    def precheck(self, *, istio_namespace: str) -> str:
        """`istioctl x precheck`, which ends with 1 for a warning or worse: then ActionNeeded MVM-221 with its words."""
        arguments = ["x", "precheck", "--istioNamespace", istio_namespace, *self._context_flags()]
        done = self._run("istioctl x precheck", arguments, READ_SECONDS)
        words = "\n".join(part for part in (done.output.strip(), done.errors.strip()) if part)
        if done.code != 0:
            raise ActionNeeded("MVM-221", words or f"istioctl x precheck ended with exit code {done.code}")
        return words

    def manifest(self, operator_yaml: str, *, revision: str) -> str:
        """`istioctl manifest generate --cluster-specific`, as `install` renders it; MVM-209 where it fails."""
        arguments = ["manifest", "generate", "--cluster-specific", "-f", "-", *self._context_flags()]
        done = self._run(
            "istioctl manifest generate", [*arguments, *_revision_flags(revision)], READ_SECONDS, operator_yaml
        )
        if done.code != 0:
            words = done.errors.strip() or "without a word"
            raise PermanentError("MVM-209", f"istioctl manifest generate ended with exit code {done.code}: {words}")
        return done.output

    def install(
        self, operator_yaml: str, *, revision: str, log: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        """`istioctl install -y -f -`. Every line goes to `log`; MVM-209 with its last lines where it fails.

        `revision` is for an operator document that names none; "" and "default" are the unrevisioned one."""
        command = [self._found(), "install", "-y", "-f", "-"]
        command += [*self._context_flags(), *_revision_flags(revision)]
        if cancelled():
            raise Cancelled
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise PermanentError("MVM-209", f"istioctl cannot be started: {error.strerror}") from None
        with process:
            try:
                last = self._follow(process, operator_yaml, log, cancelled)
            except BaseException:
                _end(process)
                raise
        if process.returncode != 0:
            words = "\n".join(last) or "without a word"
            raise PermanentError("MVM-209", f"istioctl install ended with exit code {process.returncode}: {words}")
        if cancelled():
            raise Cancelled

    def _follow(
        self,
        process: subprocess.Popen[bytes],
        document: str,
        log: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> list[str]:
        """Feeds the document, logs every line until the end, and gives the last ones."""
        assert process.stdin and process.stdout  # noqa: S101  both pipes were asked for
        _feed(process.stdin, document)
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True)
        reader.start()
        until, told, last = time.monotonic() + INSTALL_SECONDS, False, list[str]()
        while True:
            if cancelled() and not told:
                told = True
                log("cancelled: istioctl finishes what it has begun, for half an installation helps nobody")
            if time.monotonic() > until:
                raise PermanentError("MVM-209", f"istioctl install gave no end within {INSTALL_SECONDS:g} s")
            try:
                line = lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                break
            log(line)
            last = [*last, line][-_LAST_LINES:]
        reader.join()
        process.wait()
        return last

    def _run(self, name: str, arguments: list[str], seconds: float, document: str = "") -> _Done:
        """Runs a command that only looks, in a process group of its own that is ended with it."""
        try:
            process = subprocess.Popen(
                [self._found(), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise PermanentError("MVM-209", f"{name} cannot be started: {error.strerror}") from None
        with process:
            try:
                output, errors = process.communicate(document.encode(), timeout=seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                raise PermanentError("MVM-209", f"{name} gave no end within {seconds:g} s") from None
            except BaseException:
                _end(process)
                raise
        return _Done(process.returncode, _plain(output), _plain(errors))

    def _context_flags(self) -> list[str]:
        return ["--context", self._context] if self._context else []

    def _found(self) -> str:
        found = shutil.which(self._binary)
        if not found:
            raise ActionNeeded("MVM-208", f"{self._binary} is not on PATH")
        return found

    def _environment(self) -> dict[str, str]:
        path = self._kubeconfig() if callable(self._kubeconfig) else self._kubeconfig
        return {**os.environ, **({VARIABLE: path} if path else {})}


def _revision_flags(revision: str) -> list[str]:
    return [] if revision in ("", "default") else ["--revision", revision]


def _plain(words: bytes) -> str:
    return _ANSI.sub("", words.decode(errors="replace"))


def _feed(stdin: IO[bytes], document: str) -> None:
    with contextlib.suppress(BrokenPipeError), stdin:
        stdin.write(document.encode())


def _read_lines(stdout: IO[bytes], lines: queue.Queue[str | None]) -> None:
    """Lines without colour; a spinner's carriage returns count as ends of lines."""
    before = ""
    for raw in stdout:
        for part in raw.decode(errors="replace").replace("\r", "\n").split("\n"):
            line = _ANSI.sub("", part).rstrip()
            if line.strip() and line != before:
                lines.put(line)
                before = line
    lines.put(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """First as Ctrl-C does it, so that istioctl can tidy up; then for good."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
            return
