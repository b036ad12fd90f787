"""systemd-run: transient services and timers."""

from __future__ import annotations

import os
import shlex
import shutil

from meshvm_tui.lab.guest.tools import ground

TIMER_OPTIONS = {"--on-active": "OnActiveSec", "--on-boot": "OnBootSec"}


def main(arguments: list[str]) -> int:
    """systemd-run [--unit=NAME] [--on-active=SPAN] [--timer-property=P=V] [-p P=V] [--collect] COMMAND..."""
    name, service, timer, words = f"run-r{os.getpid():08x}", [], [], list(arguments)
    while words and words[0].startswith("-"):
        option, equals, value = words.pop(0).partition("=")
        if option == "--":
            break
        if option in ("--unit", "-u", "--on-active", "--timer-property", "-p", "--property", "--description", "--uid"):
            value = value if equals else words.pop(0)
        if option in ("--unit", "-u"):
            name = value.removesuffix(".service").removesuffix(".timer")
        elif option in TIMER_OPTIONS:
            timer.append(f"{TIMER_OPTIONS[option]}={value}")
        elif option == "--timer-property":
            timer.append(value)
        elif option in ("-p", "--property"):
            service.append(value)
        elif option == "--uid":
            service.append(f"User={value}")
    if not ground.is_root():
        ground.say(
            f"Failed to start transient {'timer' if timer else 'service'} unit: Interactive authentication required."
        )
        return 1
    program = shutil.which(words[0]) if words else None
    if program is None:
        ground.say(f"Failed to find executable {words[0] if words else ''}: No such file or directory")
        return 1
    line = shlex.join([program, *words[1:]]).replace("$", "$$")
    files = {
        f"{name}.service": "\n".join(
            [f"[Unit]\nDescription={' '.join(words)}", f"[Service]\nExecStart={line}", *service, ""]
        )
    }
    if timer:
        files[f"{name}.timer"] = "\n".join([f"[Unit]\nDescription={' '.join(words)}", "[Timer]", *timer, ""])
    start = [f"{name}.timer" if timer else f"{name}.service"]
    errors = ground.ask(op="transient", files=files, start=start)["errors"]
    for error in errors:
        ground.say(error)
    if errors:
        return 1
    if timer:
        ground.say(f"Running timer as unit: {name}.timer\nWill run service as unit: {name}.service")
    else:
        ground.say(f"Running as unit: {name}.service")
    return 0
