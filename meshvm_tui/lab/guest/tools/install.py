"""install, with the owners that the lab keeps."""

from __future__ import annotations

import os
import shutil

from meshvm_tui.lab.guest.tools import ground, owners


def main(arguments: list[str]) -> int:
    """install [-D] [-T] [-m MODE] [-o OWNER] [-g GROUP] SOURCE... TARGET, or install -d ... FOLDER..."""
    mode, spec, group, folders, parents, words = 0o755, "", "", False, False, []
    rest = iter(arguments)
    for given in rest:
        word, _, value = given.partition("=")
        if word in ("-m", "-o", "-g", "--mode", "--owner", "--group", "-t"):
            value = value or next(rest, "")
        elif word.startswith("-") and len(word) > 1 and not word.startswith("--"):
            folders |= "d" in word
            parents |= "D" in word
            continue
        else:
            words.append(given)
            continue
        if word in ("-m", "--mode"):
            mode = int(value, 8)
        elif word in ("-o", "--owner"):
            spec = value
        else:
            group = value
    try:
        uid, _ = owners.parse(spec) if spec else (None, None)
        _, gid = owners.parse(f":{group}") if group else (None, None)
    except KeyError as error:
        ground.say(f"install: invalid user: ‘{error.args[0]}’")
        return 1
    try:
        for target in _made(words, folders, parents):
            os.chmod(target, mode)
            owners.set_owner(target, uid or 0, gid or 0)
    except OSError as error:
        ground.say(f"install: cannot create '{error.filename}': {error.strerror}")
        return 1
    return 0


def _made(words: list[str], folders: bool, parents: bool) -> list[str]:
    if folders:
        made = [ground.place(word) if word.startswith("/") and not _inside(word) else word for word in words]
        for folder in made:
            os.makedirs(folder, exist_ok=True)
        return made
    *sources, target = words
    if parents:
        os.makedirs(os.path.dirname(target), exist_ok=True)
    targets = []
    for source in sources:
        to = os.path.join(target, os.path.basename(source)) if os.path.isdir(target) else target
        fresh = f"{to}.lab-new"
        shutil.copyfile(source, fresh)
        os.replace(fresh, to)
        targets.append(to)
    return targets


def _inside(path: str) -> bool:
    return ground.ROOT != "/" and path.startswith(ground.ROOT)
