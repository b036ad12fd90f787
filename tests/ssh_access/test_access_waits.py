"""What a grant waits through, for how long, and that cancelling ends each wait at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from meshvm_tui.adapters.instance_access import REFUSED
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem, TransientError
from tests.ssh_access.bench import NOW, Bench

BOOTING = ("MVM-402", "MVM-403", "MVM-408", "MVM-411", "MVM-412", "MVM-826", "MVM-828")


def scripted(bench: Bench, *problems: Problem) -> Callable[[SshTarget, Callable[[], bool]], None]:
    """Logins that fail with these, and then work."""
    left, real = list(problems), bench.prove

    def prove(target: SshTarget, cancelled: Callable[[], bool]) -> None:
        if left:
            raise left.pop(0)
        real(target, cancelled)

    return prove


@pytest.mark.parametrize("code", BOOTING)
def test_a_machine_that_boots_is_waited_for(bench: Bench, code: str) -> None:
    bench.prove = scripted(bench, *(TransientError(code, "not yet") for _ in range(3)))
    assert bench.grant().open
    assert len(bench.proofs) == 4
    assert bench.said.count("waiting for the SSH key to reach the instance: not yet") == 3
    assert bench.clock.now == pytest.approx(NOW + 3)


def test_a_closed_port_that_opens_later(bench: Bench) -> None:
    """A real socket: refused connections, and then the server."""
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        closed_port = placeholder.getsockname()[1]
    bench.machine = bench.a_machine(port=closed_port)
    bench.access = bench.another()
    real = bench.prove

    def prove(target: SshTarget, cancelled: Callable[[], bool]) -> None:
        if len(bench.proofs) > 2:
            target = replace(target, port=bench.server.port)
        real(target, cancelled)

    bench.prove = prove
    assert bench.grant().open
    assert len(bench.proofs) == 3
    assert "MVM" not in "".join(bench.said)
    assert sum("refused" in words for words in bench.said) == 2


def test_a_machine_that_never_answers_is_the_engines_to_try_again(bench: Bench) -> None:
    bench.prove = scripted(bench, *(TransientError("MVM-403", "no answer in time") for _ in range(500)))
    with pytest.raises(TransientError) as failed:
        bench.grant()
    assert failed.value.code == "MVM-403"
    assert bench.clock.now == pytest.approx(NOW + 120, abs=2)


def test_a_fresh_key_that_sshd_refuses_is_tried_again(bench: Bench) -> None:
    bench.behaviour.takes = lambda user, key: len(bench.behaviour.logins) > 2 and bench.takes(user, key)
    assert bench.grant().open
    assert bench.behaviour.logins == ["ann", "ann", "ann"]


def test_a_key_that_is_never_taken_is_given_up(bench: Bench) -> None:
    bench.behaviour.takes = None
    bench.prove = scripted(bench, *(PermanentError("MVM-406", "took none of: the temporary key") for _ in range(500)))
    with pytest.raises(ActionNeeded) as failed:
        bench.grant()
    assert failed.value.code == "MVM-829"
    assert "serial port" in failed.value.next_action
    assert bench.clock.now == pytest.approx(NOW + 60, abs=2)
    assert not bench.access.look(bench.read()).open


def test_refusals_are_counted_from_the_first_one_not_from_the_boot(bench: Bench) -> None:
    boots = [TransientError("MVM-402", "refused") for _ in range(70)]
    refusals = [PermanentError("MVM-406", "took none") for _ in range(20)]
    bench.prove = scripted(bench, *boots, *refusals)
    assert bench.grant().open


def test_what_no_waiting_mends_is_said_at_once(bench: Bench) -> None:
    bench.prove = scripted(bench, PermanentError("MVM-409", "no matching cipher"))
    with pytest.raises(PermanentError):
        bench.grant()
    assert len(bench.proofs) == 1


@pytest.mark.parametrize(
    ("started", "tries"), [("2026-11-22T13:00:00-08:00", 61), ("2026-11-20T13:00:00-08:00", 1)], ids=["new", "old"]
)
def test_the_operators_own_key_is_waited_for_only_on_a_new_instance(bench: Bench, started: str, tries: int) -> None:
    bench.live["lastStartTimestamp"] = started
    bench.prove = scripted(bench, *(PermanentError("MVM-406", "took none") for _ in range(500)))
    with pytest.raises(PermanentError) as failed:
        bench.grant(bench.another(bench.a_machine(key="~/.ssh/id_ed25519")))
    assert failed.value.code == "MVM-406"
    assert len(bench.proofs) == pytest.approx(tries, abs=1)


def test_cancelled_while_the_key_travels(bench: Bench) -> None:
    bench.behaviour.takes = lambda _user, _key: False
    _cancel_after(bench, 3.5)
    with pytest.raises(Cancelled):
        bench.grant()
    assert bench.clock.now < NOW + 3.5 + 1
    bench.access.revoke()
    assert bench.lines() == []


def test_cancelled_while_host_keys_are_waited_for(bench: Bench) -> None:
    bench.compute.publishes.clear()
    _cancel_after(bench, 5)
    with pytest.raises(Cancelled):
        bench.grant()
    assert bench.clock.now < NOW + 6
    assert bench.proofs == []


def test_cancelled_while_google_works(bench: Bench) -> None:
    def cancel() -> None:
        bench.cancelled = True

    bench.compute.on_wait = cancel
    with pytest.raises(Cancelled):
        bench.grant()
    assert bench.proofs == []


def test_cancelled_while_a_host_is_silent(bench: Bench) -> None:
    """It takes the connection and never greets, which a login waits for through ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        access = bench.another(bench.a_machine(port=silent.getsockname()[1]), clock=time.monotonic)
        granting = threading.Thread(target=_swallow, args=(lambda: bench.grant(access),))
        granting.start()
        connection, _ = silent.accept()
        began = time.monotonic()
        bench.cancelled = True
        granting.join(5)
        assert time.monotonic() - began < 1
        connection.close()
    for thread in threading.enumerate():
        if thread.name == "meshvm-login":
            thread.join(5)


