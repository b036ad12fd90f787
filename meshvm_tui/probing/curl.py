"""One request by curl, and what curl says of it. The same form from a Pod and from a VM."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

MAX_SECONDS = 10
WRITE_OUT = "\\n%{http_code} %{time_total} %{remote_ip}\\n"
"""On a line of its own, after the body: Envoy says in the body why it refuses a request."""
BODY_LIMIT = 400
"""How many characters of a body are kept."""

_ERROR = re.compile(r"^curl: \(\d+\)")
_LINE = re.compile(r"^(\d{3}) ([0-9.,]+) ?(\S*)$")


@dataclass(frozen=True)
class CurlAnswer:
    """What curl ended with: its exit code, the HTTP status (0: none), how long it took, and its own words.

    `body` is how the answer's body begins, as one line."""

    exit_code: int
    status: int = 0
    seconds: float = 0.0
    remote_ip: str = ""
    words: str = ""
    body: str = ""


def new_id() -> str:
    """A random id that no earlier request had."""
    return secrets.token_hex(8)


def with_id(url: str, probe_id: str) -> str:
    """The URL with the id in its query, where every server's request log shows it."""
    return f"{url}{'&' if '?' in url else '?'}id={probe_id}"


def curl_arguments(url: str) -> list[str]:
    """The command whose output `parse_output` reads."""
    return ["curl", "-sS", "-w", WRITE_OUT, "--max-time", str(MAX_SECONDS), url]


def beginning(body: str) -> str:
    """A body as one line of what can be shown."""
    return " ".join("".join(sign for sign in body if sign.isprintable() or sign.isspace()).split())[:BODY_LIMIT]


def parse_output(text: str, exit_code: int) -> CurlAnswer:
    """What the command wrote: the body, the last line of its form as the answer, and curl's own words."""
    words, body = [], []
    found = None
    for line in text.splitlines():
        if match := _LINE.match(line.strip()):
            found = match
        elif _ERROR.match(line):
            words.append(line.strip())
        elif line.strip():
            body.append(line)
    said = "\n".join(words[-3:])
    if found is None:
        # Without its last line nobody can say what is body and what a shell's complaint.
        return CurlAnswer(exit_code, words=said or beginning("\n".join(body)))
    return CurlAnswer(
        exit_code=exit_code,
        status=int(found[1]),
        seconds=float(found[2].replace(",", ".")),
        remote_ip=found[3],
        words=said,
        body=beginning("\n".join(body)),
    )
