"""The guest over SSH against a server in this process: facts, reports, and every way in which it can go wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from meshvm_tui.adapters import guest_script, ssh_command
from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.adapters.ssh_idle import IDLE_SECONDS
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.look_pace import REST
from meshvm_tui.ports import GuestOrder, GuestQuery
from meshvm_tui.problems import Cancelled, PermanentError, Problem, TransientError
from tests.fakes.ssh_server import Behaviour, SshServer
from tests.ssh.observing import LINES

REPORTS = (
    b'{"step":"guest-files","state":"changed","message":"written","written":"hosts"}\n',
    b"chatter of a tool\n",
    b'{"step":"end","state":"ok","message":""}\n',
)


def never() -> bool:
    return False


def test_an_observation_is_topics_and_the_script_goes_over_standard_input(
    guest: SshGuest, behaviour: Behaviour
) -> None:
    sent: list[bytes] = []

    def answer(_command: str, stdin: bytes) -> tuple[bytes, bytes, int]:
        sent.append(stdin)
        return b"".join(LINES), b"", 0

    behaviour.answer = answer
    facts = guest.observe(GuestQuery({"GATEWAY_IP": "10.0.0.1"}))
    assert facts.values["who"] == {"user": "root"}
    assert facts.host_key.startswith("ecdsa-sha2-nistp256 SHA256:")
    assert facts.clock_skew < -1_000_000
    assert sent[0].startswith(b"MV_MODE=observe\nMV_GATEWAY_IP=10.0.0.1\n")
    assert behaviour.commands == [guest_script.OBSERVE_COMMAND]


def test_one_connection_serves_observation_and_execution(guest: SshGuest, behaviour: Behaviour) -> None:
    behaviour.answer = lambda command, _stdin: (
        b"".join(LINES if command == guest_script.OBSERVE_COMMAND else REPORTS), b"", 0,
    )  # fmt: skip
    guest.observe(GuestQuery())
    reports = list(guest.execute(GuestOrder("apply", {"VERSION": "1"}, {"hosts": b"x"}), never))
    assert [(line.step, line.state) for line in reports] == [("guest-files", "changed"), ("end", "ok")]
    assert reports[0].values == {"written": "hosts"}
    assert behaviour.connections == 1
    guest.prove_new_connection()
    assert behaviour.connections == 2
    assert behaviour.commands[-1] == "true"


def test_what_follows_the_proof_goes_over_the_connection_that_proved_it(
    guest: SshGuest, server: SshServer, behaviour: Behaviour
) -> None:
    behaviour.answer = lambda command, _stdin: (b"".join(LINES) if command != "true" else b"", b"", 0)
    guest.observe(GuestQuery())
    first = guest._connection
    guest.prove_new_connection()
    guest.observe(GuestQuery())
    assert first is not None
    assert not first.alive
    assert behaviour.connections == 2


def test_a_proof_that_fails_leaves_the_connection_as_it_is(guest: SshGuest, behaviour: Behaviour) -> None:
    behaviour.answer = lambda command, _stdin: (b"".join(LINES), b"", 1 if command == "true" else 0)
    guest.observe(GuestQuery())
    with pytest.raises(TransientError) as caught:
        guest.prove_new_connection()
    assert caught.value.code == "MVM-431"
    guest.observe(GuestQuery())
    assert behaviour.connections == 2


@pytest.mark.parametrize(("allowed", "opened"), [(1, 2), (10, 3)])
def test_the_next_session_is_asked_for_with_the_first_and_done_without_where_only_one_is_allowed(
    guest: SshGuest, behaviour: Behaviour, allowed: int, opened: int
) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join((*LINES, *REPORTS)), b"", 0)
    behaviour.sessions_at_once = allowed
    guest.observe(GuestQuery())
    assert list(guest.execute(GuestOrder("apply"), never))[-1].step == "end"
    assert behaviour.sessions == opened
    assert behaviour.connections == 1


def test_no_secret_and_no_value_is_ever_in_a_command(guest: SshGuest, behaviour: Behaviour) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(REPORTS), b"", 0)
    list(guest.execute(GuestOrder("apply", {"URL": "http://u"}, {"istio-token": b"secret"}), never))
    assert behaviour.commands == [guest_script.EXECUTE_COMMAND]
    assert "secret" not in repr(GuestOrder("apply", {}, {"istio-token": b"secret"}))


class Clocks:
    """Clocks that ring when a test says so."""

    def __init__(self) -> None:
        self.running: list[Clocks.One] = []

    class One:
        def __init__(self, clocks: Clocks, call: Callable[[], None]) -> None:
            self.clocks = clocks
            self.call = call

        def start(self) -> None:
            self.clocks.running.append(self)

        def cancel(self) -> None:
            self.clocks.running.remove(self)

    def __call__(self, seconds: float, call: Callable[[], None]) -> Clocks.One:
        assert seconds == IDLE_SECONDS > REST
        return Clocks.One(self, call)

    def ring(self) -> None:
        """The time of all that run has come."""
        for clock in list(self.running):
            clock.call()


def test_a_connection_that_nobody_has_used_for_a_while_is_closed_and_opened_anew_when_wanted(
    target: SshTarget, server: SshServer, behaviour: Behaviour
) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(LINES), b"", 0)
    clocks = Clocks()
    guest = SshGuest(target, clock=clocks)
    guest.observe(GuestQuery())
    guest.observe(GuestQuery())
    assert (behaviour.connections, len(clocks.running)) == (1, 1)
    first = guest._connection
    clocks.ring()
    assert first is not None and not first.alive
    guest.observe(GuestQuery())
    assert behaviour.connections == 2
    guest.close()
    assert not clocks.running


def test_a_connection_over_which_something_is_done_is_never_idle(target: SshTarget, behaviour: Behaviour) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(REPORTS), b"", 0)
    clocks = Clocks()
    guest = SshGuest(target, clock=clocks)
    reports = guest.execute(GuestOrder("apply", {}, {}), never)
    next(reports)
    assert not clocks.running
    guest._rest()
    assert guest._connection is not None and guest._connection.alive
    assert [report.step for report in reports] == ["end"]
    assert len(clocks.running) == 1
    guest.close()
    assert not clocks.running


def test_a_dead_connection_is_opened_anew(guest: SshGuest, server: SshServer, behaviour: Behaviour) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(LINES), b"", 0)
    guest.observe(GuestQuery())
    server.cut()
    guest.observe(GuestQuery())
    assert behaviour.connections == 2


@pytest.mark.parametrize("size", [1, 20_000, 200_000])
def test_a_connection_that_is_cut_while_files_are_sent_is_transient(
    guest: SshGuest, behaviour: Behaviour, size: int
) -> None:
    behaviour.cut_after_input = size
    with pytest.raises(TransientError) as caught:
        list(guest.execute(GuestOrder("apply", {}, {"istio-sidecar.deb": b"x" * 400_000}), never))
    assert caught.value.code == "MVM-411"


def test_a_connection_that_is_cut_in_the_middle_of_the_reports_is_transient(
    guest: SshGuest, behaviour: Behaviour
) -> None:
    behaviour.answer = lambda _command, _stdin: (REPORTS[0], b"", 0)
    behaviour.cut_after_output = True
    got = []
    with pytest.raises(TransientError) as caught:
        for line in guest.execute(GuestOrder("apply"), never):
            got.append(line.step)
    assert (caught.value.code, got) == ("MVM-411", ["guest-files"])


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (b"sudo: a password is required\n", 1, "MVM-413"),
        (b"ops is not in the sudoers file.\n", 1, "MVM-414"),
        (b"tar: hosts: Cannot write: No space left on device\n", 2, "MVM-525"),
        (b"sh: 1: tar: not found\n", 127, "MVM-428"),
        (b"guest.sh: 3: Syntax error\n", 2, "MVM-417"),
        (b"", 3, "MVM-417"),
    ],
)
def test_a_script_without_its_last_line_is_a_failure_in_its_own_words(
    guest: SshGuest, behaviour: Behaviour, words: bytes, status: int, code: str
) -> None:
    behaviour.answer = lambda _command, _stdin: (REPORTS[0], words, status)
    with pytest.raises(Problem) as caught:
        list(guest.execute(GuestOrder("apply"), never))
    assert caught.value.code == code
    assert words.decode().strip() in caught.value.cause


def test_many_words_on_standard_error_do_not_stop_it(guest: SshGuest, behaviour: Behaviour) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(REPORTS), b"w" * 5_000_000, 0)
    assert list(guest.execute(GuestOrder("apply"), never))[-1].step == "end"


def test_cancel_while_nothing_comes(guest: SshGuest, behaviour: Behaviour) -> None:
    started, release = threading.Event(), threading.Event()

    def answer(_command: str, _stdin: bytes) -> tuple[bytes, bytes, int]:
        started.set()
        release.wait(10)
        return b"", b"", 0

    behaviour.answer = answer
    with pytest.raises(Cancelled):
        list(guest.execute(GuestOrder("apply"), started.is_set))
    release.set()


def test_closing_ends_an_observation_and_opens_nothing_more(guest: SshGuest, behaviour: Behaviour) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(LINES), b"", 0)
    guest.observe(GuestQuery())
    release = threading.Event()

    def answer(_command: str, _stdin: bytes) -> tuple[bytes, bytes, int]:
        guest.close()
        release.wait(10)
        return b"", b"", 0

    behaviour.answer = answer
    with pytest.raises((Cancelled, TransientError)):
        guest.observe(GuestQuery())
    release.set()
    with pytest.raises(TransientError, match="closed here"):
        guest.observe(GuestQuery())
    assert behaviour.connections == 1


def test_silence_is_not_waited_for_for_ever(
    guest: SshGuest, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshvm_tui.adapters.ssh_guest.OBSERVE_SILENCE", 0.2)
    release = threading.Event()
    behaviour.answer = lambda _command, _stdin: (b"x" if release.wait(10) else b"", b"", 0)
    with pytest.raises(TransientError) as caught:
        guest.observe(GuestQuery())
    assert caught.value.code == "MVM-412"
    release.set()


@pytest.mark.parametrize("cancels", [False, True])
def test_a_machine_that_does_not_even_answer_the_request_is_not_waited_for(
    target: SshTarget, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch, cancels: bool
) -> None:
    """paramiko itself would wait without end."""
    monkeypatch.setattr(ssh_command, "ANSWER_SECONDS", 30 if cancels else 0.2)
    behaviour.silent = threading.Event()
    guest = SshGuest(target)
    expected = Cancelled if cancels else TransientError
    with pytest.raises(expected) as caught:
        list(guest.execute(GuestOrder("apply"), lambda: cancels))
    behaviour.silent.set()
    guest.close()
    assert cancels or "MVM-412" in str(caught.value)


def test_a_command_that_ends_before_it_has_read_everything_says_why(target: SshTarget, behaviour: Behaviour) -> None:
    """A full disk ends it while the package is still on its way; that is no cut."""
    behaviour.answer_early = (b"mktemp: No space left on device\n", 1)
    guest = SshGuest(target)
    with pytest.raises(PermanentError) as caught:
        list(guest.execute(GuestOrder("apply", {}, {"istio-sidecar.deb": b"x" * 6_000_000}), never))
    guest.close()
    assert (caught.value.code, "No space left" in caught.value.cause) == ("MVM-525", True)


def test_lines_that_are_json_but_no_report_are_chatter(guest: SshGuest, behaviour: Behaviour) -> None:
    behaviour.answer = lambda _c, _s: (b'[1]\n"x"\n' + json.dumps({"a": 1}).encode() + b"\n" + REPORTS[-1], b"", 0)
    assert [line.step for line in guest.execute(GuestOrder("apply"), never)] == ["end"]


def test_a_package_that_is_not_on_this_computer(guest: SshGuest, tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        list(guest.execute(GuestOrder("apply", paths={"istio-sidecar.deb": tmp_path / "no.deb"}), never))
    assert caught.value.code == "MVM-529"