def test_it_ends_in_the_middle_of_a_grant(bench: Bench) -> None:
    """Whoever quits then has the grant ended and its key taken away, within the time for that."""
    waits = threading.Event()

    def sleep(_seconds: float) -> None:
        waits.set()
        time.sleep(0.005)

    bench.behaviour.takes = lambda _user, _key: False
    access = bench.another(sleep=sleep)
    granting = threading.Thread(target=_swallow, args=(lambda: bench.grant(access),))
    granting.start()
    assert waits.wait(5)
    assert len(bench.lines()) == 1
    access.revoke()
    assert bench.lines() == []
    granting.join(5)
    assert not granting.is_alive()


def test_google_that_hangs_does_not_hold_up_the_end(bench: Bench) -> None:
    released, asked = threading.Event(), threading.Event()
    access = bench.another(revoke=0.1)
    bench.grant(access)
    answer = bench.compute.instance

    def hangs(project: str, zone: str, name: str) -> object:
        asked.set()
        released.wait(10)
        return answer(project, zone, name)

    bench.compute.instance = hangs  # type: ignore[assignment, method-assign]
    began = time.monotonic()
    access.revoke()
    assert asked.is_set()
    assert time.monotonic() - began < 1
    released.set()
    _join("meshvm-revoke")
    assert bench.lines() == []


@pytest.mark.parametrize("failure", [PermanentError("MVM-805", "not allowed"), RuntimeError("a bug"), Cancelled()])
def test_taking_away_never_raises(bench: Bench, failure: Exception) -> None:
    bench.grant()
    bench.compute.fails["instance"] = [failure]
    bench.access.revoke()
    assert len(bench.lines()) == 1


def test_taking_away_is_tried_again_where_somebody_was_faster(bench: Bench) -> None:
    bench.grant()
    bench.compute.fails["set_metadata"] = [TransientError("MVM-815", "does not match")]
    bench.access.revoke()
    assert bench.lines() == []


def _cancel_after(bench: Bench, seconds: float) -> None:
    def cancel() -> None:
        bench.cancelled = bench.clock.now - NOW >= seconds

    bench.clock.on_sleep = cancel


def _swallow(call: Callable[[], object]) -> None:
    with pytest.raises(Cancelled):
        call()


def _join(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(5)


@pytest.mark.parametrize("seconds", [0.0, 5.0, 20.0])
@pytest.mark.parametrize("code", ["MVM-402", REFUSED])
def test_a_grant_keeps_to_the_time_that_the_step_has(bench: Bench, seconds: float, code: str) -> None:
    bench.prove = always(TransientError(code, "not yet"))
    with pytest.raises(Problem):
        bench.grant(seconds=seconds)
    assert bench.proofs
    assert bench.clock.now <= NOW + seconds


def test_host_keys_and_login_share_the_time(bench: Bench) -> None:
    bench.compute.publishes.clear()
    bench.prove = always(TransientError("MVM-402", "not yet"))
    with pytest.raises(Problem):
        bench.grant(seconds=30.0)
    assert NOW < bench.clock.now <= NOW + 30.0


def always(problem: Problem) -> Callable[[SshTarget, Callable[[], bool]], None]:
    """Logins that fail with this whenever they are tried."""

    def prove(_target: SshTarget, _cancelled: Callable[[], bool]) -> None:
        raise problem

    return prove
