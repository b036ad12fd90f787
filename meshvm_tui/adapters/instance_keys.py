"""A key pair that lives in memory for a while: nothing of it is ever written here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

LIFETIME_SECONDS = 30 * 60
RENEW_SECONDS = 20 * 60
"""A run begins with at least so long before it."""
MARGIN_SECONDS = 120
"""With less than that left nothing new is begun."""


class TemporaryKey:
    """An ed25519 key with an expiry; it is made when it is first asked for."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
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
        """Another half an hour from now on, where the last one has run on for long; gives its end."""
        with self._lock:
            if not self.lasts(self.expires):
                self.expires = float(int(self.now()) + LIFETIME_SECONDS)
            return self.expires

    def lasts(self, until: float) -> bool:
        """Whether that end is far enough for a run that begins now."""
        return until - self.now() >= RENEW_SECONDS

    def is_fresh(self, until: float) -> bool:
        """Whether a login before that end can still be begun."""
        return until - self.now() >= MARGIN_SECONDS


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
