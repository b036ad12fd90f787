"""What OpenSSH's own configuration says about a host: an alias, its user, port, keys, jump hosts and known_hosts.

`ssh -G HOST` is asked, because it alone knows Include, Match and every token (ssh(1), ssh_config(5)). Where OpenSSH
is not installed there is no such configuration either, and ssh's defaults are taken.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshvm_tui.problems import ActionNeeded

ASK_SECONDS = 10.0
DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ed25519")
NONE = "none"


@dataclass(frozen=True)
class SshConfig:
    """The settings of one host that count here. `user` is "" where nobody names one; `agent` is a socket's path, ""
    for SSH_AUTH_SOCK's, or `none`; `jump` is as ProxyJump has it: hops with commas between them."""

    host: str
    user: str
    port: int
    keys: tuple[Path, ...]
    only_these_keys: bool = False
    agent: str = ""
    jump: str = ""
    known_hosts: tuple[Path, ...] = ()
    known_as: str = ""

    @property
    def keys_are_named(self) -> bool:
        """Whether the configuration names this host's keys: else ssh's defaults are listed, all of them."""
        return not set(DEFAULT_KEYS) <= {path.name for path in self.keys}


def ssh_config(host: str, user: str = "", port: int = 22) -> SshConfig:
    """What holds for a host as the operator names it. A `user` or `port` that is given wins over the configuration;
    22 counts as none, for it is the plan's default. Raises ActionNeeded MVM-436 for what is not supported here, and
    with ssh's own words for a configuration that it cannot read."""
    program = shutil.which("ssh")
    if program is None:
        return _from({}, host, user, port)
    command = [program, *_file_of_this_home(), "-G"]
    command += ["-l", user] if user else []
    command += ["-p", str(port)] if port != 22 else []
    try:
        done = subprocess.run(
            [*command, "--", host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ActionNeeded("MVM-436", f"ssh -G {host}: {error}") from error
    if done.returncode != 0:
        raise ActionNeeded(
            "MVM-436", f"ssh -G {host}: {done.stderr.strip()}", next_action="Mend the SSH configuration."
        )
    said: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        said.setdefault(name, []).append(value.strip())
    return _from(said, host, user, port)


def _from(said: Mapping[str, list[str]], host: str, user: str, port: int) -> SshConfig:
    def one(name: str) -> str:
        value = said.get(name, [""])[0]
        return "" if value.lower() == NONE else value

    if command := one("proxycommand"):
        raise ActionNeeded("MVM-436", f"{host}: ProxyCommand {command}")
    keys = said.get("identityfile") or [f"~/.ssh/{name}" for name in DEFAULT_KEYS]
    known = one("userknownhostsfile").split() or ["~/.ssh/known_hosts"]
    known += one("globalknownhostsfile").split()
    return SshConfig(
        host=one("hostname") or host,
        user=user or (one("user") if one("user") != pwd.getpwuid(os.getuid()).pw_name else ""),
        port=int(one("port") or port),
        keys=tuple(_at_home(path) for path in keys if path.lower() != NONE),
        only_these_keys=one("identitiesonly") == "yes",
        agent=said.get("identityagent", [""])[0],
        jump=one("proxyjump"),
        known_hosts=tuple(_at_home(path) for path in known),
        known_as=one("hostkeyalias"),
    )


def _login_home() -> str:
    return pwd.getpwuid(os.getuid()).pw_dir


def _file_of_this_home() -> list[str]:
    """ssh looks into the home of the password file; where HOME is another one, that one's configuration is meant."""
    home = Path.home()
    if str(home) == _login_home():
        return []
    own = home / ".ssh" / "config"
    return ["-F", str(own) if own.is_file() else NONE]


def _at_home(path: str) -> Path:
    """A path of the configuration; a default one below the home folder of HOME, whatever the password file says."""
    default = _login_home() + "/.ssh/"
    if path.startswith(default) and str(Path.home()) != _login_home():
        path = "~/.ssh/" + path.removeprefix(default)
    return Path(path).expanduser()
