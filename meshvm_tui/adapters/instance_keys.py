"""A key pair that lives in memory for a while: nothing of it is ever written here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

LIFETIME_SECONDS = 30 * 60
MARGIN_SECONDS = 120


class TemporaryKey:
    """An ed25519 key with an expiry; it is made when it is first asked for."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._key: paramiko.PKey | None = None
        self._public = ""
        self.expires = 0.0

    def __repr__(self) -> str:
        return "TemporaryKey(…)"

    @property
    def public(self) -> str:
        """Type and base64."""
        self.private()
        return self._public

    def private(self) -> paramiko.PKey:
        """For the login."""
        with self._lock:
            if self._key is None:
                self._key, self._public = _make()
            return self._key

    def extend(self) -> float:
        """Another half an hour from now on, where the last one has nearly run out; gives its end."""
        if self.expires - self._now() < MARGIN_SECONDS:
            self.expires = float(int(self._now()) + LIFETIME_SECONDS)
        return self.expires

    @property
    def is_fresh(self) -> bool:
        """Whether it was given an end that is not near."""
        return self.expires - self._now() >= MARGIN_SECONDS


def _make() -> tuple[paramiko.PKey, str]:
    import io

    import paramiko
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    private = ed25519.Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(text.decode()))
    return key, f"{key.get_name()} {key.get_base64()}"
