"""df, which shows a full disk while the fault `disk-full` is on."""

from __future__ import annotations

import os

from meshvm_tui.lab.guest.tools import ground


def main(arguments: list[str]) -> int:
    """df [-P] [-k|-m] [PATH]..."""
    letters = "".join(word[1:] for word in arguments if word.startswith("-"))
    unit = 1 << 20 if "m" in letters else 1 << 10
    code = 0
    print(f"Filesystem     {unit}-blocks Used Available Capacity Mounted on")
    for path in [word for word in arguments if not word.startswith("-")] or ["/"]:
        try:
            found = os.statvfs(path)
        except OSError as error:
            ground.say(f"df: {path}: {error.strerror}")
            code = 1
            continue
        total = found.f_blocks * found.f_frsize // unit
        left = 0 if ground.fault("disk-full") is not None else found.f_bavail * found.f_frsize // unit
        used = total - left
        print(f"/dev/vda1 {total} {used} {left} {100 * used // max(1, total)}% {path}")
    return code
