"""Which host key is right: the plan's pin, the operator's known_hosts, and the keys that were accepted here.

The operator's file is read line by line, so that a broken line or a marker does not make the rest unreadable.
Nothing is ever added silently: an unknown key is asked for, a changed one is refused.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from meshvm_tui.problems import ActionNeeded, PermanentError

UNKNOWN_HOST_KEY, OTHER_KEY_TYPE = "MVM-404", "MVM-418"
AcceptHostKey = Callable[[str, int, str], bool]


class Marker(StrEnum):
    """The markers of sshd(8) in a line of known_hosts."""

    NONE = ""
    REVOKED = "@revoked"
    AUTHORITY = "@cert-authority"


@dataclass(frozen=True)
class ShownKey:
    """A host key as a server shows it: its type, base64 and `SHA256:…` fingerprint."""

    type: str
    base64: str
    fingerprint: str


@dataclass(frozen=True)
class KnownKey:
    """One line of known_hosts that matches a host. `place` is file:line."""

    marker: Marker
    type: str
    base64: str
    place: str = ""

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as ssh-keygen -lf prints it; "" for what is no base64."""
        try:
            digest = sha256(b64decode(self.base64, validate=True)).digest()
        except ValueError:
            return ""
        return "SHA256:" + b64encode(digest).decode("ascii").rstrip("=")


def lookup_name(host: str, port: int) -> str:
    """A host as known_hosts spells it."""
    return host if port == 22 else f"[{host}]:{port}"


def known_keys(path: Path, host: str, port: int) -> Iterator[KnownKey]:
    """The keys that a known_hosts file has for a host; an unreadable file or line has none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    name = lookup_name(host, port)
    for number, line in enumerate(lines, 1):
        parts = line.split()
        marker = Marker.NONE
        if parts and parts[0] in (Marker.REVOKED, Marker.AUTHORITY):
            marker = Marker(parts.pop(0))
        if len(parts) >= 3 and not parts[0].startswith("#") and _matches(parts[0], name):
            yield KnownKey(marker, parts[1], parts[2], f"{path}:{number}")


def _matches(patterns: str, name: str) -> bool:
    found = False
    for pattern in patterns.split(","):
        wanted = pattern.removeprefix("!")
        if wanted.startswith("|1|"):
            hit = _is_hash_of(wanted, name)
        else:
            # Brackets stand for themselves here: only * and ? are wild.
            hit = fnmatchcase(name.lower(), wanted.lower().replace("[", "[[]"))
        if hit and pattern.startswith("!"):
            return False
        found = found or hit
    return found


def _is_hash_of(hashed: str, name: str) -> bool:
    from paramiko.hostkeys import HostKeys

    try:
        return HostKeys.hash_host(name, hashed) == hashed
    except (ValueError, AssertionError, IndexError):
        return False


@dataclass(frozen=True)
class HostKeys:
    """What is known about one host. `pin` is `SHA256:…` or `<type> <base64>` of the plan and then alone counts;
    without it, what the machine `published` (`<type> <base64>`) does, if anything."""

    host: str
    port: int
    pin: str
    operator_files: tuple[Path, ...]
    own_file: Path
    accept: AcceptHostKey | None = None
    published: tuple[str, ...] = ()

    def preferred_types(self) -> tuple[str, ...]:
        """The types to ask the server for first, so that it shows a key that can be compared."""
        if self.pin and not self.pin.startswith("SHA256:"):
            return (self.pin.split()[0],)
        if self.published and not self.pin:
            return tuple(line.split()[0] for line in self.published)
        return tuple(dict.fromkeys(key.type for key in self._known() if key.marker is Marker.NONE))

    def check(self, shown: ShownKey) -> None:
        """Returns where the shown key is the right one; otherwise a Problem, and nothing may be sent."""
        if self.pin:
            self._check_pin(shown)
            return
        if self.published:
            if f"{shown.type} {shown.base64}" not in self.published:
                raise self._changed(shown, f"the instance published {', '.join(map(_pinned, self.published))}")
            return
        known = list(self._known())
        same = [key for key in known if key.base64 == shown.base64]
        if any(key.marker is Marker.REVOKED for key in same):
            raise PermanentError("MVM-419", f"{self._name} shows {shown.type} {shown.fingerprint}, which is revoked")
        plain = [key for key in known if key.marker is Marker.NONE]
        if any(key.base64 == shown.base64 for key in plain):
            return
        if other := next((key for key in plain if key.type == shown.type), None):
            raise self._changed(shown, f"{other.place} has {other.type} {other.fingerprint or other.base64}")
        if plain:
            types = ", ".join(dict.fromkeys(key.type for key in plain))
            raise ActionNeeded(
                OTHER_KEY_TYPE,
                f"{self._name} shows {shown.type} {shown.fingerprint}; known_hosts has only {types}",
                next_action=self._how_to_compare(shown, f"set ssh.knownHost: {shown.fingerprint}"),
            )
        self._ask(shown)

    @property
    def _name(self) -> str:
        return lookup_name(self.host, self.port)

    def _known(self) -> Iterator[KnownKey]:
        for path in (*self.operator_files, self.own_file):
            yield from known_keys(path, self.host, self.port)

    def _check_pin(self, shown: ShownKey) -> None:
        if self.pin.startswith("SHA256:"):
            if self.pin.rstrip("=") != shown.fingerprint:
                raise self._changed(shown, f"the plan pins {self.pin}")
        elif self.pin.split()[:2] != [shown.type, shown.base64]:
            raise self._changed(shown, f"the plan pins {_pinned(self.pin)}")

    def _changed(self, shown: ShownKey, known: str) -> PermanentError:
        return PermanentError("MVM-405", f"{self._name} shows {shown.type} {shown.fingerprint}; {known}")

    def _ask(self, shown: ShownKey) -> None:
        if self.accept is not None and self.accept(self.host, self.port, f"{shown.type} {shown.fingerprint}"):
            self._remember(shown)
            return
        raise ActionNeeded(
            UNKNOWN_HOST_KEY,
            f"{self._name} shows {shown.type} {shown.fingerprint}",
            next_action=self._how_to_compare(shown, f"accept it, or set ssh.knownHost: {shown.fingerprint}"),
            evidence={"fingerprint": shown.fingerprint, "host": self.host, "port": str(self.port)},
        )

    def _how_to_compare(self, shown: ShownKey, then: str) -> str:
        kind = shown.type.removeprefix("ssh-").split("-")[0]
        return f"Compare on the VM (ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub), then {then}."

    def _remember(self, shown: ShownKey) -> None:
        self.own_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.own_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "a") as file:
            file.write(f"{self._name} {shown.type} {shown.base64}\n")


def _pinned(pin: str) -> str:
    kind, _, rest = pin.partition(" ")
    return f"{kind} {KnownKey(Marker.NONE, kind, rest.split()[0] if rest.split() else '').fingerprint or rest}"
