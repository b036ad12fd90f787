"""Which SSH keys an instance takes, as Google's guest agent reads them out of metadata.

https://cloud.google.com/compute/docs/connect/add-ssh-keys and the guest agent's own reading: a line is
`USER:TYPE BASE64 COMMENT`, or with an end `USER:TYPE BASE64 google-ssh {"userName":...,"expireOn":...}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

JSON = dict[str, Any]
AuthorizedKey = tuple[str, str, float | None]
"""(user, "type base64", when it ends in seconds since the epoch or None)."""

_EXPIRY = "%Y-%m-%dT%H:%M:%S%z"


def items(metadata: JSON) -> dict[str, str]:
    """Metadata as a map."""
    return {item["key"]: item.get("value", "") for item in metadata.get("items", ())}


def is_true(metadata: Mapping[str, str], key: str) -> bool | None:
    """What a switch in metadata says; None where it is not there."""
    return None if key not in metadata else metadata[key].strip().lower() in ("true", "1", "y", "yes")


def metadata_keys(instance: Mapping[str, str], project: Mapping[str, str], now: float) -> tuple[AuthorizedKey, ...]:
    """The keys of an instance's metadata, and the project's where the instance does not block them."""
    values = [instance.get("ssh-keys", ""), instance.get("sshKeys", "")]
    if not is_true(instance, "block-project-ssh-keys") and "sshKeys" not in instance:
        values += [project.get("ssh-keys", ""), project.get("sshKeys", "")]
    found = [key for value in values for line in value.splitlines() for key in _key(line)]
    return tuple(key for key in found if key[2] is None or key[2] > now)


def _key(line: str) -> Iterator[AuthorizedKey]:
    user, colon, rest = line.strip().partition(":")
    parts = rest.split(" ")
    if not colon or not user or len(parts) < 2:
        return
    key = f"{parts[0]} {parts[1]}"
    if len(parts) < 3 or parts[2] != "google-ssh":
        yield user, key, None
        return
    # Readers split at every space: JSON with spaces in it is cut short, and the key is left out.
    try:
        ends = datetime.strptime(json.loads(parts[3])["expireOn"], _EXPIRY)
    except (IndexError, ValueError, KeyError, TypeError):
        return
    yield user, key, ends.timestamp()
