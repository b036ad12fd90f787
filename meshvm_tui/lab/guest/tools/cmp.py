"""cmp, for hosts that have no diffutils."""

from __future__ import annotations

import sys

from meshvm_tui.lab.guest.tools import ground


def main(arguments: list[str]) -> int:
    """cmp [-s] FILE FILE"""
    quiet = bool({"-s", "--silent", "--quiet"} & set(arguments))
    files = [word for word in arguments if word == "-" or not word.startswith("-")]
    contents = []
    for file in files[:2]:
        try:
            if file == "-":
                contents.append(sys.stdin.buffer.read())
            else:
                with open(file, "rb") as source:
                    contents.append(source.read())
        except OSError as error:
            if not quiet:
                ground.say(f"cmp: {file}: {error.strerror}")
            return 2
    if len(contents) == 2 and contents[0] == contents[1]:
        return 0
    if not quiet:
        print(f"{files[0]} {files[1]} differ")
    return 1
