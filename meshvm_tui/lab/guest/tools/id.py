"""id and whoami, by the VM's own users."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground


def main(arguments: list[str]) -> int:
    """id [-u|-g|-G] [-n] [NAME]"""
    letters = "".join(word[1:] for word in arguments if word.startswith("-"))
    names = [word for word in arguments if not word.startswith("-")]
    name = names[0] if names else ground.user()
    users, groups = ground.passwd(), ground.groups()
    if name not in users:
        ground.say(f"id: ‘{name}’: no such user")
        return 1
    uid, gid = users[name][0], users[name][1]
    names_of = {number: group for group, (number, _) in groups.items()}
    belongs = [gid, *(number for number, members in groups.values() if name in members and number != gid)]
    if "G" in letters:
        print(" ".join(names_of.get(number, str(number)) if "n" in letters else str(number) for number in belongs))
    elif "g" in letters:
        print(names_of.get(gid, gid) if "n" in letters else gid)
    elif "u" in letters:
        print(name if "n" in letters else uid)
    else:
        shown = ",".join(f"{number}({names_of.get(number, number)})" for number in belongs)
        print(f"uid={uid}({name}) gid={gid}({names_of.get(gid, gid)}) groups={shown}")
    return 0
