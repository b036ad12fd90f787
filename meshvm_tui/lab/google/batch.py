"""Many requests in one, as gcloud sends them for several resources at once: multipart/mixed of application/http.

https://cloud.google.com/compute/docs/api/how-tos/batch
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesParser
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from meshvm_tui.lab.google.errors import GoogleError

JSON = dict[str, Any]
PATH = "/batch/compute/v1"
_MOST = 1000


@dataclass(frozen=True)
class Asked:
    """One request as it came, alone or as a part of many."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    body: bytes
    authorization: str = field(repr=False)


def parts(content_type: str, body: bytes, authorization: str) -> list[tuple[str, Asked]]:
    """The requests of a batch, each with its Content-ID; one without a login of its own has the batch's."""
    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    found: Any = message.get_payload()
    if not message.is_multipart() or len(found) > _MOST:
        raise GoogleError(400, "Failed to parse batch request.", "badRequest")
    return [(part["Content-ID"] or "", _asked(part.get_payload(decode=True), authorization)) for part in found]


def answer(answers: Sequence[tuple[str, int, JSON]]) -> tuple[str, bytes]:
    """The Content-Type and the body for answers by Content-ID."""
    boundary = f"batch_{uuid.uuid4().hex}"
    made = []
    for number, status, body in answers:
        text = json.dumps(body)
        made.append(
            f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <response-{number.strip('<>')}>\r\n\r\n"
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json; charset=UTF-8\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}\r\n"
        )
    return f'multipart/mixed; boundary="{boundary}"', ("".join(made) + f"--{boundary}--\r\n").encode()


def _asked(payload: Any, authorization: str) -> Asked:
    first, _, rest = bytes(payload).lstrip().partition(b"\n")
    inner = BytesParser().parsebytes(rest)
    words = first.decode(errors="replace").split()
    if len(words) < 2:
        raise GoogleError(400, "Failed to parse batch request.", "badRequest")
    target = urlsplit(words[1])
    body = inner.get_payload(decode=True)
    query = parse_qs(target.query, keep_blank_values=True)
    own = inner["Authorization"] or authorization
    return Asked(words[0], unquote(target.path), query, body if isinstance(body, bytes) else b"", own)
