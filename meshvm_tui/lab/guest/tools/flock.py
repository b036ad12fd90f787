"""flock: holds a lock on a descriptor of the calling shell, or while a command runs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time

from meshvm_tui.lab.guest.tools import ground


def main(arguments: list[str]) -> int:
    """flock [-n] [-w SECONDS] [-s|-x|-u] DESCRIPTOR, or flock [...] FILE COMMAND... or FILE -c COMMAND"""
    kind, patience, words, words_follow = fcntl.LOCK_EX, float("inf"), list(arguments), False
    while words and words[0].startswith("-") and not words_follow:
        word = words.pop(0)
        if word in ("-n", "--nonblock"):
            patience = 0.0
        elif word in ("-w", "--wait", "--timeout"):
            patience = float(words.pop(0))
        elif word in ("-s", "--shared"):
            kind = fcntl.LOCK_SH
        elif word in ("-u", "--unlock"):
            kind = fcntl.LOCK_UN
        words_follow = word == "--"
    if not words:
        ground.say("flock: requires file descriptor, file or directory")
        return 64
    target, command = words[0], words[1:]
    file = int(target) if target.isdigit() and not command else os.open(target, os.O_RDONLY | os.O_CREAT, 0o644)
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                return 1
            time.sleep(0.02)
        except OSError as error:
            ground.say(f"flock: {target}: {error.strerror}")
            return 65
    if not command:
        return 0
    argv = ["sh", "-c", command[1]] if command[0] == "-c" else command
    return subprocess.call(argv, pass_fds=(file,))
