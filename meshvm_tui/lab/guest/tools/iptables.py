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
    arguments = [word for word in arguments if word != "-w"]
    short = "".join(word[1:] for word in arguments if word.startswith("-") and not word.startswith("--"))
    if {"S", "L"} & set(short) or {"--list", "--list-rules"} & set(arguments):
        print("\n".join(rules()))
    elif arguments[:1] == ["-D"]:
        left = [rule for rule in rules() if rule.split()[1:] != arguments[1:]]
        if left == rules():
            ground.say("iptables: Bad rule (does a matching rule exist in that chain?).")
            return 1
        keep(left)
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
