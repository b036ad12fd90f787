"""groupadd."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground, users


def main(arguments: list[str]) -> int:
    """groupadd [--system|-r] [-f] NAME"""
    name = arguments[-1] if arguments else ""
    if not ground.is_root():
        ground.say("groupadd: Permission denied.\ngroupadd: cannot lock /etc/group; try again later.")
        return 10
    if name in ground.groups():
        if "-f" in arguments:
            return 0
        ground.say(f"groupadd: group '{name}' already exists")
        return 9
    users.add_group(name, bool({"--system", "-r"} & set(arguments)))
    return 0
