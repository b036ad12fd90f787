"""Google's tokens as the lab issues and judges them.

Access tokens are opaque to clients; here they hold what they stand for, sealed with a key of the state folder, so that
they outlive a restart and every process of the lab can judge them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from meshvm_tui.lab.authority import write_secret
from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.tokens import load_or_make

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
LIFETIME = 3599  # seconds, as Google's token endpoint says it
_PREFIX = "ya29.lab."
_LONGEST_ASSERTION = 3600  # seconds between iat and exp
_LEEWAY = 300  # seconds by which a client's clock may be wrong


@dataclass(frozen=True)
class Bearer:
    """Who a token is for, and what it may be used for."""

    email: str
    scopes: tuple[str, ...]


class AssertionRefused(ValueError):
    """A signed assertion that is not taken; the text says why."""


class GoogleTokens:
    """Mints access tokens, and judges them and what a service account has signed itself. `folder` holds the keys."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def mint(self, email: str, scopes: Sequence[str], seconds: int = LIFETIME) -> str:
        """An access token."""
        held = {"e": email, "s": list(scopes), "x": int(self._clock.now()) + seconds, "n": secrets.token_hex(4)}
        sealed = _encode(json.dumps(held).encode())
        return f"{_PREFIX}{sealed}.{self._seal(sealed)}"

    def bearer(self, token: str) -> Bearer | None:
        """Whose access token it is; None where it is not ours, or has expired."""
        sealed, _, seal = token.removeprefix(_PREFIX).partition(".")
        if not token.startswith(_PREFIX) or not hmac.compare_digest(seal.encode(), self._seal(sealed).encode()):
            return None
        held = json.loads(_decode(sealed))
        return Bearer(held["e"], tuple(held["s"])) if held["x"] > self._clock.now() else None

    def assertion(self, jwt: str) -> dict[str, Any]:
        """The claims of what the service account's key has signed; raises `AssertionRefused` with Google's words.

        Its times are the client's, so they are judged by the real clock, not by the lab's."""
        try:
            header, body, signature = jwt.split(".")
            claims = json.loads(_decode(body))
            if json.loads(_decode(header))["alg"] != "RS256":
                raise ValueError("only RS256 is taken")
            public = self.private_key.public_key()
            public.verify(_decode(signature), f"{header}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
            issued, expires = float(claims["iat"]), float(claims["exp"])
        except (ValueError, KeyError, TypeError, binascii.Error, InvalidSignature):
            raise AssertionRefused("Invalid JWT Signature.") from None
        now = time.time()
        if expires - issued > _LONGEST_ASSERTION or issued > now + _LEEWAY or expires < now:
            words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            raise AssertionRefused(f"{words} Check your iat and exp values in the JWT claim.")
        return dict(claims)

    @cached_property
    def private_key(self) -> rsa.RSAPrivateKey:
        """The service account's key, made once for a state folder."""
        return load_or_make(self._folder / "service-account-key.pem")

    @cached_property
    def _secret(self) -> bytes:
        file = self._folder / "token-key"
        if not file.exists():
            write_secret(file, secrets.token_hex(32))
        return file.read_text(encoding="ascii").encode()

    def _seal(self, sealed: str) -> str:
        return _encode(hmac.new(self._secret, sealed.encode(), hashlib.sha256).digest())


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """A private key as a service account's key file has it."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
