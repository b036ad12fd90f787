"""df: one disk of the VM's own, whatever this computer has; full while the fault `disk-full` is on."""

from __future__ import annotations

import os

from meshvm_tui.lab.guest.tools import ground

DISK_BYTES, LEFT_BYTES = 20 << 30, 17 << 30


def main(arguments: list[str]) -> int:
    """df [-P] [-k|-m] [PATH]..."""
    letters = "".join(word[1:] for word in arguments if word.startswith("-"))
    unit = 1 << 20 if "m" in letters else 1 << 10
    code = 0
    print(f"Filesystem     {unit}-blocks Used Available Capacity Mounted on")
    for path in [word for word in arguments if not word.startswith("-")] or ["/"]:
        if not os.path.exists(path):
            ground.say(f"df: {path}: No such file or directory")
            code = 1
            continue
        total = DISK_BYTES // unit
        left = 0 if ground.fault("disk-full") is not None else LEFT_BYTES // unit
        used = total - left
        print(f"/dev/vda1 {total} {used} {left} {100 * used // max(1, total)}% {path}")
    return code
