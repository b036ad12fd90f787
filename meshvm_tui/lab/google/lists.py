"""Lists as Compute Engine gives them: filtered, ordered, in pages.

Filters are those of AIP-160 (`name=a`, `labels.x=y`, `labels.x:*`, `(a=b) (c!=d)`, AND, OR, NOT) and the older form
with a regular expression of one field (`name eq .*x`, `ne`); the two are not mixed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from meshvm_tui.lab.google.errors import GoogleError, invalid

JSON = dict[str, Any]
Test = Callable[[JSON], bool]
MOST = 500
_TOKEN = re.compile(r'\s*(?:(\()|(\))|(!=|>=|<=|=|<|>|:)|("(?:[^"\\]|\\.)*"|\'[^\']*\'|[^\s()=<>!:"\']+))')
_REGULAR = re.compile(r"([\w.-]+)\s+(eq|ne)\s+(.+)")
_REGULAR_PART = re.compile(r"\(\s*([\w.-]+)\s+(eq|ne)\s+((?:[^()]|\([^()]*\))+?)\s*\)")


def page(items: Sequence[JSON], query: Mapping[str, str]) -> tuple[list[JSON], str]:
    """The items of one page, and the token of the next ("" where there is none)."""
    matches = test(query.get("filter", ""))
    found = ordered([item for item in items if matches(item)], query.get("orderBy", ""))
    size = _size(query)
    first = _offset(query.get("pageToken", ""))
    following = first + size
    return found[first:following], _token(following) if following < len(found) else ""


def ordered(items: list[JSON], order: str) -> list[JSON]:
    """By name, or newest first: the two orders that Compute Engine has."""
    if order == "creationTimestamp desc":
        return sorted(items, key=lambda item: str(item.get("creationTimestamp", "")), reverse=True)
    if order not in ("", "name"):
        raise invalid("orderBy", order, "Unsupported ordering.")
    return sorted(items, key=lambda item: str(item.get("name", "")))


def test(text: str) -> Test:
    """What a filter demands of an item; 400 where it cannot be read."""
    if not text.strip():
        return lambda item: True
    parts = _REGULAR_PART.findall(text)
    if parts and not _REGULAR_PART.sub("", text).strip():
        return _all([_regular(*part) for part in parts])
    if found := _REGULAR.fullmatch(text.strip()):
        return _regular(*found.groups())
    return _Reader(text).read()


def _size(query: Mapping[str, str]) -> int:
    given = query.get("maxResults", str(MOST))
    if not given.isdigit() or not 0 <= int(given) <= MOST:
        raise invalid("maxResults", given, f"Must be between 0 and {MOST}, inclusive.")
    return int(given) or MOST


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"lab:{offset}".encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("lab:"))
    except (ValueError, binascii.Error):
        raise invalid("pageToken", token, "The page token is not valid.") from None


def _regular(field: str, sign: str, pattern: str) -> Test:
    try:
        wanted = re.compile(pattern.strip().strip("\"'"))
    except re.error:
        raise _unreadable(pattern) from None
    return lambda item: any(bool(wanted.fullmatch(value)) for value in _values(item, field)) is (sign == "eq")


class _Reader:
    """Reads one filter of AIP-160."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        end = 0
        for found in _TOKEN.finditer(text):
            if found.start() != end:
                raise _unreadable(text)
            self._tokens.append(found[0].strip())
            end = found.end()
        if text[end:].strip():
            raise _unreadable(text)

    def read(self) -> Test:
        """The whole of it."""
        made = self._both()
        if self._tokens:
            raise _unreadable(self._text)
        return made

    def _both(self) -> Test:
        """Terms side by side or joined by AND; OR binds more tightly, as AIP-160 has it."""
        parts = [self._either()]
        while self._tokens and self._tokens[0] != ")":
            if self._tokens[0] == "AND":
                self._tokens.pop(0)
            parts.append(self._either())
        return _all(parts)

    def _either(self) -> Test:
        parts = [self._one()]
        while self._tokens and self._tokens[0] == "OR":
            self._tokens.pop(0)
            parts.append(self._one())
        return lambda item: any(part(item) for part in parts)

    def _one(self) -> Test:
        word = self._next()
        if word in ("NOT", "-"):
            inner = self._one()
            return lambda item: not inner(item)
        if word == "(":
            grouped = self._both()
            if self._next() != ")":
                raise _unreadable(self._text)
            return grouped
        return _comparison(word, self._next(), self._next(), self._text)

    def _next(self) -> str:
        if not self._tokens:
            raise _unreadable(self._text)
        return self._tokens.pop(0)


def _comparison(field: str, sign: str, given: str, text: str) -> Test:
    if given in ("(", ")") or field in ("(", ")"):
        raise _unreadable(text)
    wanted = given[1:-1] if given[:1] in "\"'" else given
    if sign == "=":
        return lambda item: wanted in _values(item, field)
    if sign == "!=":
        return lambda item: wanted not in _values(item, field)
    if sign == ":":
        return lambda item: any(wanted == "*" or wanted in value for value in _values(item, field))
    if sign in ("<", ">", "<=", ">="):
        return lambda item: any(_compare(value, sign, wanted) for value in _values(item, field))
    raise _unreadable(text)


def _compare(value: str, sign: str, wanted: str) -> bool:
    try:
        left, right = float(value), float(wanted)
    except ValueError:
        return False
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]


def _values(item: Any, path: str) -> list[str]:
    """Every value at a path, through lists, as text. A label's key may hold dashes, so a map is asked for the whole
    of what is left too."""
    if isinstance(item, list):
        return [value for one in item for value in _values(one, path)]
    if not path:
        return [str(item).lower() if isinstance(item, bool) else str(item)]
    if not isinstance(item, dict):
        return []
    if path in item:
        return _values(item[path], "")
    name, _, rest = path.partition(".")
    return _values(item[name], rest) if name in item and rest else []


def _all(parts: Iterable[Test]) -> Test:
    held = list(parts)
    return lambda item: all(part(item) for part in held)


def _unreadable(text: str) -> GoogleError:
    return invalid("filter", text, "Invalid list filter expression.")
