"""Probes as lines of text: the health probe of the workload, and the requests that prove it both ways."""

from __future__ import annotations

import re
import shlex
from typing import Any

_REQUEST_WORDS = "vm http://NAME or cluster http://NAME:PORT/PATH, and behind it the status where it is not 200"


class FieldError(ValueError):
    """A text that cannot even be read as its kind of value."""


def read_request(text: str) -> dict[str, Any]:
    """One request: from where, to which URL, and which status is expected."""
    words = text.split()
    if len(words) not in (2, 3) or words[0] not in ("vm", "cluster") or (len(words) == 3 and not words[2].isdigit()):
        raise FieldError(f"{text!r} is no request; valid: {_REQUEST_WORDS}")
    return {"from": words[0], "url": words[1], "expect": int(words[2]) if len(words) == 3 else 200}


def write_request(value: dict[str, Any]) -> str:
    """The same as text; the usual status goes without saying."""
    status = "" if value["expect"] == 200 else f" {value['expect']}"
    return f"{value['from']} {value['url']}{status}"


_PROBE = re.compile(
    r"(?P<way>http|https|tcp)\s+:?(?P<port>\d+)(?:\s+(?P<path>/\S*))?(?:\s+every\s+(?P<period>\d+)\s*s?)?$", re.I
)
_PROBE_WORDS = "none, http :80 /health every 10 s, tcp :22, or exec COMMAND"


def read_probe(text: str, was: Any) -> dict[str, Any] | None:
    """The probe; times that a form does not show stay as they were."""
    if text.lower() in ("", "none"):
        return None
    kept = {name: value for name, value in (was or {}).items() if name.endswith(("Seconds", "Threshold"))}
    if text.lower().startswith("exec "):
        return {**kept, "exec": {"command": _words(text[5:])}}
    match = _PROBE.match(text)
    if not match:
        raise FieldError(f"{text!r} is no health probe; valid: {_PROBE_WORDS}")
    way, port = match["way"].lower(), match["port"]
    kept["periodSeconds"] = match["period"]
    if way == "tcp":
        return {**kept, "tcpSocket": {**((was or {}).get("tcpSocket") or {}), "port": port}}
    before = (was or {}).get("httpGet") or {}
    scheme = "HTTPS" if way == "https" else before.get("scheme") if before.get("scheme") == "HTTP" else None
    return {**kept, "httpGet": {**before, "port": port, "path": match["path"] or "/", "scheme": scheme}}


def _words(text: str) -> list[str]:
    """A command's words as a shell reads them; no shell will."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise FieldError(f"the quotes do not match ({error}); valid: {_PROBE_WORDS}") from error


def write_probe(value: Any) -> str:
    """A health probe as one line."""
    if not value:
        return "none"
    if value.get("exec"):
        return "exec " + shlex.join(value["exec"]["command"])
    period = f" every {value['periodSeconds']} s" if value.get("periodSeconds") else ""
    if get := value.get("httpGet"):
        way = "https" if get.get("scheme") == "HTTPS" else "http"
        return f"{way} :{get['port']} {get['path']}{period}"
    return f"tcp :{value['tcpSocket']['port']}{period}"
