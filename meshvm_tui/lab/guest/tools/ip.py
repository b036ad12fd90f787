"""ip: the VM's one address and its default route."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground


def main(arguments: list[str]) -> int:
    """ip [-o] [-4] addr|route [show | get ADDRESS]"""
    words = [word for word in arguments if not word.startswith("-")]
    one_line = any(word.startswith("-") and "o" in word for word in arguments)
    what = words[0] if words else ""
    if what in ("a", "addr", "address"):
        if one_line:
            print(f"2: eth0    inet {ground.ADDRESS}/24 scope global eth0")
        else:
            print(f"2: eth0: <BROADCAST,UP,LOWER_UP> mtu 1460\n    inet {ground.ADDRESS}/24 scope global eth0")
        return 0
    if what in ("r", "ro", "route"):
        if words[1:2] == ["get"]:
            print(f"{words[2]} dev eth0 src {ground.ADDRESS} uid 0")
        else:
            print(f"default via {ground.ADDRESS} dev eth0 src {ground.ADDRESS}")
        return 0
    ground.say(f'Object "{what}" is unknown, try "ip help".')
    return 1
