"""sudo: leaves the login's guarded view of the files, and asks for a password where the fault says so."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from typing import NoReturn

from meshvm_tui.lab.guest.tools import ground

PASSWORD = "lab"  # what opens sudo while the fault `sudo-password` is on
KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TERM",
    "LAB_VM",
    "INVOCATION_ID",
    "DESTDIR",
    "MV_PATH",
    "SSH_CONNECTION",
    "ISTIO_BIN_BASE",
)
CLONE_NEWNS = 0x00020000


def main(arguments: list[str]) -> int:
    """sudo [-n] [-S] [-E] [-H] [-k] [-p PROMPT] [-u USER] [-g GROUP] [--] [NAME=VALUE]... COMMAND..."""
    options, target, prompt, extra, words = _read(arguments)
    user = ground.user()
    users = ground.passwd()
    if target not in users:
        ground.say(f"sudo: unknown user {target}\nsudo: error initializing audit plugin sudoers_audit")
        return 1
    if user != "root" and not _allowed(options, prompt, user):
        return 1
    if "l" in options and not words:
        print(f"User {user} may run the following commands on this host:\n    (ALL : ALL) NOPASSWD: ALL")
        return 0
    if "v" in options or ("k" in options and not words):
        return 0
    if "s" in options or "i" in options:
        words = ["sh", "-c", " ".join(words)] if words else ["sh"]
    if not words:
        ground.say("usage: sudo [-EHnS] [-p prompt] [-u user] [command [arg ...]]")
        return 1
    home = users[target][3]
    environment = (
        dict(os.environ) if "E" in options else {name: os.environ[name] for name in KEPT if name in os.environ}
    )
    environment |= extra | {"LAB_USER": target, "USER": target, "LOGNAME": target, "SUDO_COMMAND": " ".join(words)}
    if "E" not in options or "H" in options:
        environment["HOME"] = home
    invoker = users.get(user, (0, 0, "", "", ""))
    environment |= {"SUDO_USER": user, "SUDO_UID": str(invoker[0]), "SUDO_GID": str(invoker[1])}
    if user != "root" and ground.ROOT == "/":
        _leave_guard()
    program = shutil.which(words[0], path=environment.get("PATH"))
    if program is None:
        ground.say(f"sudo: {words[0]}: command not found")
        return 1
    sys.stdout.flush()
    return _become(program, words, environment)


def _become(program: str, words: list[str], environment: dict[str, str]) -> NoReturn:
    os.execve(program, words, environment)


def _read(arguments: list[str]) -> tuple[set[str], str, str, dict[str, str], list[str]]:
    options: set[str] = set()
    target, prompt, words = "root", f"[sudo] password for {ground.user()}: ", list(arguments)
    long = {"--non-interactive": "n", "--stdin": "S", "--preserve-env": "E", "--set-home": "H", "--list": "l"}
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, _, value = word.partition("=")
            if name == "--user":
                target = value or words.pop(0)
            options.add(long.get(name, ""))
            continue
        for index, letter in enumerate(word[1:], 1):
            if letter in "upgChrT":
                value = word[index + 1 :] or (words.pop(0) if words else "")
                target = value if letter == "u" else target
                prompt = value if letter == "p" else prompt
                break
            options.add(letter)
    extra: dict[str, str] = {}
    while words and "=" in words[0] and words[0].split("=")[0].isidentifier():
        name, _, value = words.pop(0).partition("=")
        extra[name] = value
    return options, target, prompt, extra, words


def _allowed(options: set[str], prompt: str, user: str) -> bool:
    if ground.fault("sudo-password") is None:
        return True
    if "n" in options:
        ground.say("sudo: a password is required")
        return False
    if "S" not in options:
        ground.say(
            "sudo: a terminal is required to read the password; either use the -S option to read from standard input "
            "or configure an askpass helper\nsudo: a password is required"
        )
        return False
    for _ in range(3):
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = _line()
        if not line:
            ground.say("\nsudo: no password was provided\nsudo: a password is required")
            return False
        if line.rstrip(b"\n") == PASSWORD.encode():
            return True
        ground.say("Sorry, try again.")
    ground.say("sudo: 3 incorrect password attempts")
    return False


def _line() -> bytes:
    # Byte by byte: what follows the password is the command's.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def _leave_guard() -> None:
    folder = os.getcwd()
    libc = ctypes.CDLL(None, use_errno=True)
    outside = os.open(f"/proc/{ground.read_json('init', 1)}/ns/mnt", os.O_RDONLY)
    if libc.setns(outside, CLONE_NEWNS) != 0:
        sys.exit(f"sudo: unable to change the view of files: {os.strerror(ctypes.get_errno())}")
    os.close(outside)
    os.chdir(folder)
