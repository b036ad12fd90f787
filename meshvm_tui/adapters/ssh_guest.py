"""A VM's inside over SSH: one connection, kept from the observation to the execution.

The script's JSON lines become facts and reports; a script that ends without its last line is a failure.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters import guest_script
from meshvm_tui.adapters.ssh_command import Command
from meshvm_tui.adapters.ssh_connection import SshConnection
from meshvm_tui.adapters.ssh_errors import from_script_words
from meshvm_tui.adapters.ssh_host_keys import AcceptHostKey
from meshvm_tui.adapters.ssh_idle import Idle, MakeClock, daemon_timer
from meshvm_tui.adapters.ssh_sudo import SudoPassword, asks_for_password
from meshvm_tui.adapters.ssh_target import SshTarget, target_for
from meshvm_tui.ports import GuestFacts, GuestOrder, GuestQuery, GuestReport, Secrets
from meshvm_tui.problems import PermanentError, TransientError

if TYPE_CHECKING:
    from meshvm_tui.plan import Machine

OBSERVE_SILENCE = 30.0
EXECUTE_SILENCE = 360.0
"""Longer than the longest that the script says nothing: a download."""


class SshGuestReader:
    """A VM's inside, for looking only."""

    def __init__(self, target: SshTarget | Callable[[], SshTarget], *, clock: MakeClock = daemon_timer) -> None:
        """`target` may be what finds it, for a machine whose address is not known yet. `clock` ends what is idle."""
        self._find = target if callable(target) else lambda: target
        self._connection: SshConnection | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._idle = Idle(self._rest, clock)
        self._sudo = SudoPassword(lambda: self._target, lambda: self._closed)

    @property
    def _target(self) -> SshTarget:
        return self._find()

    def observe(self, query: GuestQuery) -> GuestFacts:
        """`guest.sh observe`: topic by topic. `clock_skew` is right within half a turn and half a second.

        Where sudo wants a password, it is asked for and the machine is looked at once more, as root; ActionNeeded
        MVM-413 where nobody can be asked, MVM-434 where it is wrong."""
        with self._idle.used():
            facts = self._look(query, self._sudo.known)
            if self._sudo.known or not (words := asks_for_password(facts.values)):
                return facts
            return self._sudo.with_password(lambda password: self._look(query, password), words)

    def _look(self, query: GuestQuery, password: str) -> GuestFacts:
        payload = guest_script.observation(query.values)
        command = guest_script.OBSERVE_AND_AUTHENTICATE if password else guest_script.OBSERVE_COMMAND
        running = self._run(command, lambda: _first(password, iter((payload,))), lambda: False, OBSERVE_SILENCE)
        topics: dict[str, dict[str, Any]] = {}
        skew = 0.0
        for line in running.lines():
            topic = _json(line)
            name = str(topic.pop("topic", ""))
            if name == "time":
                middle = (running.sent_at + time.time()) / 2
                skew = int(topic["now"]) + 0.5 - middle
            if name:
                topics[name] = topic
        if "end" not in topics:
            raise from_script_words(running.words(), running.exit_status(), self._target.where)
        running.close()
        return GuestFacts(topics, self._host_key(), skew)

    def close(self) -> None:
        """Ends the connection and what waits on it; no other is opened afterwards."""
        self._closed = True
        self._idle.over()
        if self._connection is not None:
            self._connection.close()

    def _rest(self) -> None:
        """Nobody has used it for a while: the next use connects anew."""
        with self._lock:
            if self._connection is not None and not self._idle.in_use:
                self._connection.close()
                self._connection = None

    def _host_key(self) -> str:
        return self._connection.host_key if self._connection else ""

    def _run(
        self, command: str, pieces: Callable[[], Iterator[bytes]], cancelled: Callable[[], bool], silence: float
    ) -> Command:
        """Over the kept connection; over a new one where that has died in the meantime."""
        kept, connection = self._open()
        try:
            return connection.run(command, pieces(), cancelled, silence)
        except TransientError as problem:
            if not kept or self._closed or problem.code != "MVM-411":
                raise
            connection.close()
        _, connection = self._open()
        return connection.run(command, pieces(), cancelled, silence)

    def _open(self) -> tuple[bool, SshConnection]:
        """Whether the connection was open already, and the connection."""
        with self._lock:
            if self._closed:
                raise TransientError("MVM-411", f"{self._target.where}: the connection was closed here")
            if self._connection is not None and self._connection.alive:
                return True, self._connection
            if self._connection is not None:
                self._connection.close()
            self._connection = SshConnection(self._target)
            self._connection.open()
            return False, self._connection


class SshGuest(SshGuestReader):
    """A VM's inside that may be changed."""

    @classmethod
    def for_machine(
        cls, machine: Machine, *, own_known_hosts: Path, accept: AcceptHostKey | None = None,
        secrets: Secrets | None = None,
    ) -> SshGuest:  # fmt: skip
        """For a machine of the plan; nothing is connected before it is used."""
        return cls(target_for(machine, own_known_hosts=own_known_hosts, accept=accept, secrets=secrets))

    def execute(self, order: GuestOrder, cancelled: Callable[[], bool]) -> Iterator[GuestReport]:
        """One execution: its reports as they come, the `end` line last. Cut: a TransientError; the script on the
        VM goes on, and the next execution waits for it and finds its work done."""
        for path in order.paths.values():
            if not path.is_file():
                raise PermanentError("MVM-529", str(path))
        with self._idle.used():
            yield from self._execute(order, cancelled)

    def _execute(self, order: GuestOrder, cancelled: Callable[[], bool]) -> Iterator[GuestReport]:
        password = self._sudo.known
        command = guest_script.EXECUTE_AND_AUTHENTICATE if password else guest_script.EXECUTE_COMMAND
        running = self._run(command, lambda: _first(password, _tar(order)), cancelled, EXECUTE_SILENCE)
        ended = False
        for line in running.lines():
            record = _json(line)
            if "step" not in record:
                continue
            report = GuestReport(
                str(record.pop("step")), str(record.pop("state", "")), str(record.pop("message", "")), record
            )
            ended = ended or report.step == "end"
            yield report
        status = running.exit_status()
        running.close()
        if not ended:
            raise from_script_words(running.words(), status, self._target.where)

    def prove_new_connection(self) -> None:
        """A second connection beside the first, and `true` over it; what follows goes over the second, which was
        opened under the sidecar's rules. Raises MVM-431 where it does not work; the first then stays."""
        second = SshConnection(self._target)
        with self._idle.used():
            try:
                self._run_true(second)
            except BaseException:
                second.close()
                raise
            with self._lock:
                first, self._connection = self._connection, second
        if first is not None:
            first.close()
        if self._closed:
            second.close()

    def _run_true(self, connection: SshConnection) -> None:
        try:
            connection.open()
            running = connection.run(guest_script.PROOF_COMMAND, iter(()), lambda: False, OBSERVE_SILENCE)
            for _ in running.lines():
                pass
            status = running.exit_status()
        except (TransientError, PermanentError) as problem:
            raise TransientError("MVM-431", f"{problem.code}: {problem.cause}") from problem
        if status != 0:
            raise TransientError("MVM-431", f"{self._target.where}: `true` ended with {status}")


def _tar(order: GuestOrder) -> Iterator[bytes]:
    return guest_script.archive(order.mode, order.values, order.contents, order.paths)


def _first(password: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The input of a command, after the password for sudo where there is one."""
    if password:
        yield f"{password}\n".encode()
    yield from pieces


def _json(line: str) -> dict[str, Any]:
    """A JSON object of the script; anything else on standard output is some tool's chatter."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
