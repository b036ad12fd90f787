"""getent: the VM's users, groups, and names."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground, users

NOT_FOUND = 2


def main(arguments: list[str]) -> int:
    """getent passwd|group|hosts|ahosts|ahostsv4 [KEY]..."""
    words = [word for word in arguments if not word.startswith("-")]
    database, keys = (words[0], words[1:]) if words else ("", [])
    if database in ("passwd", "group"):
        lines = ground.lines_of(f"/etc/{database}")
        found = [
            line for line in lines if not keys or any(key in (line.split(":")[0], line.split(":")[2]) for key in keys)
        ]
        print("\n".join(found), end="\n" if found else "")
        return 0 if found else NOT_FOUND
    if database in ("hosts", "ahosts", "ahostsv4"):
        return _hosts(database, keys)
    ground.say(f"Unknown database: {database}")
    return 1


def _hosts(database: str, keys: list[str]) -> int:
    code = 0
    for key in keys:
        answers = users.resolve(key)
        if not answers:
            code = NOT_FOUND
        for address, names in answers:
            if database == "hosts":
                print(f"{address:<15} {names}")
            else:
                for kind in ("STREAM", "DGRAM", "RAW"):
                    print(f"{address:<15} {kind:<6} {key if kind == 'STREAM' else ''}".rstrip())
    return code
