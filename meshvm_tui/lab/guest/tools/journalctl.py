"""journalctl, over the files that the pretend systemd writes."""

from __future__ import annotations

import re
import time
from pathlib import Path

from meshvm_tui.lab.guest import journal, units
from meshvm_tui.lab.guest.tools import ground

SPANS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
}


def main(arguments: list[str]) -> int:
    """journalctl [-u UNIT] [-n LINES] [--since TIME] [-o cat|short|short-iso] [-r] [--no-pager]"""
    unit, count, since, form, reverse = "", 0, 0.0, "short", False
    rest = iter(arguments)
    for word in rest:
        option, equals, value = word.partition("=")
        if option in ("-u", "--unit", "-n", "--lines", "-S", "--since", "-o", "--output"):
            value = value if equals else next(rest, "")
        elif re.fullmatch(r"-[uno].+", word):
            option, value = word[:2], word[2:]
        if option in ("-u", "--unit"):
            unit = units.full_name(value)
        elif option in ("-n", "--lines"):
            count = 0 if value == "all" else int(value)
        elif option in ("-S", "--since"):
            since = _moment(value)
        elif option in ("-o", "--output"):
            form = value
        reverse |= word in ("-r", "--reverse")
    entries = [entry for entry in journal.read(Path(ground.STATE, "journal"), unit) if entry.time >= since]
    entries = entries[-count:] if count else entries
    if not entries:
        print("-- No entries --")
        return 0
    host = (ground.lines_of("/etc/hostname") or ["vm"])[0]
    for entry in reversed(entries) if reverse else entries:
        print(
            entry.message
            if form == "cat"
            else f"{_stamp(entry.time, form)} {host} {entry.identifier}[{entry.pid}]: {entry.message}"
        )
    return 0


def _stamp(moment: float, form: str) -> str:
    if form.startswith("short-iso"):
        return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(moment))
    return time.strftime("%b %d %H:%M:%S", time.gmtime(moment))


def _moment(text: str) -> float:
    if text.startswith("@"):
        return float(text[1:])
    relative = re.fullmatch(r"-?\s*(\d+)\s*([a-z]+?)s?(?: ago)?", text.strip())
    if relative and relative[2] in SPANS:
        return ground.now() - int(relative[1]) * SPANS[relative[2]]
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
