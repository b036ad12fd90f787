"""useradd."""

from __future__ import annotations

import os

from meshvm_tui.lab.guest.tools import ground, owners, users


def main(arguments: list[str]) -> int:
    """useradd [--system|-r] [-m|-M] [-U] [-d HOME] [-s SHELL] [-g GROUP] [-c COMMENT] [-N] NAME"""
    with_value = {"-d": "home", "--home": "home", "--home-dir": "home", "-s": "shell", "--shell": "shell"}
    with_value |= {"-g": "group", "--gid": "group", "-c": "comment", "--comment": "comment", "-u": "", "-G": ""}
    given: dict[str, str] = {}
    flags, names = set(), []
    rest = iter(arguments)
    for word in rest:
        option, equals, value = word.partition("=")
        if option in with_value:
            given[with_value[option]] = value if equals else next(rest, "")
        elif word.startswith("-"):
            flags.add(word)
        else:
            names.append(word)
    if not ground.is_root():
        ground.say("useradd: Permission denied.\nuseradd: cannot lock /etc/passwd; try again later.")
        return 1
    name = names[0] if names else ""
    if name in ground.passwd():
        ground.say(f"useradd: user '{name}' already exists")
        return 9
    system = bool({"--system", "-r"} & flags)
    group = given.get("group", name)
    known = ground.groups()
    if group not in known and "group" in given:
        ground.say(f"useradd: group '{group}' does not exist")
        return 6
    gid = known[group][0] if group in known else users.add_group(name, system)
    home = given.get("home", f"/home/{name}")
    users.add_user(
        name, gid, home, shell=given.get("shell", "/bin/sh"), system=system, comment=given.get("comment", "")
    )
    if {"-m", "--create-home"} & flags:
        os.makedirs(ground.place(home), exist_ok=True)
        owners.set_owner(ground.place(home), ground.passwd()[name][0], gid)
    return 0
