"""Protobuf messages as JSON, read and written as Istio's tools do it (proto3 JSON, unknown fields left out).

Reading accepts lowerCamel and original names, enums by name or number, numbers between quotes and Go durations;
writing leaves zero values out, except in a oneof and in wrappers, where being set is what counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Reader = Callable[[Any, str], Any]


class FieldError(ValueError):
    """A value does not fit its field; the text names the field by its path."""


@dataclass(frozen=True)
class Field:
    """How one field is read. `keeps_zero` is set where a zero value is written as well; `oneof` names its group."""

    read: Reader
    keeps_zero: bool = False
    oneof: str = ""


@dataclass(frozen=True)
class Message:
    """The fields of a message by their lowerCamel names."""

    fields: Mapping[str, Field] = field(default_factory=dict)

    def apply(self, base: Mapping[str, Any], value: Any, path: str, unknown: list[str]) -> dict[str, Any]:
        """`base` with every field of `value` in the place of its own; whole sub-messages are replaced, not merged.

        Zero values stay, so that a later message can be applied; `written` leaves them out.
        Raises FieldError. Names of fields that are not known are added to `unknown`.
        """
        if value is None:
            return dict(base)
        if not isinstance(value, Mapping):
            raise FieldError(f"{path} must be a mapping, not {_words(value)}")
        names = {**{_original(name): name for name in self.fields}, **{name: name for name in self.fields}}
        unknown.extend(f"{path}.{key}" for key in value if key not in names)
        given = {names[key]: value[key] for key in sorted(value, key=lambda key: key in self.fields) if key in names}
        result = dict(base)
        for name, known in self.fields.items():
            if given.get(name) is None:
                continue
            if known.oneof:
                for other, sibling in self.fields.items():
                    if sibling.oneof == known.oneof:
                        result.pop(other, None)
            result[name] = _read(known, given[name], f"{path}.{name}", unknown)
        return result

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What stands in a document: zero values are left out where they say nothing."""
        return {name: value for name, value in values.items() if self.fields[name].keeps_zero or not _is_zero(value)}


def _read(known: Field, value: Any, path: str, unknown: list[str]) -> Any:
    if isinstance(known.read, _SubMessage):
        return known.read.read(value, path, unknown)
    return known.read(value, path)


def _is_zero(value: Any) -> bool:
    return not value


def _original(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


def _words(value: Any) -> str:
    return "nothing" if value is None else f"{value!r}"[:80]


class _SubMessage:
    def __init__(self, message: Message, shape: str) -> None:
        self._message, self._shape = message, shape

    def __call__(self, value: Any, path: str) -> Any:
        return self.read(value, path, [])

    def read(self, value: Any, path: str, unknown: list[str]) -> Any:
        """One message, a list of them, or a map of them."""
        if self._shape == "list":
            if not isinstance(value, list):
                raise FieldError(f"{path} must be a list, not {_words(value)}")
            return [self._one(item, f"{path}[{at}]", unknown) for at, item in enumerate(value)]
        if self._shape == "map":
            if not isinstance(value, Mapping):
                raise FieldError(f"{path} must be a mapping, not {_words(value)}")
            return {key: self._one(item, f"{path}.{key}", unknown) for key, item in value.items()}
        return self._one(value, path, unknown)

    def _one(self, value: Any, path: str, unknown: list[str]) -> dict[str, Any]:
        return self._message.written(self._message.apply({}, value, path, unknown))


def string(value: Any, path: str) -> str:
    """A text; an empty list item or map value stands for an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError(f"{path} must be a text (put it between quotes), not {_words(value)}")
    return value


def boolean(value: Any, path: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise FieldError(f"{path} must be true or false, not {_words(value)}")
    return value


def integer(low: int, high: int) -> Reader:
    """A whole number within bounds; between quotes is as good."""

    def read(value: Any, path: str) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]*)", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise FieldError(f"{path} must be a whole number from {low} to {high}, not {_words(value)}")
        return value

    return read


INT32 = integer(-(2**31), 2**31 - 1)
UINT32 = integer(0, 2**32 - 1)


def int64(value: Any, path: str) -> str:
    """A 64-bit number: text in JSON."""
    return str(integer(-(2**63), 2**63 - 1)(value, path))


def double(value: Any, path: str) -> float | int:
    """A number; whole ones without a point."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise FieldError(f"{path} must be a number, not {_words(value)}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FieldError(f"{path} must be a number, not {_words(value)}")
    return value


def enum(*names: str, **numbered: int) -> Reader:
    """One of these names (numbered from 0), or its number. The first is the zero value and is left out."""
    by_number = dict(enumerate(names)) | {number: name for name, number in numbered.items()}

    def read(value: Any, path: str) -> str | int:
        if isinstance(value, int) and not isinstance(value, bool):
            value = by_number.get(value, value)
        elif value not in by_number.values():
            raise FieldError(f"{path} must be one of {', '.join(by_number.values())}, not {_words(value)}")
        return "" if value == by_number[0] else value

    return read


_DURATION = re.compile(r"([+-]?)((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+|[+-]?0")
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def duration(value: Any, path: str) -> str:
    """A Go duration such as 45s or 1m30s, written in seconds with 0, 3, 6 or 9 digits after the point."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise FieldError(f"{path} must be a duration such as 45s or 1m30s, not {_words(value)}")
    total = int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in _PART.findall(value)))
    seconds, nanoseconds = divmod(total, 10**9)
    text = f"{seconds}.{nanoseconds:09d}"
    for ending in ("000", "000", ".000"):
        text = text.removesuffix(ending)
    return ("-" if value.startswith("-") and total else "") + text + "s"


def strings(value: Any, path: str) -> list[str]:
    """A list of texts."""
    if not isinstance(value, list):
        raise FieldError(f"{path} must be a list, not {_words(value)}")
    return [string(item, f"{path}[{at}]") for at, item in enumerate(value)]


def enums(reader: Reader, zero: str) -> Reader:
    """A list of enum values; zero values are written in a list."""

    def read(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise FieldError(f"{path} must be a list, not {_words(value)}")
        return [reader(item, f"{path}[{at}]") or zero for at, item in enumerate(value)]

    return read


def mapping(reader: Reader, empty: Any) -> Reader:
    """A map from texts to values of one kind; `empty` stands for a value that is not given."""

    def read(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise FieldError(f"{path} must be a mapping, not {_words(value)}")
        return {key: empty if item is None else reader(item, f"{path}.{key}") for key, item in value.items()}

    return read


def scalar(reader: Reader) -> Field:
    """A field whose zero value is left out."""
    return Field(reader)


def wrapper(reader: Reader) -> Field:
    """A field that may be unset, so that its zero value is written."""
    return Field(reader, keeps_zero=True)


def message(fields: Mapping[str, Field], *, shape: str = "", oneof: str = "") -> Field:
    """A sub-message, or with `shape` a `list` or `map` of them. An empty sub-message is written, as it was set."""
    return Field(_SubMessage(Message(fields), shape), keeps_zero=not shape, oneof=oneof)


def choice(oneof: str, reader: Reader) -> Field:
    """A field of a oneof."""
    return Field(reader, keeps_zero=True, oneof=oneof)
