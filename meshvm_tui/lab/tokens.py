"""ServiceAccount tokens: JWTs bound to an account, minted and judged as kube-apiserver does it."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from meshvm_tui.lab.authority import write_secret
from meshvm_tui.lab.clock import Clock

ISSUER = "https://kubernetes.default.svc.cluster.local"
DEFAULT_AUDIENCES = (ISSUER,)
_LEEWAY = 60.0  # seconds before `nbf` in which kube-apiserver's JWT library still takes a token


class TokenRejected(Exception):
    """A token that is not taken. The text is what kube-apiserver says in a TokenReview's `status.error`."""


class Tokens:
    """Mints and reviews the tokens of one cluster.

    `account_uid(namespace, name)` tells the uid of a living ServiceAccount, or None where it is gone; without it
    every account of a well-signed token is taken as living.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock | None = None,
        *,
        account_uid: Callable[[str, str], str | None] | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self.account_uid = account_uid
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = load_or_make(directory / "service-account-key.pem")
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._key_id = _encode(hashlib.sha256(public).digest())

    def mint(
        self, namespace: str, account: str, uid: str, audiences: Sequence[str], seconds: float
    ) -> tuple[str, float]:
        """A signed token and the time of its expiry, in seconds since the epoch of the lab's clock."""
        now = int(self._clock.now())
        claims = {
            "aud": list(audiences) or list(DEFAULT_AUDIENCES),
            "exp": now + int(seconds),
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": uid}},
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{account}",
        }
        signed = f"{_encode_json({'alg': 'RS256', 'kid': self._key_id})}.{_encode_json(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encode(signature)}", float(now + int(seconds))

    def review(self, jwt: str, audience: str | Sequence[str] = DEFAULT_AUDIENCES) -> dict[str, Any]:
        """The claims of a good token; raises `TokenRejected` with kube-apiserver's words."""
        wanted = [audience] if isinstance(audience, str) else list(audience)
        claims = self._verified(jwt)
        held = claims["aud"]
        if not set(held) & set(wanted):
            texts = (json.dumps(list(names), separators=(" ", ":")) for names in (held, wanted))
            text = "token audiences {} is invalid for the target audiences {}".format(*texts)
            raise TokenRejected(f"[invalid bearer token, {text}]")
        now = self._clock.now()
        if now > claims["exp"]:
            raise TokenRejected("[invalid bearer token, service account token has expired]")
        if now + _LEEWAY < claims["nbf"]:
            raise TokenRejected("[invalid bearer token, service account token is not valid yet]")
        self._check_account(claims["kubernetes.io"])
        return claims

    def _verified(self, jwt: str) -> dict[str, Any]:
        # A token of another issuer or key is nobody's: kube-apiserver says no more than this.
        foreign = TokenRejected("invalid bearer token")
        try:
            header, body, signature = jwt.split(".")
            claims = json.loads(_decode(body))
            if json.loads(_decode(header)).get("alg") != "RS256" or claims.get("iss") != ISSUER:
                raise foreign
            public = self._key.public_key()
            public.verify(_decode(signature), f"{header}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature, AttributeError):
            raise foreign from None
        return dict(claims)

    def _check_account(self, bound: dict[str, Any]) -> None:
        if self.account_uid is None:
            return
        account = bound["serviceaccount"]
        uid = self.account_uid(bound["namespace"], account["name"])
        if uid is None:
            raise TokenRejected(f'[invalid bearer token, serviceaccounts "{account["name"]}" not found]')
        if uid != account["uid"]:
            words = f"service account UID ({uid}) does not match claim ({account['uid']})"
            raise TokenRejected(f"[invalid bearer token, {words}]")


def load_or_make(file: Path) -> rsa.RSAPrivateKey:
    """The RSA key of a file, which is made the first time. TypeError where it holds another kind of key."""
    if file.exists():
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{file} does not hold an RSA key")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_secret(file, pem.decode())
    return key


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode_json(value: dict[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
