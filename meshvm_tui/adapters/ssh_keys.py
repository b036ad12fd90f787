"""The private keys that a login may try, in ssh's order: those of ssh-agent, then the files, encrypted ones last.

Where the plan names a key, that one alone is tried (as with IdentitiesOnly): each wrong key is a failed login to the
server, which allows six by default. A key that is encrypted is taken from ssh-agent if it is loaded there.
"""

from __future__ import annotations

import base64
import binascii
import os
import socket
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.ports import SecretKind, Secrets
from meshvm_tui.problems import ActionNeeded

if TYPE_CHECKING:
    import paramiko

TRIES = 3
"""How often a passphrase is asked for, as ssh does."""
NO_AGENT = "none"
_OPENSSH = b"openssh-key-v1\0"


@dataclass(frozen=True)
class Keys:
    """Where keys come from. `named` is the plan's path; without one, `files` are tried where they are there, and
    ssh-agent's keys unless `only_files`. `agent` is its socket, "" for SSH_AUTH_SOCK's, or `none`. A key that is
    `held` in memory is tried alone."""

    named: str
    files: tuple[Path, ...]
    only_files: bool = False
    agent: str = ""
    secrets: Secrets | None = None
    cancelled: Callable[[], bool] = lambda: False
    held: Callable[[], paramiko.PKey] | None = None

    def offers(self) -> Generator[tuple[str, paramiko.PKey], None, None]:
        """What to try, with what to call it. Raises ActionNeeded MVM-407 where the one that counts cannot be used,
        MVM-435 where its passphrase is wrong; asks for a passphrase only after all else was tried. The connection to
        ssh-agent, which signs, is open until the iterator is closed."""
        if self.held is not None:
            yield "the temporary key", self.held()
            return
        agent = self._agent()
        try:
            loaded = list(agent.get_keys())
            if self.named:
                path = Path(self.named).expanduser()
                yield str(path), self._named(path, loaded)
            else:
                yield from self._all(loaded)
        finally:
            agent._close()  # type: ignore[attr-defined]

    def _all(self, loaded: list[paramiko.AgentKey]) -> Iterator[tuple[str, paramiko.PKey]]:
        files = [path for path in self.files if path.is_file()]
        public = {public_part(path) for path in files} - {""}
        loaded.sort(key=lambda key: key.get_base64() not in public)
        for key in loaded:
            if not self.only_files or key.get_base64() in public:
                yield f"ssh-agent's {key.comment or key.get_name()}", key
        held = {key.get_base64() for key in loaded}
        locked = []
        for path in files:
            if public_part(path) in held:
                continue
            try:
                if (opened := _read(path)) is not None:
                    yield str(path), opened
                else:
                    locked.append(path)
            except ActionNeeded:
                continue  # a default key that cannot be used is passed over, as ssh does
        for path in locked:
            yield str(path), self._unlock(path)

    def _named(self, path: Path, loaded: list[paramiko.AgentKey]) -> paramiko.PKey:
        opened = _read(path)
        if opened is not None:
            return opened
        wanted = public_part(path)
        held = next((key for key in loaded if key.get_base64() == wanted), None)
        return held or self._unlock(path)

    def _unlock(self, path: Path) -> paramiko.PKey:
        """An encrypted key, with the passphrase that the operator gives."""
        subject = str(path)
        evidence = {"secret": SecretKind.PASSPHRASE.value, "subject": subject}
        problem = ActionNeeded(
            "MVM-407",
            f"{path} is encrypted and not loaded into ssh-agent",
            next_action=f"Run ssh-add {path}, then retry; a terminal asks for its passphrase.",
            evidence=evidence,
        )
        if self.secrets is None:
            raise problem
        for _ in range(TRIES):
            given = self.secrets.ask(SecretKind.PASSPHRASE, subject, self.cancelled)
            if given is None:
                break
            try:
                opened = _read(path, given)
            except ValueError:
                opened = None
            if opened is not None:
                return opened
            self.secrets.reject(SecretKind.PASSPHRASE, subject)
            problem = ActionNeeded("MVM-435", f"{path}: the passphrase does not decrypt it", evidence=evidence)
        raise problem

    def _agent(self) -> paramiko.agent.AgentSSH:
        """ssh-agent, connected; without keys where there is none, or it does not answer."""
        import paramiko

        held = paramiko.agent.AgentSSH()
        named = self.agent.removeprefix("SSH_AUTH_SOCK") or "$SSH_AUTH_SOCK"
        place = os.path.expandvars(named)
        if place in (NO_AGENT, "$SSH_AUTH_SOCK", ""):
            return held
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(Path(place).expanduser()))
            held._connect(connection)  # type: ignore[attr-defined]
        except (OSError, paramiko.SSHException):
            connection.close()
        return held


def public_part(path: Path) -> str:
    """The base64 of a private key's public half, from `<key>.pub` or from OpenSSH's format, which does not encrypt
    it; "" where neither says."""
    import paramiko

    try:
        return path.with_name(path.name + ".pub").read_text(encoding="utf-8").split()[1]
    except (OSError, IndexError, UnicodeDecodeError):
        pass
    try:
        lines = path.read_text(encoding="ascii").split("-----")[2]
        body = base64.b64decode("".join(lines.split()), validate=True)
    except (OSError, IndexError, UnicodeDecodeError, binascii.Error):
        return ""
    if not body.startswith(_OPENSSH):
        return ""
    message = paramiko.Message(body[len(_OPENSSH) :])
    for _ in ("cipher", "kdf", "its options"):
        message.get_string()
    message.get_int()
    return base64.b64encode(message.get_string()).decode("ascii")


def _read(path: Path, passphrase: str = "") -> paramiko.PKey | None:
    """The key with the certificate beside it (`<key>-cert.pub`); None where it is encrypted and no passphrase was
    given, ValueError where that does not open it; ActionNeeded MVM-407 where it cannot be used at all."""
    import paramiko

    try:
        return paramiko.PKey.from_path(path, passphrase.encode() or None)  # type: ignore[arg-type]
    except (TypeError, paramiko.PasswordRequiredException):
        # cryptography's word for "encrypted, and no passphrase was given" is TypeError.
        return None
    except OSError as error:
        raise ActionNeeded("MVM-407", f"{path}: {error.strerror or error}") from error
    except Exception as error:
        if passphrase:
            raise ValueError(str(path)) from error
        raise ActionNeeded("MVM-407", f"{path} is no private key that can be used ({type(error).__name__})") from error
