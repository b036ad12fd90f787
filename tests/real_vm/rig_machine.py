"""The process side of a test machine: systemd-nspawn in control groups of its own, found again by its first process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
REBOOT, POWEROFF = signal.SIGRTMIN + 5, signal.SIGRTMIN + 4  # systemd(1), what its first process does with them
BOOT_SECONDS, DOWN_SECONDS = 60.0, 40.0


class MachineFailed(RuntimeError):
    """A machine did not do what was waited for; the text holds its console."""


def until(condition: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    """Waits for a condition. Raises MachineFailed with `what()` when the seconds are over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise MachineFailed(what())
        time.sleep(0.01)


class Nspawn:
    """One run of a machine, from boot to its end."""

    def __init__(self, name: str, root: Path, namespace: str, console: Path) -> None:
        self.name = name
        self._console = console
        self._groups = [group / name for group in _hierarchies()]
        for group in self._groups:
            group.mkdir(exist_ok=True)
        with console.open("ab") as out:
            self._process = subprocess.Popen(
                [
                    "sh",
                    "-c",
                    _LAUNCH,
                    "sh",
                    str(len(self._groups)),
                    *map(str, self._groups),
                    *_command(name, root, namespace),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(lambda: self._find_first() or not self.is_up(), BOOT_SECONDS, self.words)
            if not self.is_up():
                raise MachineFailed(self.words())
        except BaseException:
            self.kill()
            raise

    first = 0  # the machine's first process, as this computer counts it

    def is_up(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def words(self) -> str:
        """The end of what its console said."""
        text = self._console.read_text(encoding="utf-8", errors="replace") if self._console.exists() else ""
        return f"machine {self.name}: {text[-1500:].strip() or 'nothing on its console'}"

    def shut_down(self, how: signal.Signals | int) -> None:
        """Asks systemd to power off or to reboot, and waits until the machine has ended."""
        os.kill(self.first, how)
        until(lambda: not self.is_up(), DOWN_SECONDS, self.words)
        self._remove_groups()

    def kill(self) -> None:
        """Ends every process of it at once, as pulling the plug does."""
        for pid in (self.first, self._process.pid):
            if pid and self.is_up():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait(DOWN_SECONDS)
        self._remove_groups()

    def _find_first(self) -> bool:
        for child in children(self._process.pid):
            if _number_inside(child) == 1:
                self.first = child
                return True
        return False

    def _remove_groups(self) -> None:
        for group in self._groups:
            remove_group(group)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in task.read_text(encoding="ascii").split()]
    return found


def remove_group(group: Path) -> None:
    """Removes a control group with those below it, once their processes have ended."""

    def gone() -> bool:
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()
        return not group.exists()

    until(gone, DOWN_SECONDS, lambda: f"{group} still has processes")


def _hierarchies() -> list[Path]:
    """Where systemd looks for itself: the one of cgroup v2, or the two of a computer that has both versions."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [CGROUPS / name for name in ("systemd", "unified") if (CGROUPS / name / "cgroup.procs").exists()]


def _number_inside(pid: int) -> int:
    """The process's number in its own namespace; 0 where it has no namespace of its own, or has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return int(numbers[-1]) if len(numbers) > 1 else 0


# All machines would share one group, and systemd of the second would stop what the first runs.
_LAUNCH = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ >"$1/cgroup.procs"; n=$((n - 1)); shift; done; exec "$@"'


def _command(name: str, root: Path, namespace: str) -> list[str]:
    return [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        f"--machine={name}",
        f"--directory={root}",
        "--register=no",
        "--keep-unit",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        f"--network-namespace-path=/run/netns/{namespace}",
        "--capability=CAP_NET_ADMIN",
        "--console=pipe",
    ]
