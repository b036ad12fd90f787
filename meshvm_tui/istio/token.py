"""What an istio-token says of itself. Its signature is istiod's business; nothing of the token is ever repeated."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

AUDIENCE = "istio-ca"


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT. ValueError where it is none."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise ValueError("is no JWT")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError) as error:
        raise ValueError("is a JWT whose claims cannot be read") from error
    if not isinstance(found, dict):
        raise ValueError("is a JWT without claims")
    return found


def faults(
    token: str, *, namespace: str, service_account: str, now: float | None = None
) -> tuple[tuple[str, str], ...]:
    """(claim, what is wrong with it) for the identity that the token must prove; `now` is seconds since the epoch."""
    try:
        said = claims(token)
    except ValueError as error:
        return (("", str(error)),)
    found: list[tuple[str, str]] = []
    audiences = said.get("aud")
    if AUDIENCE not in ([audiences] if isinstance(audiences, str) else audiences or []):
        found.append(("aud", f"is {audiences!r}, wanted {AUDIENCE!r}"))
    subject = f"system:serviceaccount:{namespace}:{service_account}"
    if said.get("sub") != subject:
        found.append(("sub", f"is {said.get('sub')!r}, wanted {subject!r}"))
    expires = said.get("exp")
    if not isinstance(expires, (int, float)):
        found.append(("exp", "is missing"))
    elif now is not None and expires <= now:
        found.append(("exp", "has passed"))
    return tuple(found)
