"""Reaching a VM over SSH and logging in: every way in which it can go wrong, told apart."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from meshvm_tui.adapters import ssh_transport
from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.adapters.ssh_target import SshTarget, target_for
from meshvm_tui.plan import Machine
from meshvm_tui.ports import GuestQuery
from meshvm_tui.problems import ActionNeeded, PermanentError, TransientError
from tests.fakes.ssh_server import Behaviour, SshServer, write_key
from tests.ssh.observing import LINES, problem_of


def test_a_login_that_is_not_accepted(target: SshTarget, behaviour: Behaviour) -> None:
    behaviour.accept_key = False
    problem = problem_of(target)
    assert (problem.code, type(problem)) == ("MVM-406", PermanentError)
    assert behaviour.commands == []


def test_a_line_that_is_cut_while_the_login_is_checked_is_no_refusal(
    target: SshTarget, server: SshServer, behaviour: Behaviour
) -> None:
    """What reads the same in a firewall's cut and in an account that PAM bars: it is tried again, and says both."""

    def cut(_user: str, _key: str) -> bool:
        server.cut()
        return False

    behaviour.takes = cut
    problem = problem_of(target)
    assert (problem.code, type(problem)) == ("MVM-411", TransientError)
    assert "sshd's log" in problem.cause
    assert behaviour.logins


def test_a_login_that_is_never_answered_is_given_up(
    target: SshTarget, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_transport, "LOGIN_SECONDS", 1.0)
    answer = threading.Event()
    behaviour.takes = lambda _user, _key: answer.wait(30)
    problem = problem_of(target)
    answer.set()
    assert (problem.code, type(problem)) == ("MVM-412", TransientError)


def test_an_encrypted_key(target: SshTarget, tmp_path: Path) -> None:
    problem = problem_of(replace(target, key=str(write_key(tmp_path / "locked", "secret words"))))
    assert (problem.code, type(problem)) == ("MVM-407", ActionNeeded)
    assert "encrypted" in problem.cause


@pytest.mark.parametrize("content", [None, "no key at all\n"])
def test_a_key_that_is_not_there_or_no_key(target: SshTarget, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "bad"
    if content is not None:
        path.write_text(content)
    assert problem_of(replace(target, key=str(path))).code == "MVM-407"


def test_no_key_anywhere(target: SshTarget) -> None:
    assert problem_of(replace(target, key="")).code == "MVM-407"


def test_sessions_that_are_refused(target: SshTarget, behaviour: Behaviour) -> None:
    behaviour.refuse_sessions = True
    assert problem_of(target).code == "MVM-410"


def test_a_port_where_nothing_listens(target: SshTarget) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    problem = problem_of(replace(target, port=port))
    assert (problem.code, type(problem)) == ("MVM-402", TransientError)


def test_a_port_that_speaks_something_else(target: SshTarget) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(100)

        thread = threading.Thread(target=serve)
        thread.start()
        problem = problem_of(replace(target, port=listener.getsockname()[1]))
        thread.join(5)
    assert problem.code == "MVM-408"


def test_a_port_that_says_nothing(target: SshTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_transport, "BANNER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert problem_of(replace(target, port=listener.getsockname()[1])).code == "MVM-408"


def test_a_name_that_is_not_known(target: SshTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", fail)
    problem = problem_of(replace(target, host="no-such-vm"))
    assert (problem.code, "Name or service not known" in problem.cause) == ("MVM-401", True)


def test_a_host_key_that_is_not_the_pinned_one_gets_no_login(target: SshTarget, behaviour: Behaviour) -> None:
    problem = problem_of(replace(target, known_host="SHA256:another"))
    assert (problem.code, type(problem)) == ("MVM-405", PermanentError)
    assert behaviour.commands == []


def test_an_unknown_host_key_is_asked_for_and_then_known(
    target: SshTarget, server: SshServer, behaviour: Behaviour
) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(LINES), b"", 0)
    unpinned = replace(target, known_host="")
    assert problem_of(unpinned).code == "MVM-404"
    accepting = SshGuest(replace(unpinned, accept=lambda _h, _p, shown: server.host_key.fingerprint in shown))
    accepting.observe(GuestQuery())
    accepting.close()
    later = SshGuest(unpinned)
    later.observe(GuestQuery())
    later.close()


def test_the_server_is_asked_for_the_key_type_that_is_known(target: SshTarget, tmp_path: Path) -> None:
    rsa, behaviour = paramiko.RSAKey.generate(2048), Behaviour(answer=lambda _c, _s: (b"".join(LINES), b"", 0))
    two = SshServer(behaviour, more_keys=(rsa,))
    known = tmp_path / "operator"
    known.write_text(f"[127.0.0.1]:{two.port} ssh-rsa {rsa.get_base64()}\n")
    guest = SshGuest(replace(target, port=two.port, known_host="", operator_known_hosts=(known,)))
    assert guest.observe(GuestQuery()).host_key.startswith("ssh-rsa")
    guest.close()
    two.close()


def test_through_a_jump_host(
    target: SshTarget, behaviour: Behaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour.answer = lambda _command, _stdin: (b"".join(LINES), b"", 0)
    monkeypatch.setenv("HOME", str(tmp_path))
    jump = SshServer(Behaviour(forward=True))
    try:
        through = replace(target, jump=f"ops@127.0.0.1:{jump.port}", accept=lambda *_: True)
        guest = SshGuest(through)
        assert guest.observe(GuestQuery()).values["who"] == {"user": "root"}
        guest.close()
        jump.behaviour.forward = False
        problem = problem_of(through)
        assert (problem.code, f"jump host ops@127.0.0.1:{jump.port}" in problem.cause) == ("MVM-416", True)
        unknown = problem_of(replace(through, accept=None, own_known_hosts=tmp_path / "empty"))
        assert (unknown.code, f"jump host ops@127.0.0.1:{jump.port}" in unknown.cause) == ("MVM-404", True)
        assert "fingerprint" not in unknown.evidence
    finally:
        jump.close()


def test_a_machine_of_the_plan_becomes_a_target(tmp_path: Path) -> None:
    machine = Machine.model_validate({"name": "vm1", "host": "[fd00::7]", "ssh": {"user": "ops", "port": 2222}})
    target = target_for(machine, own_known_hosts=tmp_path)
    assert (target.host, target.port, target.user, target.jump) == ("fd00::7", 2222, "ops", "")


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        ({"name": "vm1", "host": "h", "ssh": {"via": "iap"}}, "MVM-415"),
        ({"name": "vm1"}, "MVM-429"),
        ({"name": "vm1", "host": "h", "ssh": {"via": "jump"}}, "MVM-416"),
    ],
)
def test_ways_that_are_not_there(tmp_path: Path, machine: dict[str, object], code: str) -> None:
    with pytest.raises(PermanentError) as caught:
        SshGuest.for_machine(Machine.model_validate(machine), own_known_hosts=tmp_path)
    assert caught.value.code == code
