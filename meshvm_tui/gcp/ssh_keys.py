"""SSH keys in metadata, and what metadata says about how one logs in (Compute Engine, "Add SSH keys to VMs").

A line is USER:KEY; one that expires is USER:TYPE KEY google-ssh {"userName":…,"expireOn":…}, with exactly these names
in this order and no spaces, for the guest agent reads it word by word.
"""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from typing import Any

from meshvm_tui.problems import ActionNeeded

JSON = dict[str, Any]
KEYS, LEGACY_KEYS = "ssh-keys", "sshKeys"
MARK = "google-ssh"
LONGEST_VALUE = 256 * 1024
"""Bytes of one metadata value."""
_TRUE = ("true", "y", "yes", "1")
_EXPIRE_ON = "%Y-%m-%dT%H:%M:%S%z"


def key_line(user: str, public_key: str, expires: float) -> str:
    """The line of a key that ends at a time (seconds since the epoch). `public_key` is type and base64."""
    until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    details = json.dumps({"userName": user, "expireOn": until}, separators=(",", ":"))
    return f"{user}:{' '.join(public_key.split()[:2])} {MARK} {details}"


def has_expired(line: str, now: float) -> bool:
    """Whether a line says that its key has ended."""
    until = expires_at(line)
    return until is not None and until <= now


def expires_at(line: str) -> float | None:
    """When the key of a line ends, in seconds since the epoch; None where it does not, or cannot be read."""
    _, mark, details = line.partition(f" {MARK} ")
    if not mark:
        return None
    try:
        return datetime.strptime(str(json.loads(details)["expireOn"]), _EXPIRE_ON).timestamp()
    except (ValueError, KeyError, TypeError):
        return None


def with_key(metadata: JSON, line: str, now: float) -> JSON:
    """The instance's metadata with the line in it, for setMetadata: everything else as it is, its fingerprint too.

    Expired lines go, as gcloud does it, and so does an earlier one of the same key. ActionNeeded MVM-841 where the
    value would be too long."""
    kept = [item for item in _lines(metadata) if not has_expired(item, now) and _key_of(item) != _key_of(line)]
    return _replaced(metadata, [*kept, line])


def without_key(metadata: JSON, public_key: str) -> JSON | None:
    """The metadata without the key's line; None where it is not in it."""
    wanted = public_key.split()[1]
    lines = _lines(metadata)
    kept = [item for item in lines if _key_of(item) != wanted]
    return _replaced(metadata, kept) if len(kept) != len(lines) else None


def line_of(metadata: JSON, public_key: str) -> str:
    """The line of a key; "" where there is none."""
    wanted = public_key.split()[1]
    return next((item for item in _lines(metadata) if _key_of(item) == wanted), "")


def value_of(metadata: JSON, name: str) -> str | None:
    """One metadata value; None where it is not set."""
    return next((str(item.get("value", "")) for item in metadata.get("items", []) if item.get("key") == name), None)


def is_on(name: str, instance: JSON, project: JSON) -> bool:
    """Whether a switch is on: the instance's own metadata wins over the project's."""
    value = value_of(instance, name)
    value = value if value is not None else value_of(project, name)
    return (value or "").strip().lower() in _TRUE


def user_name(login: str) -> str:
    """A login here as a user name on a VM. root may not log in to Google's images, and nobody has no shell."""
    name = re.sub(r"[^a-z0-9_-]", "_", login.partition("@")[0].lower())[:32]
    return name if re.match(r"[a-z_]", name) and name not in ("root", "nobody") else "meshvm"


def host_keys(attributes: dict[str, str]) -> tuple[str, ...]:
    """Guest attributes below hostkeys/ as `<type> <base64>`. Any process on the VM may write them, so only what has
    the form of a key is taken."""
    found = []
    for name, value in sorted(attributes.items()):
        key = value.split()[0] if value.split() else ""
        if re.fullmatch(r"(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp256)", name) and re.fullmatch(r"[A-Za-z0-9+/]+=*", key):
            found.append(f"{name} {key}")
    return tuple(found)


def _lines(metadata: JSON) -> list[str]:
    return [line for line in (value_of(metadata, _place(metadata)) or "").splitlines() if line.strip()]


def _place(metadata: JSON) -> str:
    """Where an instance has keys of the old kind, those alone count."""
    return LEGACY_KEYS if value_of(metadata, LEGACY_KEYS) is not None else KEYS


def _key_of(line: str) -> str:
    parts = line.partition(":")[2].split()
    return parts[1] if len(parts) > 1 else ""


def _replaced(metadata: JSON, lines: list[str]) -> JSON:
    value = "\n".join(lines)
    if len(value.encode()) > LONGEST_VALUE:
        raise ActionNeeded("MVM-841", f"{_place(metadata)} would have {len(value.encode())} bytes of {LONGEST_VALUE}")
    changed = copy.deepcopy(metadata)
    name = _place(metadata)
    others = [item for item in changed.get("items", []) if item.get("key") != name]
    changed["items"] = [*others, {"key": name, "value": value}] if value else others
    changed.pop("kind", None)
    return changed
