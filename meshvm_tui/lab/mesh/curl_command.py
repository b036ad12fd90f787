"""A Pod's curl command, read and never run: what it asks for, and what curl would print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


class NotCurl(ValueError):
    """The command is none that the lab understands; the text says which word is the trouble."""


@dataclass(frozen=True)
class CurlCommand:
    """A plain HTTP request. `show` is the -w format, `max_time` in seconds."""

    host: str
    port: int
    target: str
    show: str = ""
    max_time: float = 0.0
    fail: bool = False
    body_shown: bool = True


@dataclass(frozen=True)
class CurlResult:
    """What came of it: curl's exit code, the status (0 for none), the message of -S, seconds, address, body."""

    exit_code: int
    status: int
    message: str
    seconds: float
    remote_ip: str
    body: str = ""

    def output(self, command: CurlCommand) -> str:
        """What stands in the Pod's log: the body, the -w line, and the error of -S."""
        shown = self.body if command.body_shown else ""
        shown += _formatted(command.show, self)
        return shown + (f"curl: ({self.exit_code}) {self.message}\n" if self.exit_code else "")


def parse(words: Sequence[str]) -> CurlCommand:
    """Reads the command's words; NotCurl where they are not curl with options that the lab knows."""
    if not words or words[0].rpartition("/")[2] != "curl":
        raise NotCurl(f'exec: "{words[0] if words else ""}": the lab runs nothing but curl in a Pod')
    found = {"url": "", "show": "", "max_time": "0", "output": "", "fail": ""}
    rest = iter(words[1:])
    for word in rest:
        _option(word, rest, found)
    url = urlsplit(found["url"] if "://" in found["url"] else f"http://{found['url']}")
    if url.scheme != "http" or not url.hostname:
        raise NotCurl(f"curl: the lab sends plain http only, not {found['url']!r}")
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return CurlCommand(
        host=url.hostname,
        port=url.port or 80,
        target=target,
        show=found["show"],
        max_time=float(found["max_time"]),
        fail=bool(found["fail"]),
        body_shown=not found["output"],
    )


def _option(word: str, rest: Iterator[str], found: dict[str, str]) -> None:
    values = {"-o": "output", "--output": "output", "-w": "show", "--write-out": "show"}
    values |= {"-m": "max_time", "--max-time": "max_time", "--url": "url", "--connect-timeout": ""}
    if word in values:
        value = next(rest, "")
        if values[word]:
            found[values[word]] = value
    elif word in {"-f", "--fail"}:
        found["fail"] = "yes"
    elif word in {"--silent", "--show-error"} or (word.startswith("-") and word.strip("-sSv") == ""):
        return
    elif word.startswith("-"):
        raise NotCurl(f"curl: the lab does not know the option {word}")
    else:
        found["url"] = word


def _formatted(show: str, result: CurlResult) -> str:
    values = {
        "http_code": f"{result.status:03d}",
        "response_code": f"{result.status:03d}",
        "time_total": f"{result.seconds:.6f}",
        "remote_ip": result.remote_ip,
        "exitcode": str(result.exit_code),
    }
    for name, value in values.items():
        show = show.replace(f"%{{{name}}}", value)
    return show.replace("\\n", "\n")
