"""One lab VM: its folder, its process 1, its SSH server; start, stop, reboot."""

from __future__ import annotations

import array
import dataclasses
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from meshvm_tui.lab.guest import layout, namespace
from meshvm_tui.lab.guest.closed_list import ClosedList
from meshvm_tui.lab.guest.layout import Interpreter, Layout
from meshvm_tui.lab.guest.ssh_server import SshServer
from meshvm_tui.lab.guest.tampering import HOSTS_MISSING, TAMPERED

FORCED = "MESHVM_LAB_NAMESPACES"  # set to "off", VMs run by the closed list even where namespaces are allowed
BOOT = (
    "import sys, json; sys.path.append(sys.argv[1]); from meshvm_tui.lab.guest.init import main; "
    "main(int(sys.argv[2]), json.loads(sys.argv[3]))"
)
START_SECONDS = 20.0
GUEST_FAULTS: dict[str, str] = {
    "ssh-refused": "SSH connections are refused. A value names the VMs, as in ssh-refused:vm-2.",
    "ssh-silent": "The SSH port is open and says nothing. A value names the VMs.",
    "ssh-max-tries": "sshd ends a login after 2 refused keys, or as in ssh-max-tries:6. A value names the VMs.",
    "ssh-cut": "The connection is cut while files are being applied. A value names the VMs.",
    "sudo-password": 'sudo asks for a password, which is "lab". A value names the VMs.',
    "dpkg-lock": "Another package manager holds dpkg's lock for 3 s, or as in dpkg-lock:30. A value names the VMs.",
    "disk-full": "The VM's disk has no space left. A value names the VMs, or as in disk-full:vm-2=/usr/x a file.",
    HOSTS_MISSING: "Another tool takes istiod's line out of /etc/hosts before each start. A value names the VMs.",
    TAMPERED: "Another tool changes a copied file before each start, as in tampered:cluster.env:PATTERN=>TEXT.",
    "clock-off": "The VM's clock is off by -7200 s, or as in clock-off:3600 or clock-off:vm-2=3600.",
}
CLOCK_OFF = -7200.0
CLOUD_FAULTS = ("google-wrong-id",)  # faults of Compute Engine that show inside its instances


class VmFailed(RuntimeError):
    """The VM did not come up."""


class FaultsLike(Protocol):
    """What a VM needs of the lab's faults."""

    def active(self, name: str) -> bool:
        """Whether the fault is on."""

    def value(self, name: str) -> str:
        """What stands behind its colon."""


class ClockLike(Protocol):
    """What a VM needs of the lab's clock."""

    def offset(self) -> float:
        """Seconds by which the lab's time is ahead."""


