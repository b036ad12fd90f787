"""One request by curl, and what curl says of it. The same form from a Pod and from a VM."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

MAX_SECONDS = 10
WRITE_OUT = "%{http_code} %{time_total} %{remote_ip}\\n"

_LINE = re.compile(r"^(\d{3}) ([0-9.,]+) ?(\S*)$")


@dataclass(frozen=True)
class CurlAnswer:
    """What curl ended with: its exit code, the HTTP status (0: none), how long it took, and its own words."""

    exit_code: int
    status: int = 0
    seconds: float = 0.0
    remote_ip: str = ""
    words: str = ""


def new_id() -> str:
    """A random id that no earlier request had."""
    return secrets.token_hex(8)


def with_id(url: str, probe_id: str) -> str:
    """The URL with the id in its query, where every server's request log shows it."""
    return f"{url}{'&' if '?' in url else '?'}id={probe_id}"


def curl_arguments(url: str) -> list[str]:
    """The command whose output `parse_output` reads."""
    return ["curl", "-sS", "-o", "/dev/null", "-w", WRITE_OUT, "--max-time", str(MAX_SECONDS), url]


def parse_output(text: str, exit_code: int) -> CurlAnswer:
    """What the command wrote: the last line of its form is the answer, every other line is curl's own words."""
    words = []
    found = None
    for line in text.splitlines():
        if match := _LINE.match(line.strip()):
            found = match
        elif line.strip():
            words.append(line.strip())
    said = "\n".join(words[-3:])
    if found is None:
        return CurlAnswer(exit_code, words=said)
    return CurlAnswer(
        exit_code=exit_code,
        status=int(found[1]),
        seconds=float(found[2].replace(",", ".")),
        remote_ip=found[3],
        words=said,
    )
