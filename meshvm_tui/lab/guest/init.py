"""Process 1 of a VM: starts what SSH asks for, and pretends to be systemd for the VM's units.

It runs as a child of the lab. When the lab's end of the control socket closes, however the lab ended, it ends,
and everything it started ends with it: by the kernel in a process namespace, by itself where there is none.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meshvm_tui.lab.guest import journal, namespace, services, tampering, units
from meshvm_tui.lab.guest.closed_list import ClosedList, Refused
from meshvm_tui.lab.guest.loop import Loop, Start, Timer
from meshvm_tui.lab.guest.manager import Manager
from meshvm_tui.lab.guest.services import Service
from meshvm_tui.lab.guest.units import Command

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MESSAGE = 1 << 18  # the longest control message, in bytes
SYSTEMD = "systemd"
PR_SET_CHILD_SUBREAPER = 36
TOOLS_SOCKET = "init.sock"


class Init:
    """The VM's process 1."""

    def __init__(self, control: socket.socket, settings: dict[str, Any], closed: ClosedList | None) -> None:
        self.loop = Loop()
        self.control = control
        self.settings = settings
        self.closed = closed
        self.mark = f"LAB_VM={uuid.uuid4().hex}"
        self.root = closed.root if closed else Path("/")
        self.state = closed.state if closed else Path("/.lab/state")
        self._null = os.open("/dev/null", os.O_RDWR)
        self.manager = Manager(self)
        self._running: dict[int, int] = {}

    def serve(self) -> None:
        """Serves until the lab is gone."""
        listener = listen(self.state)
        # Our number in the VM's /proc, which may be the host's: sudo finds our view of the files by it.
        (self.state / "init").write_text(str(Path("/proc/self").readlink()), encoding="ascii")
        self.loop.watch(self.control, self._control_ready)
        self.loop.watch(listener, lambda: self._accept(listener))
        self._send({"event": "ready", "pid": os.getpid()})
        self.manager.boot()
        try:
            self.loop.run()
        finally:
            self._kill_everything()

    # What a service needs of its host.

    def now(self) -> float:
        """The VM's clock."""
        try:
            return time.time() + float((self.state / "clock").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return time.time()

    def say(self, unit: str, message: str) -> None:
        """Writes a line of systemd's own into a unit's journal."""
        journal.write(self.state / "journal", journal.Entry(self.now(), unit, SYSTEMD, 1, message))

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Calls back after some seconds."""
        return self.loop.later(seconds, action)

    def forget(self, name: str) -> None:
        """Drops a transient unit that has ended."""
        self.manager.forget(name)

    def run(self, service: Service, command: Command, ended: Callable[[int], None]) -> int:
        """Starts one of a service's commands, with its words going into the journal."""
        unit = service.unit
        dynamic = unit.flag("DynamicUser")
        user = unit.one("Service", "User", service.name.removesuffix(".service") if dynamic else "root")
        environment = self._environment("root" if command.privileged else user)
        environment |= units.environment_of(unit, self.root)
        environment["INVOCATION_ID"] = service.invocation
        folder = unit.one("Service", "WorkingDirectory", "/").lstrip("-")
        for name in unit.one("Service", "StateDirectory").split():
            (self.root / "var/lib" / name).mkdir(mode=0o755, parents=True, exist_ok=True)
            environment["STATE_DIRECTORY"] = f"/var/lib/{name}"
        for name in unit.one("Service", "RuntimeDirectory").split():
            (self.root / "run" / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        argv = list(command.argv)
        tampering.before_start(argv, self.root, self.state)
        place = units.specifiers(folder, service.name, "")
        if self.closed is not None:
            try:
                argv = self.closed.unit_command(argv)
            except Refused as refusal:
                self.say(service.name, f"{service.name}: {refusal}")
                argv = ["false"]
            place = str(self.root / place.lstrip("/"))
        read, write = os.pipe()
        start = Start(argv, environment, place, (self._null, write, write))
        pid = self.loop.start(start, ended)
        os.close(write)
        Capture(self, read, service.name, Path(argv[0]).name, pid)
        return pid

    # The lab's side.

    def _control_ready(self) -> None:
        try:
            message, files, _, _ = socket.recv_fds(self.control, MESSAGE, 3)
        except ConnectionResetError:
            message, files = b"", []
        if not message:
            self.loop.stopped = True
            return
        request = json.loads(message)
        operation = request["op"]
        if operation == "exec":
            self._execute(request, (files[0], files[1], files[2]))
        elif operation == "signal" and request["id"] in self._running:
            os.killpg(self._running[request["id"]], request["signal"])
        elif operation == "power-off":
            self.manager.power_off(lambda: self._send({"event": "off"}))
        elif operation == "boot":
            self.manager.boot()
        for file in files:
            os.close(file)

    def _execute(self, request: dict[str, Any], streams: tuple[int, int, int]) -> None:
        user = request["user"]
        environment = {**self._environment(user), **request["environment"]}
        number = request["id"]

        def ended(status: int) -> None:
            self._running.pop(number, None)
            self._send({"event": "exit", "id": number, "status": status})

        argv = request["argv"]
        prepare = namespace.guard_from_user if user != "root" and self.closed is None else None
        if self.closed is not None:
            environment["MV_PATH"] = environment["PATH"]
            environment["DESTDIR"] = str(self.root)
        folder = str(self.root / request["folder"].lstrip("/"))
        start = Start(argv, environment, folder, streams, prepare, bool(request.get("terminal")))
        self._running[number] = self.loop.start(start, ended)

    def _environment(self, user: str) -> dict[str, str]:
        home = "/root" if user == "root" else f"/home/{user}"
        path = PATH if self.closed is None else f"{self.state / 'tools'}:{self.settings['host_path']}"
        mark, _, value = self.mark.partition("=")
        names = {"HOME": home, "USER": user, "LOGNAME": user, "LAB_USER": user, "LANG": "C.UTF-8"}
        if self.closed is not None:
            # Never what lies in the VM's own folder: a package that somebody made could have brought it.
            names["ISTIO_BIN_BASE"] = str(self.state / "tools")
        return {"PATH": path, mark: value, **names}

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self.control.send(json.dumps(message).encode())
        except OSError:
            self.loop.stopped = True

    # The tools' side.

    def _accept(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        self.loop.watch(client, lambda: self._serve_tool(client))

    def _serve_tool(self, client: socket.socket) -> None:
        self.loop.forget(client)
        line = client.recv(MESSAGE)
        if not line:
            client.close()
            return

        def answer(reply: dict[str, Any]) -> None:
            with contextlib.suppress(OSError):  # the tool did not wait for its answer
                client.sendall(json.dumps(reply).encode() + b"\n")
            client.close()

        request = json.loads(line)
        if request["op"] == "reboot":
            self._send({"event": "reboot"})
            answer({})
            return
        self.manager.handle(request, answer)

    def _kill_everything(self) -> None:
        # In a process namespace the kernel does it when process 1 ends.
        for _ in range(5):
            found = services.processes_with(self.mark)
            if not found:
                return
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue


class Capture:
    """Reads what a unit's process says, line by line, into the journal."""

    def __init__(self, init: Init, file: int, unit: str, identifier: str, pid: int) -> None:
        self._init, self._file, self._unit, self._identifier, self._pid = init, file, unit, identifier, pid
        self._rest = b""
        init.loop.watch(file, self._ready)

    def _ready(self) -> None:
        data = os.read(self._file, 65536)
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if not data:
            self._init.loop.forget(self._file)
            os.close(self._file)
            lines += [self._rest] if self._rest else []
        for line in lines:
            text = line.decode("utf-8", "replace")
            entry = journal.Entry(self._init.now(), self._unit, self._identifier, self._pid, text)
            journal.write(self._init.state / "journal", entry)


def listen(state: Path) -> socket.socket:
    """The socket on which tools ask; its path is short however long the state folder's is."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(state, os.O_PATH | os.O_DIRECTORY)
    (state / TOOLS_SOCKET).unlink(missing_ok=True)
    listener.bind(f"/proc/self/fd/{folder}/{TOOLS_SOCKET}")
    os.close(folder)
    listener.listen(64)
    return listener


def main(descriptor: int, settings: dict[str, Any]) -> None:
    """Runs a VM's process 1. `settings` says how; the control socket is an inherited descriptor."""
    control = socket.socket(fileno=descriptor)
    # A Ctrl-C in the operator's terminal is for the lab, which then ends us in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if settings["closed"]:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        Init(control, settings, ClosedList.of(settings)).serve()
        return
    try:
        namespace.isolate()
    except OSError as error:
        control.send(json.dumps({"event": "forbidden", "reason": str(error)}).encode())
        return
    child = os.fork()
    if child:
        control.close()
        os.waitpid(child, 0)
        return
    namespace.die_with_parent()
    try:
        namespace.enter(namespace.RootPlan(**settings["plan"]))
    except OSError as error:
        control.send(json.dumps({"event": "forbidden", "reason": str(error)}).encode())
        os._exit(1)
    _follow_modules(settings["plan"]["python"])
    Init(control, settings, None).serve()
    os._exit(0)


def _follow_modules(prefix: str) -> None:
    """Lets Python find its modules again, which lie elsewhere in the VM's root."""
    packages = str(Path(__file__).resolve().parents[2])

    def moved(path: str) -> str:
        if path.startswith(packages):
            return f"/.lab/packages/0/meshvm_tui{path[len(packages) :]}"
        return f"/.lab/python{path[len(prefix) :]}" if path.startswith(prefix) else path

    sys.path[:] = [moved(path) for path in sys.path]
    sys.path_importer_cache.clear()
    for module in list(sys.modules.values()):
        if hasattr(module, "__path__"):
            module.__path__ = [moved(path) for path in module.__path__]
