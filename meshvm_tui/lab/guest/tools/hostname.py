"""hostname."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground


def main(arguments: list[str]) -> int:
    """hostname [-s | -f | -I | --all-ip-addresses | -i]"""
    name = (ground.lines_of("/etc/hostname") or ["vm"])[0].strip()
    if {"-I", "--all-ip-addresses"} & set(arguments):
        print(f"{ground.ADDRESS} ")
    elif {"-i", "--ip-address"} & set(arguments):
        print(ground.ADDRESS)
    elif arguments and not arguments[0].startswith("-"):
        ground.say("hostname: you must be root to change the host name")
        return 1
    else:
        print(name.split(".")[0] if {"-s", "--short"} & set(arguments) else name)
    return 0
