"""Whether a text is a PEM of certificates: the form only, for trust is decided in a TLS handshake."""

from __future__ import annotations

import base64
import binascii
import re

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_DER_SEQUENCE = 0x30


def pem_fault(text: str) -> str:
    """What is wrong with it as certificates; "" where nothing is."""
    blocks = _BLOCK.findall(text)
    if not blocks:
        return "is no PEM" if text.strip() else "is empty"
    for number, (label, body) in enumerate(blocks, 1):
        if label not in ("CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"):
            return f"holds a {label} where a CERTIFICATE is wanted"
        if not _is_der(body):
            return f"holds a damaged certificate (number {number})"
    return ""


def _is_der(body: str) -> bool:
    try:
        data = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(data) < 4 or data[0] != _DER_SEQUENCE:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    size = data[1] & 0x7F
    return len(data) == 2 + size + int.from_bytes(data[2 : 2 + size], "big")