class Vm:
    """A pretend VM that answers SSH on (address, ssh_port)."""

    def __init__(  # noqa: PLR0917 - a VM's fixed description comes first, in the order in which people say it
        self,
        name: str,
        address: str,
        ssh_port: int,
        folder: Path,
        faults: FaultsLike,
        clock: ClockLike,
        authorized_key: str = "",
        user: str = "operator",
        authorized: Callable[[str, str], bool] | None = None,
        namespaces: bool = True,
    ) -> None:
        self.name, self.address, self.folder = name, address, folder.resolve()
        self._faults, self._clock, self._user = faults, clock, user
        self._closed = not namespaces or os.environ.get(FORCED) == "off"
        self.forbidden = "it was switched off" if self._closed else ""
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._events: dict[int, Callable[[int], None]] = {}
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._number = 0
        self._signs: dict[str, threading.Event] = {}
        self._reader: threading.Thread | None = None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ssh = SshServer(self, (address, ssh_port), user, authorized_key, authorized)

    @property
    def ssh_port(self) -> int:
        """The port SSH listens on; known once started where 0 was asked for."""
        return self.ssh.port

    @property
    def host_key_fingerprint(self) -> str:
        """As ssh-keygen prints it: SHA256:..."""
        return self.ssh.fingerprint

    @property
    def closed_list(self) -> ClosedList | None:
        """What runs here where namespaces are forbidden, else None."""
        return ClosedList.of({"folder": str(self.folder)}) if self._closed else None

    def path(self, inside: str) -> Path:
        """Where a file of the VM lies on the host, for the lab and its tests."""
        return self.folder / "root" / {"lib": "usr/lib"}.get(inside, inside.lstrip("/"))

    def start(self) -> None:
        """Boots the VM and opens its SSH port. VmFailed where it does not come up."""
        self._boot()
        self.ssh.start()

    def stop(self) -> None:
        """Takes the VM down: every process of it ends."""
        self.ssh.stop()
        self._halt()

    def reboot(self) -> None:
        """Down and up again: /run is empty, enabled units start, connections are lost."""
        self.ssh.drop_connections()
        self._halt()
        self._boot()

    def fault(self, name: str) -> str | None:
        """The number behind a fault that is on for this VM ("" for none), or None where it is off."""
        if not self._faults.active(name):
            return None
        names, _, number = self._faults.value(name).partition("=")
        if re.fullmatch(r"-?[0-9.]+", names):
            names, number = "", names
        named = [word.strip() for word in names.split(",") if word.strip()]
        return number if not named or "all" in named or self.name in named else None

    def refresh(self) -> None:
        """Tells the VM which faults are on and what time it is. Each connection does, and the listener."""
        with self._refreshing:
            self._refresh()

    def _refresh(self) -> None:
        on = {name: value for name in (*GUEST_FAULTS, *CLOUD_FAULTS) if (value := self.fault(name)) is not None}
        if self._faults.active(TAMPERED):
            on[TAMPERED] = self._faults.value(TAMPERED)  # it says what to change, on every VM
        offset = self._clock.offset() + (float(on["clock-off"] or CLOCK_OFF) if "clock-off" in on else 0.0)
        for file, text in (("faults", json.dumps(on)), ("clock", f"{offset}\n")):
            path = self.folder / "state" / file
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                fresh = path.with_suffix(".new")
                fresh.write_text(text, encoding="utf-8")
                fresh.replace(path)
        if "dpkg-lock" not in on:
            (self.folder / "state/dpkg-lock").unlink(missing_ok=True)

    def execute(  # noqa: PLR0917 - as a process is described
        self,
        argv: tuple[str, ...],
        user: str,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
        ended: Callable[[int], None],
        terminal: bool = False,
    ) -> int:
        """Starts a command in the VM; `ended` gets its wait status. Returns a number for `signal`."""
        with self._lock:
            self._number += 1
            number = self._number
            self._events[number] = ended
        folder = f"/home/{user}" if user != "root" else "/root"
        request = {"op": "exec", "id": number, "argv": argv, "user": user, "environment": dict(environment)}
        self._send(request | {"folder": folder, "terminal": terminal}, streams)
        return number

    def ensure_user(self, name: str) -> None:
        """Makes the user who logs in, as a cloud's guest agent does."""
        passwd = self.path("/etc/passwd")
        text = passwd.read_text(encoding="utf-8")
        if f"\n{name}:" in f"\n{text}":
            return
        number = 1000 + text.count("/home/")
        passwd.write_text(f"{text}{name}:x:{number}:{number}::/home/{name}:/bin/sh\n", encoding="utf-8")
        with self.path("/etc/group").open("a", encoding="utf-8") as groups:
            groups.write(f"{name}:x:{number}:\n")
        self.path(f"/home/{name}").mkdir(exist_ok=True)

    def signal(self, number: int, signal_number: int) -> None:
        """Sends a signal to a running command and what it started."""
        self._send({"op": "signal", "id": number, "signal": signal_number})

    def run(self, command: str, *, root: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a shell command in the VM from the lab's side and waits for it: for the lab itself and its tests."""
        gone = threading.Event()
        status = [0]

        def ended(result: int) -> None:
            status[0] = result
            gone.set()

        out_read, out_write = os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        user = "root" if root else self._user
        self.execute(("sh", "-c", command), user, {}, (null, out_write, out_write), ended)
        os.close(null)
        os.close(out_write)
        with os.fdopen(out_read, "r", encoding="utf-8", errors="replace") as output:
            text = output.read()
        gone.wait()
        return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status[0]), text, "")

    def _boot(self) -> None:
        place = Layout(self.folder, self.name, self.address, self._user, self._closed)
        place.create()
        place.clear_volatile()
        (self.folder / "state/dpkg-lock").unlink(missing_ok=True)
        self.refresh()
        outcome = self._launch(place)
        if outcome == "forbidden" and not self._closed:
            self._closed = True
            self._boot()
        elif outcome != "ready":
            raise VmFailed(f"the VM {self.name} did not start: {outcome or 'its first process ended'}")

    def _launch(self, place: Layout) -> str:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        interpreter = Interpreter.running()
        plan = namespace.RootPlan(
            str(self.folder),
            self.name,
            layout.host_commands(),
            (*layout.TOOLS, "python3", "lab-agent", "date"),
            str(interpreter.prefix),
            layout.module_folders(),
        )
        host_path = os.pathsep.join(layout.PLACES)
        settings = {
            "closed": self._closed,
            "folder": str(self.folder),
            "host_path": host_path,
            "plan": dataclasses.asdict(plan),
        }
        package_parent = str(Path(__file__).resolve().parents[3])
        command = [str(interpreter.executable), "-I", "-S", "-c", BOOT, package_parent]
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), json.dumps(settings)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={"PATH": host_path, "LANG": "C.UTF-8"} | _library(interpreter),
                start_new_session=True,
            )
        ours.settimeout(START_SECONDS)
        try:
            first = json.loads(ours.recv(65536) or b"{}")
        except TimeoutError:
            first = {}
        if first.get("event") != "ready":
            ours.close()
            self._process.wait()
            self._process = None
            self.forbidden = str(first.get("reason", ""))
            return str(first.get("event", ""))
        ours.settimeout(None)
        self._control = ours
        self._reader = threading.Thread(target=self._read, args=(ours,), name=f"vm-{self.name}", daemon=True)
        self._reader.start()
        return "ready"

    def _halt(self) -> None:
        control, process = self._control, self._process
        if control is None or process is None:
            return
        off = self._signs["off"] = threading.Event()
        self._send({"op": "power-off"})
        off.wait(5.0)
        self._control = None
        control.shutdown(socket.SHUT_RDWR)
        if self._reader is not None:
            self._reader.join(5.0)
        control.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def _read(self, control: socket.socket) -> None:
        while True:
            try:
                message = control.recv(65536)
            except OSError:
                break
            if not message:
                break
            event = json.loads(message)
            if event["event"] == "exit":
                self._ended(event["id"], event["status"])
            elif event["event"] == "off" and "off" in self._signs:
                self._signs["off"].set()
            elif event["event"] == "reboot":
                threading.Thread(target=self.reboot, name=f"reboot-{self.name}", daemon=True).start()
        for number in list(self._events):
            self._ended(number, 9)
        if "off" in self._signs:
            self._signs["off"].set()

    def _ended(self, number: int, status: int) -> None:
        with self._lock:
            ended = self._events.pop(number, None)
        if ended is not None:
            ended(status)

    def _send(self, request: dict[str, Any], files: tuple[int, ...] = ()) -> None:
        control = self._control
        if control is None:
            self._ended(request.get("id", 0), 9)
            return
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        try:
            control.sendmsg([json.dumps(request).encode()], rights)
        except OSError:
            self._ended(request.get("id", 0), 9)


def _library(interpreter: Interpreter) -> dict[str, str]:
    return {"LD_LIBRARY_PATH": str(interpreter.prefix / interpreter.library)} if interpreter.library else {}
