"""stat, with the owners that the lab keeps."""

from __future__ import annotations

import os
import re
import stat as modes
import time

from meshvm_tui.lab.guest.tools import ground, owners

KINDS = (
    (modes.S_ISDIR, "directory"),
    (modes.S_ISLNK, "symbolic link"),
    (modes.S_ISSOCK, "socket"),
    (modes.S_ISFIFO, "fifo"),
    (modes.S_ISCHR, "character special file"),
    (modes.S_ISBLK, "block special file"),
)
USUAL = "  File: %N\n  Size: %s\t%F\nAccess: (%#a/%A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nModify: %y\n"


def main(arguments: list[str]) -> int:
    """stat [-L] [-c FORMAT | --printf FORMAT] FILE..."""
    form, follow, end, files = USUAL, False, "", []
    words = iter(arguments)
    for word in words:
        if word in ("-c", "--format"):
            form, end = next(words, ""), "\n"
        elif word.startswith("--format="):
            form, end = word.partition("=")[2], "\n"
        elif word.startswith("-c"):
            form, end = word[2:], "\n"
        elif word.startswith("--printf"):
            text = word.partition("=")[2] or next(words, "")
            form, end = text.encode().decode("unicode_escape"), ""
        elif word in ("-L", "--dereference"):
            follow = True
        elif word != "--":
            files.append(word)
    code = 0
    for file in files:
        try:
            print(_render(form, file, follow), end=end)
        except OSError as error:
            ground.say(f"stat: cannot statx '{file}': {error.strerror}")
            code = 1
    return code


def _render(form: str, file: str, follow: bool) -> str:
    status = os.stat(file, follow_symlinks=follow)
    uid, gid = owners.owner(file, follow)
    users = {number: name for name, (number, *_) in ground.passwd().items()}
    group_names = {number: name for name, (number, _) in ground.groups().items()}
    kind = next((name for test, name in KINDS if test(status.st_mode)), "")
    kind = kind or ("regular file" if status.st_size else "regular empty file")
    link = f" -> '{os.readlink(file)}'" if kind == "symbolic link" else ""
    values = {
        "n": file,
        "N": f"'{file}'{link}",
        "U": owners.name_of(uid, users),
        "G": owners.name_of(gid, group_names),
        "u": str(uid),
        "g": str(gid),
        "a": f"{modes.S_IMODE(status.st_mode):o}",
        "A": modes.filemode(status.st_mode),
        "f": f"{status.st_mode:x}",
        "F": kind,
        "s": str(status.st_size),
        "b": str(status.st_blocks),
        "h": str(status.st_nlink),
        "i": str(status.st_ino),
        "d": str(status.st_dev),
        "X": str(int(status.st_atime)),
        "Y": str(int(status.st_mtime)),
        "Z": str(int(status.st_ctime)),
        "y": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(status.st_mtime))
        + f".{status.st_mtime_ns % 10**9:09d} +0000",
        "%": "%",
    }
    return re.sub(r"%(#?)[0-9]*([a-zA-Z%])", lambda found: _one(found[1], values.get(found[2], "?")), form)


def _one(sharp: str, value: str) -> str:
    return f"0{value}" if sharp else value
