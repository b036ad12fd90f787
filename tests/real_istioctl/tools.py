"""Both tools, run on the same API server with the same arguments."""

from __future__ import annotations

import contextlib
import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

from meshvm_tui import cli

DEADLINE_SECONDS = 60


@dataclass(frozen=True)
class Istioctl:
    """One release's istioctl."""

    version: str
    path: Path

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Runs it beside others."""
        command = [str(self.path), *arguments]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Runs it with a text on its stdin."""
        command = [str(self.path), *arguments]
        return subprocess.run(
            command, input=given, capture_output=True, encoding="utf-8", timeout=DEADLINE_SECONDS, check=False
        )


@dataclass(frozen=True)
class Outcome:
    """How a tool ended and what it left: its files by their names, None where there is no folder."""

    code: int
    out: str
    err: str
    files: dict[str, str] | None


@dataclass(frozen=True)
class Configure:
    """`istioctl x workload entry configure` and `meshvm-tui files` against one API server."""

    kubeconfig: Path

    def istioctl(self, tools: tuple[Istioctl, ...], arguments: tuple[str, ...], folder: Path) -> list[Outcome]:
        """Every release's outcome, side by side; each writes into a folder of its own."""
        where = ("--kubeconfig", str(self.kubeconfig))
        running = [
            tool.start("x", "workload", "entry", "configure", *arguments, *where, "-o", str(folder / tool.version))
            for tool in tools
        ]
        outcomes = []
        for tool, process in zip(tools, running, strict=True):
            out, err = process.communicate(timeout=DEADLINE_SECONDS)
            left = files_of(folder / tool.version)
            outcomes.append(Outcome(process.returncode, out.decode(), err.decode(), left))
        return outcomes

    def ours(self, arguments: tuple[str, ...], folder: Path) -> Outcome:
        """The product's outcome, in this process."""
        where = ("--kubeconfig", str(self.kubeconfig), "-o", str(folder / "ours"))
        return Outcome(*run_ours(("files", *arguments, *where)), files_of(folder / "ours"))


def run_ours(arguments: tuple[str, ...]) -> tuple[int, str, str]:
    """The product's exit status, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(list(arguments))
    return code, out.getvalue(), err.getvalue()


def files_of(folder: Path) -> dict[str, str] | None:
    """The files of a folder; None where it is not there."""
    if not folder.is_dir():
        return None
    return {path.name: path.read_bytes().decode() for path in sorted(folder.iterdir())}
