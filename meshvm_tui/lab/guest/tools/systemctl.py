"""systemctl, which asks the pretend systemd."""

from __future__ import annotations

import os

from meshvm_tui.lab.guest.tools import ground

NOT_RUNNING, NO_SUCH_UNIT = 3, 4
CHANGING = {"start", "stop", "restart", "reload-or-restart", "try-restart", "reload", "kill", "daemon-reload"}
CHANGING |= {"enable", "disable", "mask", "unmask", "reset-failed"}


def main(arguments: list[str]) -> int:
    """systemctl [-q] [--now] [--no-block] [-p NAME]... [--value] VERB [UNIT]..."""
    words, properties, flags = [], [], set()
    rest = iter(arguments)
    for word in rest:
        if word in ("-p", "--property"):
            properties += next(rest, "").split(",")
        elif word.startswith("--property="):
            properties += word.partition("=")[2].split(",")
        elif word.startswith("-p") and word != "-p":
            properties += word[2:].split(",")
        elif word.startswith("-"):
            flags.add(word)
        else:
            words.append(word)
    verb, units = (words[0], words[1:]) if words else ("list-units", [])
    if verb in CHANGING and not ground.is_root():
        what = f"{verb} {units[0]}" if units else "reload daemon"
        ground.say(f"Failed to {what}: Interactive authentication required.")
        return 1
    if verb in ("start", "stop", "restart", "reload-or-restart", "try-restart"):
        job = verb if verb in ("start", "stop") else "restart"
        return _said(ground.ask(op=job, units=units), 5 if verb == "start" else 1)
    if verb == "daemon-reload":
        return _said(ground.ask(op="reload"), 1)
    if verb in ("enable", "disable"):
        return _links(verb, units, "--now" in flags)
    if verb == "reset-failed":
        return _said(ground.ask(op="reset-failed", units=units), 1)
    if verb in ("is-active", "is-failed", "is-enabled"):
        return _is(verb, units, bool({"-q", "--quiet"} & flags))
    if verb == "is-system-running":
        print("running")
        return 0
    if verb == "show":
        return _show(units, properties, "--value" in flags)
    if verb == "cat":
        return _cat(units)
    if verb in ("status", "list-units", "list-timers", "list-unit-files"):
        return _status(units) if verb == "status" else _list(verb)
    ground.say(f"Unknown command verb {verb}.")
    return 1


def _said(reply: dict[str, list[str]], code: int) -> int:
    errors = reply.get("errors", [])
    for error in errors:
        ground.say(error)
    if any(error.startswith("Job for") for error in errors):
        return 1
    return code if errors else 0


def _show(units: list[str], properties: list[str], values_only: bool) -> int:
    for shown in ground.ask(op="show", units=units)["units"]:
        for name in properties or shown:
            value = shown.get(name, "")
            print(value if values_only else f"{name}={value}")
    return 0


def _is(verb: str, units: list[str], quiet: bool) -> int:
    code = 0
    for shown in ground.ask(op="show", units=units)["units"]:
        if verb == "is-enabled":
            state = shown.get("UnitFileState", "")
            good = state in ("enabled", "static", "transient")
            if not state:
                ground.say(f"Failed to get unit file state for {shown['Id']}: No such file or directory")
        else:
            state = shown["ActiveState"]
            good = state == ("failed" if verb == "is-failed" else "active")
        if not quiet and state:
            print(state)
        if not good:
            code = 1 if verb != "is-active" else NOT_RUNNING
    return code


def _links(verb: str, names: list[str], now: bool) -> int:
    from pathlib import Path

    from meshvm_tui.lab.guest import units

    for name in map(units.full_name, names):
        path = units.find(Path(ground.ROOT), name)
        if path is None:
            ground.say(f"Failed to {verb} unit: Unit file {name} does not exist.")
            return 1
        if units.enabled_state(Path(ground.ROOT), name) == "transient":
            ground.say(f"Failed to {verb} unit: Unit {path} is transient or generated.")
            return 1
        inside = os.path.join("/", os.path.relpath(path, ground.ROOT))
        for target in units.wanted_by(units.load(Path(ground.ROOT), name)):
            _link(verb, f"/etc/systemd/system/{target}.wants/{name}", inside)
    ground.ask(op="reload")
    return _said(ground.ask(op="start" if verb == "enable" else "stop", units=names), 1) if now else 0


def _link(verb: str, place: str, target: str) -> None:
    link = ground.place(place)
    if verb == "enable" and not os.path.islink(link):
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(target, link)
        ground.say(f"Created symlink {place} → {target}.")
    elif verb == "disable" and os.path.islink(link):
        os.unlink(link)
        ground.say(f'Removed "{place}".')


def _cat(units: list[str]) -> int:
    code = 0
    for shown in ground.ask(op="show", units=units)["units"]:
        files = [shown.get("FragmentPath", ""), *shown.get("DropInPaths", "").split()]
        if not files[0]:
            ground.say(f"No files found for {shown['Id']}.")
            code = 1
            continue
        for file in files:
            print("\n".join([f"# {file}", *ground.lines_of(file)]))
    return code


def _status(units: list[str]) -> int:
    code = 0
    for shown in ground.ask(op="show", units=units)["units"]:
        name = shown["Id"]
        if shown["LoadState"] == "not-found":
            ground.say(f"Unit {name} could not be found.")
            return NO_SUCH_UNIT
        print(f"● {name} - {shown.get('Description', name)}")
        print(f"     Loaded: {shown['LoadState']} ({shown.get('FragmentPath', '')}; {shown['UnitFileState']})")
        result = f" (Result: {shown['Result']})" if shown.get("Result", "success") != "success" else ""
        print(f"     Active: {shown['ActiveState']} ({shown['SubState']}){result}")
        if shown.get("MainPID", "0") != "0":
            print(f"   Main PID: {shown['MainPID']}")
        if shown["ActiveState"] != "active":
            code = NOT_RUNNING
    return code


def _list(verb: str) -> int:
    for shown in ground.ask(op="list")["units"]:
        if verb != "list-timers" or shown["Id"].endswith(".timer"):
            names = ("Id", "LoadState", "ActiveState", "SubState", "Description")
            print("  " + " ".join(shown.get(name, "") for name in names))
    return 0
