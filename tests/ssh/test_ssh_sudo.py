"""sudo with a password: the first line of standard input, asked for once, and never anywhere else."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from meshvm_tui.adapters import guest_script
from meshvm_tui.adapters.ssh_errors import from_script_words
from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.operator_secrets import CommandLineSecrets, MemorySecrets
from meshvm_tui.ports import GuestOrder, GuestQuery, SecretKind
from meshvm_tui.problems import ActionNeeded
from tests.fakes.ssh_server import Behaviour, SshServer, write_key

PASSWORD = "a b'\"$x#\\"
REFUSED = b'{"topic":"who","user":"op","privilege":"refused","words":"sudo: a password is required"}\n{"topic":"end"}\n'
ROOT = b'{"topic":"who","user":"op","privilege":"root","words":""}\n{"topic":"end"}\n'
REPORTS = b'{"step":"end","state":"ok","message":""}\n'
WRONG = b"Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n"


def sudo_machine(command: str, stdin: bytes) -> tuple[bytes, bytes, int]:
    """Answers as a machine on which sudo wants the password."""
    if "-S" not in command:
        return REFUSED, b"", 0
    if not stdin.startswith(f"{PASSWORD}\n".encode()):
        return b"", WRONG, 1
    return (ROOT if command == guest_script.OBSERVE_AND_AUTHENTICATE else REPORTS), b"", 0


@pytest.fixture
def server() -> Iterator[SshServer]:
    served = SshServer(Behaviour(answer=sudo_machine))
    yield served
    served.close()


@pytest.fixture
def target(server: SshServer, tmp_path: Path) -> SshTarget:
    key, pin = str(write_key(tmp_path / "key")), server.host_key.fingerprint
    return SshTarget("127.0.0.1", server.port, "op", key, pin, tmp_path / "own", operator_known_hosts=())


def test_a_password_is_asked_for_once_and_is_in_no_command(server: SshServer, target: SshTarget) -> None:
    secrets = MemorySecrets()
    secrets.give(SecretKind.SUDO, target.where, PASSWORD)
    guest = SshGuest(replace(target, secrets=secrets))
    assert guest.observe(GuestQuery()).values["who"]["privilege"] == "root"
    secrets.reject(SecretKind.SUDO, target.where)
    guest.observe(GuestQuery())
    assert [line.step for line in guest.execute(GuestOrder("apply"), lambda: False)] == ["end"]
    guest.close()
    assert server.behaviour.commands == [
        guest_script.OBSERVE_COMMAND,
        guest_script.OBSERVE_AND_AUTHENTICATE,
        guest_script.OBSERVE_AND_AUTHENTICATE,
        guest_script.EXECUTE_AND_AUTHENTICATE,
    ]
    assert server.behaviour.connections == 1


def test_a_wrong_password_is_forgotten_and_said(target: SshTarget) -> None:
    secrets = MemorySecrets()
    secrets.give(SecretKind.SUDO, target.where, "wrong")
    guest = SshGuest(replace(target, secrets=secrets))
    with pytest.raises(ActionNeeded) as caught:
        guest.observe(GuestQuery())
    assert (caught.value.code, "incorrect password" in caught.value.cause) == ("MVM-434", True)
    assert caught.value.evidence == {"secret": "sudo", "subject": target.where}
    assert secrets.ask(SecretKind.SUDO, target.where, lambda: False) is None
    with pytest.raises(ActionNeeded) as caught:
        guest.observe(GuestQuery())
    assert caught.value.code == "MVM-413"
    guest.close()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("sudo: interactive authentication is required", "MVM-413"),
        (WRONG.decode(), "MVM-434"),
        ("op is not in the sudoers file.", "MVM-414"),
        ("Sorry, user op is not allowed to execute '/bin/sh' as root on vm1.", "MVM-414"),
        ("sudo: sorry, you must have a tty to run sudo", "MVM-414"),
        ("sh: 1: sudo: not found", "MVM-414"),
    ],
)
def test_sudos_words(words: str, code: str) -> None:
    assert from_script_words(words, 1, "op@vm1:22").code == code


class TestCommands:
    """The commands with a stand-in for sudo that wants `PASSWORD`, or none at all."""

    @pytest.fixture
    def environment(self, tmp_path: Path) -> dict[str, str]:
        program = tmp_path / "bin/sudo"
        program.parent.mkdir()
        program.write_text(
            """#!/bin/sh
while :; do case $1 in -k|-S|-n) shift;; -p) shift 2;; *) break;; esac; done
[ -n "${NO_PASSWORD:-}" ] || IFS= read -r given
[ -n "${NO_PASSWORD:-}" ] || [ "$given" = "$WANTED" ] || { echo 'Sorry, try again.' >&2; exit 1; }
exec "$@"
""",
            encoding="ascii",
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        path = f"{program.parent}:{os.environ['PATH']}"
        return {"PATH": path, "WANTED": PASSWORD, "SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22"}

    def run(self, command: str, stdin: bytes, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["/bin/sh", "-c", command], input=stdin, env=environment, capture_output=True, timeout=20, check=False
        )

    @pytest.mark.parametrize("no_password", ["", "yes"])
    def test_the_script_is_read_from_behind_the_password(self, environment: dict[str, str], no_password: str) -> None:
        script = f"{PASSWORD}\n".encode() + b'echo "$1|$2"\n' + b"# filler\n" * 9000
        done = self.run(guest_script.OBSERVE_AND_AUTHENTICATE, script, {**environment, "NO_PASSWORD": no_password})
        assert (done.returncode, done.stdout, done.stderr) == (0, b"-|192.0.2.1 5 192.0.2.2 22\n", b"")

    def test_a_wrong_password_is_one_try_and_runs_nothing(self, environment: dict[str, str]) -> None:
        done = self.run(guest_script.OBSERVE_AND_AUTHENTICATE, b"wrong\necho ran\n" * 3, environment)
        assert (done.returncode, done.stdout, done.stderr.count(b"try again")) == (1, b"", 1)

    @pytest.mark.parametrize("command", [guest_script.EXECUTE_COMMAND, guest_script.EXECUTE_AND_AUTHENTICATE])
    def test_files_that_did_not_come_whole_are_removed_though_nobody_listens(
        self, environment: dict[str, str], command: str
    ) -> None:
        before = set(Path("/tmp").glob(".meshvm.*"))
        first = b"" if command == guest_script.EXECUTE_COMMAND else f"{PASSWORD}\n".encode()
        pieces = b"".join(guest_script.archive("apply", {}, {"istio-token": b"secret"}, {}))
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        process.stderr.close()
        process.stdin.write(first + pieces[:1500])
        process.stdin.close()
        assert process.wait(20) != 0
        assert set(Path("/tmp").glob(".meshvm.*")) <= before


def test_what_the_environment_gives_reaches_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHVM_TUI_SUDO_PASSWORD", PASSWORD)
    secrets = CommandLineSecrets()
    assert "MESHVM_TUI_SUDO_PASSWORD" not in os.environ
    assert secrets.ask(SecretKind.SUDO, "op@vm1:22", lambda: False) == PASSWORD
    assert secrets.ask(SecretKind.PASSPHRASE, "/key", lambda: False) is None
    secrets.reject(SecretKind.SUDO, "op@vm1:22")
    assert secrets.ask(SecretKind.SUDO, "op@vm1:22", lambda: False) is None
    assert secrets.ask(SecretKind.SUDO, "op@vm2:22", lambda: False) == PASSWORD
    secrets.close()
