"""What goes wrong over SSH, in words: every exception of paramiko and of the socket becomes a Problem."""

from __future__ import annotations

import errno
import socket

from meshvm_tui.ports import SecretKind
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

_NO_GREETING = ("protocol banner", "No existing session")
_TOO_MANY_KEYS = "Too many authentication failures"
"""sshd's words at MaxAuthTries (6 by default): each key in ssh-agent is a try."""
NO_VERDICT = "Authentication timeout"
"""paramiko's words where a login was neither accepted nor refused in time."""
WANTS_PASSWORD = ("password is required", "a terminal is required", "interactive authentication is required")
WRONG_PASSWORD = (
    "incorrect password attempt",
    "sorry, try again",
    "no password was provided",
    "authentication failed, try again",
)
_NO_RIGHT = ("not in the sudoers", "not allowed to execute", "sudo: not found", "must have a tty", "may not run sudo")
"""sudo's words with LC_ALL=C; those about authentication are sudo-rs's."""
_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL)


def problem_from(error: Exception, where: str, farewell: str = "") -> Problem:
    """The problem that an exception means; `where` is user@host:port, for the words.

    `farewell` is what the machine said when it ended the connection."""
    if isinstance(error, Problem):
        return error
    if _TOO_MANY_KEYS in farewell:
        return ActionNeeded("MVM-433", f"{where}: {farewell}")
    return _from_paramiko(error, where) or _from_socket(error, where) or _other(error, where)


def _words(error: Exception, where: str) -> str:
    return f"{where}: {error or type(error).__name__}"


def _from_paramiko(error: Exception, where: str) -> Problem | None:
    import paramiko
    from paramiko.ssh_exception import IncompatiblePeer, NoValidConnectionsError

    if isinstance(error, paramiko.PasswordRequiredException):
        return ActionNeeded("MVM-407", f"{where}: the key is encrypted and its passphrase is not known here")
    if isinstance(error, paramiko.BadAuthenticationType):
        return PermanentError("MVM-406", f"{where}: it only accepts {', '.join(error.allowed_types)}")
    if isinstance(error, paramiko.AuthenticationException) and (cut := _cut_at_login(error, where)):
        return cut
    # The more special ones first: each of these is an SSHException or an OSError too.
    kinds: tuple[tuple[type[Exception], type[Problem], str], ...] = (
        (paramiko.AuthenticationException, PermanentError, "MVM-406"),
        (IncompatiblePeer, PermanentError, "MVM-409"),
        (paramiko.ChannelException, TransientError, "MVM-410"),
        (NoValidConnectionsError, TransientError, "MVM-402"),
    )
    for kind, problem, code in kinds:
        if isinstance(error, kind):
            return problem(code, _words(error, where))
    return _from_ssh_words(error, where) if isinstance(error, paramiko.SSHException) else None


def _cut_at_login(error: Exception, where: str) -> Problem | None:
    """paramiko calls it a failed authentication, too, when nobody judged the key: the line was cut, or silent."""
    text = str(error)
    if "saw EOF" in text:
        why = "where it does so each time, sshd's log on the machine says why"
        return TransientError("MVM-411", f"{where}: it ended while the login was checked; {why}")
    if NO_VERDICT in text:
        return TransientError("MVM-412", f"{where}: no answer to the login in time")
    return None


def _from_ssh_words(error: Exception, where: str) -> Problem:
    """paramiko tells these apart by their text only."""
    text = str(error)
    words = _words(error, where)
    if any(sign in text for sign in _NO_GREETING):
        return TransientError("MVM-408", words)
    if "No authentication methods available" in text:
        return ActionNeeded("MVM-407", f"{where}: no key is named in the plan, none is in ssh-agent or ~/.ssh")
    if "not a valid" in text or "key cannot be used" in text or "private key file" in text:
        return ActionNeeded("MVM-407", words)
    if "Timeout opening channel" in text:
        return TransientError("MVM-412", words)
    return TransientError("MVM-411", words)


def _from_socket(error: Exception, where: str) -> Problem | None:
    if isinstance(error, TimeoutError):
        return TransientError("MVM-403", f"{where}: no answer in time")
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
        return ActionNeeded("MVM-407", f"{error.filename or where}: {error.strerror or error}")
    words = _words(error, where)
    if isinstance(error, socket.gaierror):
        return PermanentError("MVM-401", words)
    if isinstance(error, ConnectionRefusedError):
        return TransientError("MVM-402", words)
    if isinstance(error, (OSError, EOFError)):
        return TransientError("MVM-403" if getattr(error, "errno", 0) in _NO_WAY else "MVM-411", words)
    return None


def _other(error: Exception, where: str) -> Problem:
    """A key that paramiko cannot parse raises ValueError and cryptography's own errors."""
    if isinstance(error, ValueError):
        return ActionNeeded("MVM-407", _words(error, where))
    return TransientError("MVM-411", f"{where}: {type(error).__name__}: {error}")


def sudo_evidence(where: str) -> dict[str, str]:
    """What may be given to mend it, for whoever can ask."""
    return {"secret": SecretKind.SUDO.value, "subject": where}


def from_script_words(words: str, exit_status: int, where: str) -> Problem:
    """The problem of a script that ended without its last line, from what was said instead."""
    lowered = words.lower()
    tail = words.strip()[-600:] or f"no words, exit status {exit_status}"
    if any(sign in lowered for sign in WRONG_PASSWORD):
        return ActionNeeded("MVM-434", f"{where}: {tail}", evidence=sudo_evidence(where))
    if any(sign in lowered for sign in WANTS_PASSWORD):
        return ActionNeeded("MVM-413", f"{where}: {tail}", evidence=sudo_evidence(where))
    if any(sign in lowered for sign in _NO_RIGHT):
        return ActionNeeded("MVM-414", f"{where}: {tail}")
    if "no space left" in lowered:
        return PermanentError("MVM-525", f"{where}: {tail}")
    if "not found" in lowered and exit_status == 127:
        return PermanentError("MVM-428", f"{where}: {tail}")
    return PermanentError("MVM-417", f"{where}: {tail}")
