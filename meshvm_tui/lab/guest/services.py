"""What the pretend systemd keeps of each unit: its state, its processes, its restarts and its end."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from meshvm_tui.lab.guest import units
from meshvm_tui.lab.guest.loop import Timer
from meshvm_tui.lab.guest.units import Command, Unit

Done = Callable[[str], None]  # gets what went wrong, or "" where nothing did


class Host(Protocol):
    """What a service needs of process 1."""

    root: Path

    def say(self, unit: str, message: str) -> None:
        """Writes a line of systemd's own into the unit's journal."""

    def run(self, service: Service, command: Command, ended: Callable[[int], None]) -> int:
        """Starts one of the service's commands; `ended` gets its wait status."""

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Calls back after some seconds."""

    def now(self) -> float:
        """The VM's clock."""

    def forget(self, name: str) -> None:
        """Drops a transient unit that has ended."""


@dataclass
class Service:
    """One loaded service."""

    name: str
    host: Host
    unit: Unit
    active: str = "inactive"
    sub: str = "dead"
    result: str = "success"
    main_pid: int = 0
    main_status: int = 0
    main_code: int = 0
    restarts: int = 0
    since: float = 0.0
    invocation: str = ""
    stale: bool = False  # daemon-reload was asked for since the unit file was read
    _stopping: bool = False
    _starts: list[float] = field(default_factory=list)
    _waiting: Timer | None = None
    _started: list[Done] = field(default_factory=list)
    _stopped: list[Done] = field(default_factory=list)

    @property
    def description(self) -> str:
        """As systemd writes it in messages."""
        words = self.unit.one("Unit", "Description")
        return f"{self.name} - {words}" if words else self.name

    def start(self, done: Done, reread: bool = True) -> None:
        """Starts the service; `done` once its start has succeeded or failed.

        Its unit file is read again, except within a restart: there only `daemon-reload` makes systemd look."""
        if self.active == "active":
            done("")
            return
        if self.active == "activating" and self.sub != "auto-restart":
            self._started.append(done)
            return
        if self._stopping:
            self._stopped.append(lambda _: self.start(done, reread))
            return
        self._cancel_wait()
        if self.stale or (reread and self.active == "inactive"):
            self.unit, self.stale = units.load(self.host.root, self.name), False
        if self.unit.path is None:
            done(f"Unit {self.name} not found.")
            return
        if self.sub != "auto-restart":
            self.restarts = 0
        self._started.append(done)
        self._begin()

    def stop(self, done: Done) -> None:
        """Stops the service; `done` once nothing of it runs."""
        if self.active in ("inactive", "failed"):
            done("")
            return
        self._stopped.append(done)
        if self._stopping:
            return
        self.host.say(self.name, f"Stopping {self.description}...")
        if self.sub == "auto-restart":
            self._cancel_wait()
            self._stopping = True
            self._end()
            return
        self._stopping = True
        self.active, self.sub = "deactivating", "stop-sigterm"
        first = {"SIGINT": signal.SIGINT, "SIGQUIT": signal.SIGQUIT}.get(
            self.unit.one("Service", "KillSignal"), signal.SIGTERM
        )
        everyone = self.unit.one("Service", "KillMode", "control-group") == "control-group"
        self._signal(first, everyone)
        patience = self.unit.seconds("Service", "TimeoutStopSec", 90.0)
        self._waiting = self.host.later(patience, self._kill_for_good)
        if not self.main_pid:
            self._main_gone()

    def reset_failed(self) -> None:
        """Forgets a failure."""
        self._starts.clear()
        self.restarts = 0
        if self.active == "failed":
            self.active, self.sub, self.result = "inactive", "dead", "success"
            self.host.forget(self.name)

    def _begin(self) -> None:
        now = time.monotonic()
        interval = self.unit.seconds("Unit", "StartLimitIntervalSec", 10.0)
        burst = int(self.unit.one("Unit", "StartLimitBurst", "5"))
        self._starts = [moment for moment in self._starts if now - moment < interval]
        if interval and len(self._starts) >= burst:
            self.host.say(self.name, f"{self.name}: Start request repeated too quickly.")
            self._fail("start-limit-hit")
            return
        self._starts.append(now)
        self.invocation = uuid.uuid4().hex
        self.active, self.sub, self.result = "activating", "start-pre", "success"
        self._sequence(self._commands("ExecStartPre"), self._start_main)

    def _start_main(self, failed: str) -> None:
        if failed or self._stopping:
            self._after_main(failed)
            return
        commands = self._commands("ExecStart")
        if self.unit.one("Service", "Type", "simple") == "oneshot":
            self.sub = "start"
            self._sequence(commands, self._oneshot_done)
            return
        self.active, self.sub, self.since = "active", "running", self.host.now()
        try:
            self.main_pid = self.host.run(self, commands[0], self._main_ended)
        except (IndexError, units.BadUnit) as error:
            self.host.say(self.name, f"{self.name}: Failed to start: {error}")
            self._fail("resources")
            return
        self.host.say(self.name, f"Started {self.description}.")
        self._tell_started("")

    def _oneshot_done(self, failed: str) -> None:
        if failed or self._stopping:
            self._after_main(failed)
        elif self.unit.flag("RemainAfterExit"):
            self.active, self.sub, self.since = "active", "exited", self.host.now()
            self._tell_started("")
        else:
            self._after_main("")

    def _main_ended(self, status: int) -> None:
        self.main_pid = 0
        if os.WIFSIGNALED(status):
            self.main_code, self.main_status = 2, os.WTERMSIG(status)
            failed = "" if self.main_status in (1, 2, 13, 15) else "signal"
            words = f"code=killed, status={self.main_status}/{signal.Signals(self.main_status).name[3:]}"
        else:
            self.main_code, self.main_status = 1, os.WEXITSTATUS(status)
            failed = "exit-code" if self.main_status else ""
            words = f"code=exited, status={self.main_status}/{'FAILURE' if failed else 'SUCCESS'}"
        if failed:
            self.host.say(self.name, f"{self.name}: Main process exited, {words}")
        self._main_gone("" if self._stopping and failed != "signal" else failed)

    def _main_gone(self, failed: str = "") -> None:
        self._cancel_wait()
        self._signal(signal.SIGKILL, everyone=True)
        self._after_main(failed)

    def _after_main(self, failed: str) -> None:
        if failed:
            self.result = failed
        self.active, self.sub = "deactivating", "stop-post"
        self._sequence(self._commands("ExecStopPost"), lambda _: self._ended())

    def _ended(self) -> None:
        failed = self.result != "success"
        if failed:
            self.host.say(self.name, f"{self.name}: Failed with result '{self.result}'.")
        policy = self.unit.one("Service", "Restart", "no")
        again = policy == "always" or (policy in ("on-failure", "on-abnormal") and failed)
        if policy == "on-success":
            again = not failed
        if again and not self._stopping:
            self._tell_started("" if not failed else self._failure())
            self.active, self.sub = "activating", "auto-restart"
            self._waiting = self.host.later(self.unit.seconds("Service", "RestartSec", 0.1), self._restart)
            return
        self._end()

    def _restart(self) -> None:
        self._waiting = None
        self.restarts += 1
        self.host.say(self.name, f"{self.name}: Scheduled restart job, restart counter is at {self.restarts}.")
        if self.stale:
            self.unit, self.stale = units.load(self.host.root, self.name), False
        self._begin()

    def _end(self) -> None:
        stopping, self._stopping = self._stopping, False
        self.main_pid = 0
        failed = self.result != "success" and not stopping
        self.active, self.sub = ("failed", "failed") if failed else ("inactive", "dead")
        if stopping:
            self.host.say(self.name, f"Stopped {self.description}.")
        self._tell_started(self._failure() if failed else "")
        told, self._stopped = self._stopped, []
        if not failed:
            self.host.forget(self.name)
        for done in told:
            done("")

    def _fail(self, result: str) -> None:
        self.result = result
        self._end()

    def _failure(self) -> str:
        return (
            f"Job for {self.name} failed because the control process exited with error code.\n"
            f'See "systemctl status {self.name}" and "journalctl -xeu {self.name}" for details.'
        )

    def _tell_started(self, failed: str) -> None:
        told, self._started = self._started, []
        for done in told:
            done(failed)

    def _commands(self, key: str) -> list[Command]:
        environment = units.environment_of(self.unit, self.host.root)
        lines = [units.specifiers(line, self.name, "") for line in self.unit.all("Service", key)]
        return [units.command(line, environment) for line in lines]

    def _sequence(self, commands: Iterable[Command], then: Done) -> None:
        rest = list(commands)
        if not rest:
            then("")
            return

        def ended(status: int) -> None:
            if status != 0 and not rest[0].ignored:
                code = os.waitstatus_to_exitcode(status)
                self.host.say(self.name, f"{self.name}: Control process exited, code=exited, status={code}/FAILURE")
                then("exit-code")
            else:
                self._sequence(rest[1:], then)

        self.host.run(self, rest[0], ended)

    def _signal(self, number: signal.Signals, everyone: bool) -> None:
        targets = {self.main_pid} if self.main_pid else set()
        if everyone:
            targets |= processes_with(f"INVOCATION_ID={self.invocation}") if self.invocation else set()
        for pid in targets:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _kill_for_good(self) -> None:
        self.host.say(self.name, f"{self.name}: State 'stop-sigterm' timed out. Killing.")
        self.result = "timeout"
        self._signal(signal.SIGKILL, everyone=True)

    def _cancel_wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def processes_with(mark: str) -> set[int]:
    """Every process of ours whose environment carries a mark: what systemd would know by its cgroup."""
    found: set[int] = set()
    wanted = mark.encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.add(inner_pid(folder))
            except OSError:
                continue  # it ended, or it is not ours
    found.discard(os.getpid())
    return found


def inner_pid(folder: Path) -> int:
    """The process's number as the VM sees it, also where /proc is the host's."""
    for line in (folder / "status").read_text(encoding="utf-8").splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return int(folder.name)
