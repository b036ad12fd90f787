"""apt-get: installs a package file; it has no sources to download from."""

from __future__ import annotations

import time

from meshvm_tui.lab.guest.tools import dpkg, ground
from meshvm_tui.lab.guest.tools import dpkg_database as database

ERROR = 100


def main(arguments: list[str]) -> int:
    """apt-get [-y] [-f] [-o DPkg::Lock::Timeout=N] install ./FILE.deb | update | remove|purge PACKAGE"""
    patience, words = 0.0, []
    rest = iter(arguments)
    for word in rest:
        option = next(rest, "") if word == "-o" else word.removeprefix("-o") if word.startswith("-o") else ""
        if option.lower().startswith("dpkg::lock::timeout="):
            patience = float(option.partition("=")[2])
        elif not word.startswith("-"):
            words.append(word)
    action, names = (words[0], words[1:]) if words else ("", [])
    if action == "update":
        return 0
    if not ground.is_root():
        ground.say("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)")
        return ERROR
    until = time.monotonic() + patience
    while database.lock_holder():
        if time.monotonic() >= until:
            ground.say(
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1717 (unattended-upgr)"
            )
            return ERROR
        time.sleep(0.2)
    if action == "install":
        for name in names:
            if "/" not in name:
                ground.say(f"E: Unable to locate package {name}")
                return ERROR
            if dpkg.install(name):
                ground.say("E: Sub-process /usr/bin/dpkg returned an error code (1)")
                return ERROR
        return 0
    if action in ("remove", "purge"):
        return max([dpkg.remove(name, action == "purge") for name in names], default=0)
    ground.say(f"E: Invalid operation {action}")
    return ERROR
