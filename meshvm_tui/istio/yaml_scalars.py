"""How a single value is read and written in the YAML dialect of Istio's and Kubernetes' own tools (go-yaml v2).

It is YAML 1.1 with that library's own choices: which plain texts are no strings, when quotes are needed and which,
and where a long text is folded. The rules are facts of that library; they are proven against it by its outputs.
"""

from __future__ import annotations

import calendar
import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

BEST_WIDTH = 80


class Kind(StrEnum):
    """What a plain text stands for."""

    STRING = "str"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    NULL = "null"
    TIME = "timestamp"


_WORDS: dict[str, tuple[Kind, Any]] = {}
for _lower, _value in (("y", True), ("yes", True), ("true", True), ("on", True), ("n", False), ("no", False)):
    for _word in (_lower, _lower.capitalize(), _lower.upper()):
        _WORDS[_word] = (Kind.BOOL, _value)
for _word in ("false", "False", "FALSE", "off", "Off", "OFF"):
    _WORDS[_word] = (Kind.BOOL, False)
for _word in ("", "~", "null", "Null", "NULL"):
    _WORDS[_word] = (Kind.NULL, None)
for _word in ("nan", "NaN", "NAN"):
    _WORDS["." + _word] = (Kind.FLOAT, float("nan"))
for _word in ("inf", "Inf", "INF"):
    _WORDS["." + _word] = _WORDS["+." + _word] = (Kind.FLOAT, float("inf"))
    _WORDS["-." + _word] = (Kind.FLOAT, float("-inf"))

# Any other first character means a string; `<<` is one, too, unless it is a key that is read.
_HINTED = frozenset("+-.0123456789yYnNtTfFoO~")
_INT = re.compile(r"([+-]?)(?:(0[xX])([0-9a-fA-F]+)|(0[bB])([+-]?[01]+)|(0[oO])([0-7]+)|(0)([0-7]*)|([1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# After a leading point, an underscore must stand between two digits; elsewhere it may stand anywhere.
_MISPLACED = re.compile(r"(?<![0-9])_|_(?![0-9])")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
_CLOCK = r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?"
_ZONE = r"(?:Z|[+-]([0-9]{2}):([0-9]{2}))"
_TIMES = tuple(re.compile(_DATE + rest) for rest in ("", f"[Tt]{_CLOCK}{_ZONE}", f" +{_CLOCK}"))


def resolve(text: str) -> tuple[Kind, Any]:
    """What a plain text stands for, and the value. Times keep their text, as they do on the way to JSON."""
    if text and text[0] not in _HINTED:
        return Kind.STRING, text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        return (Kind.TIME, text) if _is_time(text) else _number(text)
    return Kind.STRING, text


def _number(text: str) -> tuple[Kind, Any]:
    if text[0] == "." and _MISPLACED.search(text):
        return Kind.STRING, text
    plain = text.replace("_", "")
    if found := _INT.fullmatch(plain):
        value = _integer(found)
        if -(2**63) <= value < (2**63 if found[1] else 2**64):
            return Kind.INT, value
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        if number not in (float("inf"), float("-inf")):
            return Kind.FLOAT, number
    return Kind.STRING, text


def _integer(found: re.Match[str]) -> int:
    sign = -1 if found[1] == "-" else 1
    for digits, base in ((found[3], 16), (found[5], 2), (found[7], 8), (found[9], 8)):
        if digits is not None:
            return sign * int(digits or "0", base)
    return sign * int(found[10])


def _is_time(text: str) -> bool:
    for form in _TIMES:
        if found := form.fullmatch(text):
            numbers = [int(part) for part in found.groups() if part is not None]
            limits = (23, 59, 59, 24, 59)
            return _is_date(*numbers[:3]) and all(
                number <= limit for number, limit in zip(numbers[3:], limits, strict=False)
            )
    return False


def _is_date(year: int, month: int, day: int) -> bool:
    # Year 0 is a leap year, but the calendar module begins at year 1.
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year or 2000, month)[1]


def number_text(number: float) -> str:
    """A number as that library writes it: whole ones without a point, others in the shortest form."""
    if number.is_integer() and -(2**63) <= number < 2**64:
        return str(int(number))
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = len(text) - 1 + int(exponent)
    lead = "-" if sign else ""
    if -4 <= power < 6:
        return lead + format(Decimal(repr(abs(number))).normalize(), "f")
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{lead}{text[0]}{fraction}e{'+' if power >= 0 else '-'}{abs(power):02d}"


class Style(StrEnum):
    """How a text is written."""

    PLAIN = "plain"
    SINGLE = "single"
    DOUBLE = "double"
    LITERAL = "literal"


def style_of(text: str, *, key: bool) -> Style:
    """The style of a string. Keys are never written over several lines."""
    breaks = "\n" in text
    special = any(not _printable(char) for char in text) or " \n" in text
    if special or breaks:
        return Style.LITERAL if not (special or key or text.endswith(" ")) else Style.DOUBLE
    if resolve(text)[0] is not Kind.STRING or _BASE_60.fullmatch(text):
        return Style.DOUBLE
    return Style.PLAIN if _may_be_plain(text) else Style.SINGLE


def _printable(char: str) -> bool:
    # The line breaks of Unicode are written as escapes here; that library breaks the line with them.
    code = ord(char)
    if code in (0x2028, 0x2029, 0xFEFF):
        return False
    return char == "\n" or 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD


def _may_be_plain(text: str) -> bool:
    first, second = text[0], text[1:2]
    if text.startswith(("---", "...", " ")) or text.endswith((" ", ":")):
        return False
    if first in "#,[]{}&*!|>'\"%@`" or (first in "?:-" and second in ("", " ")):
        return False
    return ": " not in text and " #" not in text


_ESCAPES = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
    "\x1b": "e", '"': '"', "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


def escaped(char: str) -> str:
    """A character as it stands between double quotes."""
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    if _printable(char):
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
