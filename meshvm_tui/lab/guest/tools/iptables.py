"""iptables and iptables-save: rules are written down and printed again, and change nothing."""

from __future__ import annotations

import os

from meshvm_tui.lab.guest.tools import ground

RULES = "iptables"


def main(arguments: list[str]) -> int:
    """iptables ARGUMENT..., kept as one line"""
    if not ground.is_root():
        ground.say(
            "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)"
        )
        return 4
    if {"-S", "-L", "--list", "--list-rules"} & set(arguments):
        print("\n".join(rules()))
    else:
        keep([*rules(), " ".join(arguments)])
    return 0


def rules() -> list[str]:
    """The rules that were asked for, in order."""
    found: list[str] = ground.read_json(RULES, [])
    return found


def keep(lines: list[str]) -> None:
    """Replaces the rules."""
    import json

    with open(os.path.join(ground.STATE, RULES), "w", encoding="utf-8") as out:
        json.dump(lines, out)
