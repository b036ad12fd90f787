"""A connection to a real machine that is cut at every place, that falls silent, or behind which nobody speaks."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from meshvm_tui.adapters import ssh_guest
from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.ports import GuestOrder, GuestQuery
from meshvm_tui.problems import TransientError
from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm
from tests.real_vm.ssh_logins import observed, target_of
from tests.real_vm.ssh_wire import Wire, wire_to
from tests.real_vm.trouble import PLAIN, assert_running, assert_untouched, succeeded
from tests.real_vm.world import World, changed, fingerprint, finished

pytestmark = pytest.mark.real_vm

KILOBYTE = 1024
CUT = {"MVM-408", "MVM-411"}
"""Cut, before or after the greeting."""
TOKEN = b"eyJhbGciOiJub25lIn0.c2VjcmV0LXRoYXQtd2FzLXNlbnQ.eA"
SOON = 10.0


@pytest.fixture(scope="module")
def machine(boot_module_vm: BootVm) -> RealVm:
    """One machine for all cuts: nothing of them may stay on it."""
    return boot_module_vm()


def over(wire: Wire, machine: RealVm, folder: Path) -> SshTarget:
    """A login over the wire."""
    return replace(target_of(machine, folder), host="127.0.0.1", port=wire.port)


def waits_for(true: Callable[[], object], seconds: float = SOON) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def left_on(machine: RealVm) -> str:
    """What was sent and is still there, and who still works with it."""
    return machine.run("ls -d /tmp/.meshvm.* 2>/dev/null; pgrep -af '[g]uest.sh'", check=False).stdout


@pytest.mark.parametrize(("direction", "piece"), [("up", 3 * KILOBYTE), ("down", KILOBYTE // 2)])
def test_an_observation_that_is_cut_every_few_kilobytes_says_so(
    machine: RealVm, tmp_path: Path, direction: str, piece: int
) -> None:
    """Until the cut comes after its end. Each is a transient failure in seconds, none a hang or half an answer."""
    cuts = 0
    with wire_to(machine.address) as wire:
        while True:
            setattr(wire, direction, (cuts + 1) * piece)
            began = time.monotonic()
            try:
                facts = observed(over(wire, machine, tmp_path))
            except TransientError as problem:
                assert problem.code in CUT, problem
                assert time.monotonic() - began < SOON
                cuts += 1
                continue
            break
    assert cuts > 5
    assert facts.values["end"] == {}
    assert waits_for(lambda: not left_on(machine)), left_on(machine)


def test_files_that_are_cut_at_every_fourth_kilobyte_leave_nothing(machine: RealVm, tmp_path: Path) -> None:
    """Nothing of the script runs before all of it has come; what has come, a token with it, is removed at once."""
    order = GuestOrder("apply", {}, {"istio-token": TOKEN, "istio-sidecar.deb": bytes(40 * KILOBYTE)})
    with wire_to(machine.address) as wire:
        for kilobytes in range(6, 46, 4):
            wire.up = kilobytes * KILOBYTE
            guest = SshGuest(over(wire, machine, tmp_path))
            with pytest.raises(TransientError) as caught:
                list(guest.execute(order, lambda: False))
            guest.close()
            assert caught.value.code in CUT
    assert waits_for(lambda: not left_on(machine)), left_on(machine)
    assert_untouched(machine)


def test_a_connection_that_falls_silent_is_given_up_with_words(
    machine: RealVm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_guest, "OBSERVE_SILENCE", 1.0)
    with wire_to(machine.address) as wire:
        guest = SshGuest(over(wire, machine, tmp_path))
        guest.observe(GuestQuery())
        wire.mute = True
        with pytest.raises(TransientError) as caught:
            guest.observe(GuestQuery())
        guest.close()
    assert caught.value.code == "MVM-412"


def through(world: World, machine: RealVm, wire: Wire, *limits: str) -> list[str]:
    """The command line that applies the VM's part over the wire."""
    ssh = {
        "user": machine.user,
        "port": wire.port,
        "key": str(machine.key_file),
        "knownHost": fingerprint(machine.host_key),
    }
    entry = {"name": machine.name, "host": "127.0.0.1", "address": machine.address, "ssh": ssh}
    return world.command(world.write(machine, machines=[entry], **PLAIN), "--yes", *limits)


def problems(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The codes of what went wrong, by step."""
    return {step: event["problem"]["code"] for step, event in finished(done).items() if event["problem"]}


class TestCommandLine:
    """The CLI as a process, on one machine, in this order."""

    def test_who_says_nothing_is_waited_for_until_the_deadline(self, module_world: World, machine: RealVm) -> None:
        with wire_to(machine.address) as wire:
            wire.deaf = True
            done = module_world.run(through(module_world, machine, wire, "--timeout", "5"), seconds=60)
        assert problems(done) == {"guest-reachable": "MVM-408"}
        assert done.returncode == ExitCode.FAILED
        assert "banner" in finished(done)["guest-reachable"]["problem"]["cause"]

    def test_a_cancel_while_nobody_speaks_ends_it_soon(self, module_world: World, machine: RealVm) -> None:
        with wire_to(machine.address) as wire:
            wire.deaf = True
            command = through(module_world, machine, wire)
            process = subprocess.Popen(
                command,
                env=module_world.environment,
                cwd=module_world.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert wire.accepted.wait(40)
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            out, _ = process.communicate(timeout=20)
            took = time.monotonic() - began
        assert process.returncode == ExitCode.CANCELLED
        ended = next(event for event in map(json.loads, out.splitlines()) if event["event"] == "RunFinished")
        assert "Cancelled" in ended["message"]
        assert took < 3.0

    def test_a_run_whose_connections_are_all_cut_says_so_and_leaves_nothing(
        self, module_world: World, machine: RealVm
    ) -> None:
        """After 60 kB: the observation has come through, and a part of the files."""
        with wire_to(machine.address) as wire:
            wire.up = 60 * KILOBYTE
            done = module_world.run(through(module_world, machine, wire, "--timeout", "5"))
        assert done.returncode == ExitCode.FAILED, done.stdout[-2000:]
        assert set(problems(done).values()) <= CUT
        assert problems(done)
        assert waits_for(lambda: not left_on(machine)), left_on(machine)
        assert_untouched(machine)

    @pytest.mark.parametrize("down", [6 * KILOBYTE, 9 * KILOBYTE])
    def test_a_cut_while_the_machine_reports_does_not_stop_it_and_the_same_run_goes_on(
        self, module_world: World, boot_vm: BootVm, down: int
    ) -> None:
        """The first connection is cut while the machine tells what it does, early or late; then the line holds."""
        fresh = boot_vm()
        with wire_to(fresh.address) as wire:
            wire.down, wire.cuts = down, 1
            done = module_world.run(through(module_world, fresh, wire))
            assert wire.cuts == 0, f"it was never cut: {wire.most_down} bytes came"
            succeeded(done)
            again = module_world.run(through(module_world, fresh, wire))
        succeeded(again)
        assert changed(again) == []
        assert_running(fresh)
        assert left_on(fresh) == ""
        assert fresh.output("dpkg --audit") == ""
