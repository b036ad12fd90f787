"""Spans of time in words, as they stand in tables and sentences."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """The largest unit that fits: `6 s`, `12 min`, `3 h`, `2 d`. A clock that runs behind gives `0 s`."""
    whole = max(0, int(seconds))
    for size, unit in _UNITS:
        if whole >= size:
            return f"{whole // size} {unit}"
    return "0 s"


def stopwatch(seconds: float) -> str:
    """Minutes and seconds: `0:41`."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def tenths(seconds: float) -> str:
    """How long a step took: `0.4 s` below a minute, `1:10` from there on."""
    return f"{seconds:.1f} s" if seconds < 60 else stopwatch(seconds)


def local_clock(time: str) -> str:
    """An RFC 3339 time as hour, minute and second here; as it stands where it cannot be read."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return time


def epoch(time: str) -> float | None:
    """An RFC 3339 time, also with Go's nanoseconds, as seconds since the epoch; None where it cannot be read."""
    if not time:
        return None
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
