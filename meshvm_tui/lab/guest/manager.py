"""What systemctl and systemd-run ask of the pretend systemd, and the order in which a VM boots and goes down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meshvm_tui.lab.guest import units
from meshvm_tui.lab.guest.loop import Timer
from meshvm_tui.lab.guest.services import Host, Service

Answer = Callable[[dict[str, Any]], None]


class Manager:
    """Every loaded unit of one VM."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._services: dict[str, Service] = {}
        self._timers: dict[str, Timer] = {}

    def boot(self) -> None:
        """Starts what is enabled."""
        (self._host.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        for name in units.enabled_units(self._host.root):
            if name.endswith(".service"):
                self._service(name).start(lambda _: None)

    def power_off(self, done: Callable[[], None]) -> None:
        """Stops every timer and service, then says so."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        running = [service for service in self._services.values() if service.active not in ("inactive", "failed")]
        left = len(running)
        if not left:
            done()

        def stopped(_: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                done()

        for service in running:
            service.stop(stopped)

    def forget(self, name: str) -> None:
        """Drops a transient unit's file."""
        if units.enabled_state(self._host.root, name) == "transient":
            (self._host.root / "run/systemd/transient" / name).unlink(missing_ok=True)
            self._services.pop(name, None)

    def handle(self, request: dict[str, Any], answer: Answer) -> None:
        """Answers one question of a tool."""
        operation = request["op"]
        if operation in ("start", "stop", "restart"):
            self._jobs(operation, [units.full_name(name) for name in request["units"]], answer)
        elif operation == "reload":
            for service in self._services.values():
                service.stale = True
            answer({"errors": []})
        elif operation == "reset-failed":
            errors = [self._reset(units.full_name(name)) for name in request["units"]]
            answer({"errors": [error for error in errors if error]})
        elif operation == "show":
            answer({"units": [self.properties(units.full_name(name)) for name in request["units"]]})
        elif operation == "list":
            answer({"units": [self.properties(name) for name in sorted({*self._services, *self._timers})]})
        elif operation == "transient":
            answer({"errors": self._transient(request)})

    def _jobs(self, operation: str, names: list[str], answer: Answer) -> None:
        errors: list[str] = []
        left = len(names)

        def done(name: str, error: str) -> None:
            nonlocal left
            left -= 1
            if error:
                errors.append(f"Failed to {operation} {name}: {error}" if error.startswith("Unit") else error)
            if not left:
                answer({"errors": errors})

        for name in names:
            self._job(operation, name, lambda error, name=name: done(name, error))  # type: ignore[misc]

    def _job(self, operation: str, name: str, done: Callable[[str], None]) -> None:
        if name.endswith(".timer"):
            done(self._timer_job(operation, name))
            return
        if not name.endswith(".service"):
            done("")
            return
        if units.enabled_state(self._host.root, name) == "masked" and operation != "stop":
            done(f"Unit {name} is masked.")
            return
        try:
            service = self._service(name)
        except (units.BadUnit, OSError) as error:
            done(f"Unit {name} has a bad unit file setting: {error}")
            return
        if service.unit.path is None and operation == "stop":
            self._services.pop(name, None)
            done(f"Unit {name} not loaded.")
        elif operation == "start":
            service.start(done)
        elif operation == "stop":
            service.stop(done)
        else:
            idle = service.active == "inactive"
            service.stop(lambda _: service.start(done, reread=idle))

    def _timer_job(self, operation: str, name: str) -> str:
        if operation == "stop":
            timer = self._timers.pop(name, None)
            if timer is None:
                return f"Unit {name} not loaded."
            timer.cancel()
            self._drop_timer(name)
            return ""
        unit = units.load(self._host.root, name)
        if unit.path is None:
            return f"Unit {name} not found."
        target = unit.one("Timer", "Unit", name.replace(".timer", ".service"))
        after = units.time_span(unit.one("Timer", "OnActiveSec", "0"))
        self._timers[name] = self._host.later(after, lambda: self._elapsed(name, target))
        return ""

    def _elapsed(self, name: str, target: str) -> None:
        self._timers.pop(name, None)
        self._service(target).start(lambda _: None)
        (self._host.root / "run/systemd/transient" / name).unlink(missing_ok=True)

    def _drop_timer(self, name: str) -> None:
        folder = self._host.root / "run/systemd/transient"
        for file in (name, name.replace(".timer", ".service")):
            (folder / file).unlink(missing_ok=True)
            self._services.pop(file, None)

    def _transient(self, request: dict[str, Any]) -> list[str]:
        folder = self._host.root / "run/systemd/transient"
        folder.mkdir(parents=True, exist_ok=True)
        for name in request["files"]:
            if units.find(self._host.root, name) is not None or name in self._timers:
                kind = "timer " if name.endswith(".timer") else ""
                return [f"Failed to start transient {kind}unit: Unit {name} was already loaded or has a fragment file."]
        for name, text in request["files"].items():
            (folder / name).write_text(text, encoding="utf-8")
        errors: list[str] = []
        for name in request["start"]:
            self._job("start", name, lambda error: errors.append(error) if error else None)
        return errors

    def _reset(self, name: str) -> str:
        if name in self._services:
            self._services[name].reset_failed()
            return ""
        if name in self._timers or units.find(self._host.root, name) is not None:
            return ""
        return f"Failed to reset failed state of unit {name}: Unit {name} not loaded."

    def _service(self, name: str) -> Service:
        if name not in self._services:
            self._services[name] = Service(name, self._host, units.load(self._host.root, name))
        service = self._services[name]
        if service.active == "inactive":
            service.unit, service.stale = units.load(self._host.root, name), False
        return service

    def properties(self, name: str) -> dict[str, str]:
        """What `systemctl show` prints."""
        root = self._host.root
        shown = {"Id": name, "Names": name, "NeedDaemonReload": "no"}
        if name.endswith(".timer"):
            waiting = name in self._timers
            exists = waiting or units.find(root, name) is not None
            shown |= {
                "LoadState": "loaded" if exists else "not-found",
                "ActiveState": "active" if waiting else "inactive",
            }
            shown |= {"SubState": "waiting" if waiting else "dead", "UnitFileState": units.enabled_state(root, name)}
            return shown
        try:
            service = self._service(name)
        except (units.BadUnit, OSError) as error:
            return shown | {
                "LoadState": "bad-setting",
                "LoadError": str(error),
                "ActiveState": "inactive",
                "SubState": "dead",
            }
        if service.unit.path is None and service.active == "inactive":
            self._services.pop(name)
            shown |= {"LoadState": "not-found", "UnitFileState": ""}
        else:
            state = units.enabled_state(root, name)
            shown |= {"LoadState": "masked" if state == "masked" else "loaded", "UnitFileState": state}
        since = datetime.fromtimestamp(service.since, UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC") if service.since else ""
        return shown | {
            "Description": service.unit.one("Unit", "Description", name),
            "FragmentPath": _inside(root, service.unit.path),
            "DropInPaths": " ".join(_inside(root, path) for path in service.unit.drop_ins),
            "Type": service.unit.one("Service", "Type", "simple"),
            "Restart": service.unit.one("Service", "Restart", "no"),
            "ActiveState": service.active,
            "SubState": service.sub,
            "Result": service.result,
            "MainPID": str(service.main_pid),
            "ExecMainStatus": str(service.main_status),
            "ExecMainCode": str(service.main_code),
            "NRestarts": str(service.restarts),
            "InvocationID": service.invocation,
            "ActiveEnterTimestamp": since if service.active == "active" else "",
            "StateChangeTimestamp": since,
        }


def _inside(root: Path, path: Path | None) -> str:
    return "" if path is None else f"/{path.relative_to(root)}"
