"""chown and chgrp, in the lab's table of owners."""

from __future__ import annotations

import os
import sys

from meshvm_tui.lab.guest.tools import ground, owners


def main(arguments: list[str], tool: str = "chown") -> int:
    """chown [-R] [-h] [-v|-c|-f] [--] OWNER[:GROUP] FILE..."""
    options = [word for word in arguments if word.startswith("-") and word != "--"]
    words = [word for word in arguments if not word.startswith("-")]
    if len(words) < 2:
        ground.say(f"{tool}: missing operand")
        return 1
    spec = words[0] if tool == "chown" else f":{words[0]}"
    if not ground.is_root():
        for path in words[1:]:
            ground.say(f"{tool}: changing ownership of '{path}': Operation not permitted")
        return 1
    try:
        uid, gid = owners.parse(spec)
    except KeyError as error:
        ground.say(f"{tool}: invalid {'user' if tool == 'chown' else 'group'}: ‘{error.args[0]}’")
        return 1
    letters = "".join(word[1:] for word in options if not word.startswith("--"))
    recursive = "R" in letters or "--recursive" in options
    follow = "h" not in letters
    code = 0
    for path in words[1:]:
        code |= _give_one(path, uid, gid, follow, tool)
        if recursive and not code:
            code |= _give_below(path, uid, gid, tool)
    return code


def _give_below(top: str, uid: int | None, gid: int | None, tool: str) -> int:
    # As the real one by default, a link is never gone through.
    if os.path.islink(top):
        return 0
    code = 0
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            code |= _give_one(os.path.join(folder, name), uid, gid, False, tool)
    return code


def _give_one(path: str, uid: int | None, gid: int | None, follow: bool, tool: str) -> int:
    try:
        if os.path.islink(path) and not follow:
            return 0  # links carry no attribute, and nothing asks whose they are
        old = owners.owner(path, follow)
        owners.set_owner(path, old[0] if uid is None else uid, old[1] if gid is None else gid, follow)
    except OSError as error:
        words = "cannot access" if isinstance(error, FileNotFoundError) else "changing ownership of"
        sys.stderr.write(f"{tool}: {words} '{path}': {error.strerror}\n")
        return 1
    return 0
