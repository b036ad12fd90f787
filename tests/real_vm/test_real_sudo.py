"""sudo as operators have it: with a password, without the right to it, not there at all; asked for in a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.ports import SecretKind
from meshvm_tui.problems import ActionNeeded
from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm
from tests.real_vm.ssh_logins import Operator, observed, problem_of, target_of
from tests.real_vm.trouble import PLAIN, assert_running, assert_untouched, failed, succeeded
from tests.real_vm.world import World

pytestmark = pytest.mark.real_vm

VARIABLE = "MESHVM_TUI_SUDO_PASSWORD"
CANCEL_SECONDS = 3.0
"""From Ctrl-C to the end of the process: a second, and what a busy machine takes to end a Python process."""


@pytest.fixture(scope="module")
def machine(boot_module_vm: BootVm) -> RealVm:
    """A machine whose sudo wants a password."""
    return boot_module_vm(sudo="password")


def failed_tries(machine: RealVm) -> int:
    """How many wrong passwords sudo has seen: a machine may lock the account after a few."""
    return machine.journal().count("pam_unix(sudo:auth): authentication failure")


def test_a_password_makes_the_observation_roots_and_is_tried_once(machine: RealVm, tmp_path: Path) -> None:
    before = failed_tries(machine)
    operator = Operator("not it", machine.password)
    facts = observed(target_of(machine, tmp_path, secrets=operator))
    assert facts.values["who"] == {"user": "op", "privilege": "root", "words": ""}
    assert operator.asked == [(SecretKind.SUDO, f"op@{machine.address}:22")] * 2
    assert operator.wrong == ["not it"]
    assert failed_tries(machine) == before + 1


def test_without_anybody_to_ask_and_with_the_wrong_answer(machine: RealVm, tmp_path: Path) -> None:
    problem = problem_of(target_of(machine, tmp_path))
    assert (problem.code, type(problem)) == ("MVM-413", ActionNeeded)
    assert "sudo: a password is required" in problem.cause
    assert VARIABLE in problem.next_action
    problem = problem_of(target_of(machine, tmp_path, secrets=Operator("rubbish")))
    assert problem.code == "MVM-434"
    assert "1 incorrect password attempt" in problem.cause
    assert "rubbish" not in repr(problem.record())


def test_who_may_not_use_sudo_is_told_so_and_not_that_the_password_is_wrong(boot_vm: BootVm, tmp_path: Path) -> None:
    bare = boot_vm(sudo="none")
    problem = problem_of(target_of(bare, tmp_path, secrets=Operator(bare.password)))
    assert (problem.code, "op is not in the sudoers file" in problem.cause) == ("MVM-414", True)
    bare.run("mv /usr/bin/sudo /usr/bin/no-sudo")
    assert observed(target_of(bare, tmp_path, secrets=Operator())).values["who"]["privilege"] == "none"


class TestCommandLine:
    """The CLI as a process, on one machine, in this order."""

    def test_without_a_terminal_or_a_variable_it_says_what_to_do(self, module_world: World, machine: RealVm) -> None:
        problem = failed(module_world.apply(machine, **PLAIN), "guest-reachable", "MVM-413", ExitCode.ACTION_NEEDED)
        assert VARIABLE in problem["next_action"]
        assert_untouched(machine)

    def test_the_password_of_the_environment_onboards_and_is_nowhere(
        self, module_world: World, machine: RealVm
    ) -> None:
        command = module_world.command(module_world.write(machine, **PLAIN))
        environment = {**module_world.environment, VARIABLE: machine.password}
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110, check=False
        )
        succeeded(done)
        assert_running(machine)
        assert machine.password not in done.stdout + done.stderr
        kept = [path for path in module_world.folder.rglob("*") if path.is_file() and "lab" not in path.parts]
        assert kept
        assert not [path for path in kept if machine.password.encode() in path.read_bytes()]
        assert machine.password not in machine.journal()
        there = f"grep -rls -e {machine.password} /etc /var /run /tmp /home /root"
        assert machine.run(there, check=False).stdout == ""

    def test_asked_for_on_the_terminal_unseen_and_nothing_is_left_to_change(
        self, module_world: World, machine: RealVm
    ) -> None:
        status, screen, _ = self.on_terminal(module_world, machine, f"{machine.password}\n")
        assert status == ExitCode.DONE, screen
        assert '"event": "RunFinished"' in screen
        assert '"changed": true' not in screen
        assert machine.password not in screen

    def test_a_cancel_while_the_terminal_asks_ends_it_soon(self, module_world: World, machine: RealVm) -> None:
        status, screen, seconds = self.on_terminal(module_world, machine, "\x03")
        assert status == ExitCode.CANCELLED, screen
        assert seconds < CANCEL_SECONDS

    def on_terminal(self, world: World, machine: RealVm, answer: str) -> tuple[int, str, float]:
        """A run in a terminal where the question is answered."""
        command = world.command(world.write(machine, **PLAIN))
        return in_terminal(command, world.environment, f"sudo as op@{machine.address}:22: ", answer)


def in_terminal(command: list[str], environment: dict[str, str], question: str, answer: str) -> tuple[int, str, float]:
    """Runs a command in a terminal of its own and answers one question.

    Gives the exit status, all that stood on the screen, and the seconds from the answer to the end."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command[0], command, environment)
    screen, answered, end = "", 0.0, time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(terminal, 65536)
            except OSError:  # EIO: nobody has the other end any more
                break
            screen += data.decode(errors="replace")
            if question in screen and not answered:
                answered = time.monotonic()
                os.write(terminal, answer.encode())
        took = time.monotonic() - answered
    finally:
        os.close(terminal)
        status = ended(child)
    assert answered, screen
    return status, screen, took


def ended(child: int) -> int:
    """The exit status of a process that should have ended; it is killed where it has not."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
