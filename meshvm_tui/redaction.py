"""Takes secrets out of texts before they are shown, logged or kept: JSON Web Tokens, Google's tokens, private keys.

It is the last gate, not the first: nothing should hand a secret to an event. Every event, journal entry and
session file goes through here all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar, cast

T = TypeVar("T")

WITHOUT_TOKEN = "<token removed>"  # noqa: S105 (what stands in its place)
WITHOUT_KEY = "<private key removed>"

# Header and payload of a JWT both begin with `{"`, which is `eyJ` in base64url; the signature may be cut off.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)?")
# Line ends may be real or written as \n, as in JSON; a key whose end is cut off goes as well.
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# Access tokens and refresh tokens of Google's OAuth.
_GOOGLE = re.compile(r"\bya29\.[\w.-]+|(?<![\w/:.-])1//0[\w-]{20,}")


def redact(text: str) -> str:
    """The text without tokens and private keys."""
    if "eyJ" in text:
        text = _JWT.sub(WITHOUT_TOKEN, text)
    if "ya29." in text or "1//" in text:
        text = _GOOGLE.sub(WITHOUT_TOKEN, text)
    if "PRIVATE KEY-----" in text:
        text = _PRIVATE_KEY.sub(WITHOUT_KEY, text)
    return text


def redacted(value: T) -> T:
    """The same value with every text in it redacted: mappings, sequences and dataclasses are walked through."""
    return cast("T", _walk(value))


def _walk(value: Any) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, Enum) else redact(value)
    if isinstance(value, Mapping):
        return {_walk(key): _walk(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_walk(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return _walk_fields(value)
    return value


def _walk_fields(value: Any) -> Any:
    """A dataclass with the same values is given back as it is."""
    changed = {}
    for field in fields(value):
        old = getattr(value, field.name)
        if (new := _walk(old)) != old:
            changed[field.name] = new
    return replace(value, **changed) if changed else value
