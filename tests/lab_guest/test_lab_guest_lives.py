"""VMs side by side, and how they end: with the lab, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.lab_guest.lab_vm import Lab, Login

SCRIPT = textwrap.dedent(
    """
    import sys, threading
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from tests.lab_guest.lab_vm import FixedOffset, Switches
    from meshvm_tui.lab.guest.vm import Vm
    vm = Vm("vm-1", sys.argv[3], 0, Path(sys.argv[2]), Switches(), FixedOffset(), namespaces=sys.argv[4] == "yes")
    vm.start()
    vm.path("/etc/systemd/system/long.service").write_text(
        "[Service]\\nExecStart=systemctl-is-not-here\\n" if sys.argv[4] != "yes" else
        "[Service]\\nExecStart=/bin/sh -c 'setsid sleep 4242 & exec sleep 4242'\\n")
    if sys.argv[4] == "yes":
        print(vm.run("systemctl start long; ps -e -o args").stdout, flush=True)
    else:
        print(vm.run("sleep 4242 >/dev/null 2>&1 & sleep 0.1; echo sleep 4242").stdout, flush=True)
    print("up", flush=True)
    threading.Event().wait()
    """
)


def marked(folder: Path) -> list[int]:
    """Processes of the computer whose command line or parent's names a folder, or that sleep as the script says."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in line or line == b"sleep\x004242\x00":
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("namespaces", ["yes", "no"])
def test_nothing_is_left_when_the_lab_is_killed(tmp_path: Path, namespaces: str) -> None:
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path / "vm"
    lab = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(root), str(folder), f"127.{os.getpid() % 99 + 100}.8.8", namespaces],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert lab.stdout is not None
    while (line := lab.stdout.readline()) != "up\n":
        assert line, "the lab did not come up"
    assert len(marked(folder)) >= 2
    lab.send_signal(signal.SIGKILL)
    lab.wait()
    lab.stdout.close()
    deadline = time.monotonic() + 30
    while marked(folder):
        assert time.monotonic() < deadline, f"left behind: {marked(folder)}"
        threading.Event().wait(0.02)


def test_two_vms_have_nothing_in_common(lab: Lab) -> None:
    first, second = lab.vm("vm-1"), lab.vm("vm-2")
    one, two = Login(first, lab.key), Login(second, lab.key)
    one.ok("sudo sh -c 'echo 127.1.1.1 only-here >> /etc/hosts'; touch /tmp/only-here")
    assert two.run("getent hosts only-here; ls /tmp").out == ""
    assert (one.ok("hostname"), two.ok("hostname")) == ("vm-1\n", "vm-2\n")
    assert two.ok("hostname -I").strip() == second.address
    serve = "nohup python3 -m http.server 18090 >/dev/null 2>&1 & echo started"
    assert one.ok(serve) == two.ok(serve) == "started\n"
    for login, vm in ((one, first), (two, second)):
        deadline = time.monotonic() + 30
        while login.run(f"curl -sS -o /dev/null http://{vm.address}:18090/").code:
            assert time.monotonic() < deadline
    assert "18090" in one.ok("ss -Hltn")
    assert second.address not in one.ok("ss -Hltn")
    one.close()
    two.close()


def test_a_stopped_vm_goes_on_with_its_files_in_a_path_with_spaces(lab: Lab) -> None:
    vm = lab.vm()
    assert " " in str(vm.folder)
    login = Login(vm, lab.key)
    login.ok("sudo sh -c 'echo kept > /var/lib/kept'; echo mine > ~/mine")
    login.close()
    vm.stop()
    vm.start()
    again = Login(vm, lab.key)
    assert again.ok("cat /var/lib/kept ~/mine") == "kept\nmine\n"
    again.close()


def test_the_vm_cannot_reach_the_computers_files(lab: Lab, tmp_path: Path) -> None:
    vm = lab.vm()
    secret = tmp_path / "secret"
    secret.write_text("the operator's")
    login = Login(vm, lab.key)
    for command in (f"cat '{secret}'", "sudo cat '/.lab/host/etc/passwd'", "sudo touch /.lab/host/usr/share/x"):
        assert login.run(command).code != 0
    # Even the VM's root cannot make a mount of the computer writable again, or take it away.
    tries = "import ctypes; l = ctypes.CDLL(None); print(l.mount(b'none', b'/.lab/host/usr', b'', 4096 | 32, b''),"
    tries += " l.umount2(b'/.lab/host/usr', 2), l.mount(b'none', b'/proc', b'', 4096 | 32 | 14, b''))"
    assert login.ok(f'sudo python3 -c "{tries}"') == "-1 -1 -1\n"
    login.close()


def test_the_clock_and_the_disk_can_be_wrong(lab: Lab) -> None:
    vm = lab.vm()
    login = Login(vm, lab.key)
    assert abs(int(login.ok("date +%s")) - time.time()) < 3
    lab.clock.seconds = 500.0
    assert abs(int(login.ok("date +%s")) - time.time() - 500) < 3
    lab.faults.on = {"clock-off": "vm-1=-9000", "disk-full": "vm-9"}
    assert abs(int(login.ok("date +%s")) - time.time() + 8500) < 3
    assert "NTPSynchronized=no" in login.ok("timedatectl show")
    assert json.loads(vm.folder.joinpath("state/faults").read_text()) == {"clock-off": "-9000"}
    login.close()
