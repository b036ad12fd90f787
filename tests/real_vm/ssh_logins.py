"""What the tests of SSH share: logins of the product's adapter to a machine, and an operator who answers questions."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.ports import GuestFacts, GuestQuery, SecretKind
from meshvm_tui.problems import Problem
from tests.real_vm.rig import RealVm
from tests.real_vm.world import fingerprint


class Operator:
    """Answers with one secret after another, then not at all. `asked` and `wrong` are what happened."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[SecretKind, str]] = []
        self.wrong: list[str] = []

    def ask(self, kind: SecretKind, subject: str, cancelled: Callable[[], bool]) -> str | None:
        self.asked.append((kind, subject))
        return self.answers[0] if self.answers else None

    def reject(self, kind: SecretKind, subject: str) -> None:
        self.wrong.append(self.answers.pop(0))


def target_of(machine: RealVm, folder: Path, **changes: Any) -> SshTarget:
    """A usual login, with files below `folder` only."""
    usual = SshTarget(
        host=machine.address,
        port=machine.ssh_port,
        user=machine.user,
        key=str(machine.key_file),
        known_host=fingerprint(machine.host_key),
        own_known_hosts=folder / "own_known_hosts",
        operator_known_hosts=(folder / "known_hosts",),
        keys=(),
    )
    return replace(usual, **changes)


def observed(target: SshTarget) -> GuestFacts:
    """One observation over a connection of its own."""
    guest = SshGuest(target)
    try:
        return guest.observe(GuestQuery())
    finally:
        guest.close()


def problem_of(target: SshTarget) -> Problem:
    """What an observation ends with, where it cannot be made."""
    with pytest.raises(Problem) as caught:
        observed(target)
    return caught.value


def authorize(machine: RealVm, key: Path) -> None:
    """One more key opens the machine."""
    text = key.with_name(key.name + ".pub").read_text(encoding="ascii").strip()
    machine.run(f"echo {shlex.quote(text)} >>/home/op/.ssh/authorized_keys")


def make_key(path: Path, passphrase: str = "", kind: str = "ed25519") -> Path:
    """A private key by ssh-keygen, and its public half beside it."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    return path


@contextmanager
def ssh_agent(folder: Path, *keys: Path) -> Iterator[str]:
    """OpenSSH's agent with these keys; gives its socket."""
    place = str(folder / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert agent.stdout is not None
        agent.stdout.readline()
        for key in keys:
            environment = {"SSH_AUTH_SOCK": place, "PATH": "/usr/bin:/bin"}
            subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True, capture_output=True, timeout=20)
        yield place
    finally:
        agent.terminate()
        agent.communicate(timeout=10)
