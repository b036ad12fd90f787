"""YAML as istioctl and kubectl write and read it (sigs.k8s.io/yaml over go-yaml v2), so that files compare equal.

`dump` writes JSON values only. `load` gives JSON values: times stay text, keys become text, `y` and `on` are
booleans, `1:30` is text. Where that library leaves a detail open, so does this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from meshvm_tui.istio.yaml_scalars import BEST_WIDTH, Kind, Style, escaped, number_text, resolve, style_of

_INDENT = 2
_LONGEST_SIMPLE_KEY = 128


def dump(value: Any) -> str:
    """A JSON value as a document; mappings sorted as `natural_key` says. TypeError for anything but JSON."""
    writer = _Writer()
    writer.node(value, indent=-_INDENT, inline=True)
    return writer.finished()


def load(text: str) -> Any:
    """The first document as a JSON value; None where there is none. ValueError names line and column."""
    loader = None
    try:
        # What is no character of YAML is refused while the loader is made.
        loader = _Loader(text)
        return loader.first_document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{place}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    finally:
        if loader is not None:
            loader.dispose()


# The control characters of C1 and delete; those below the space are written in JSON's way, which YAML takes.
_NO_CHARACTER = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")


def unwritable(value: Any, path: str = "") -> Iterator[str]:
    """The places of texts that those tools refuse to write, because their YAML reader takes no such character."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            place = f"{path}.{key}" if path else str(key)
            if _NO_CHARACTER.search(str(key)):
                yield ascii(place)
            yield from unwritable(item, place)
    elif _is_sequence(value):
        for at, item in enumerate(value):
            yield from unwritable(item, f"{path}[{at}]")
    elif isinstance(value, str) and (found := _NO_CHARACTER.search(value)):
        yield f"{path} (U+{ord(found[0]):04X})"


def natural_key(text: str) -> _NaturalKey:
    """The sort key of mappings: at the first difference letters come last, and runs of digits count as numbers."""
    return _NaturalKey(text)


class _NaturalKey:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: _NaturalKey) -> bool:
        mine, theirs = self.text, other.text
        for at, (left, right) in enumerate(zip(mine, theirs, strict=False)):
            if left != right:
                return _less_at(mine, theirs, at)
        return len(mine) < len(theirs)


def _less_at(mine: str, theirs: str, at: int) -> bool:
    left, right = mine[at], theirs[at]
    if left.isalpha() and right.isalpha():
        return left < right
    if left.isalpha() or right.isalpha():
        return right.isalpha()
    start = 0
    if "0" in (left, right):
        before = at
        while before > 0 and mine[before - 1].isdecimal():
            before -= 1
        # Zeros within a number count for their place; zeros before it do not.
        start = 1 if mine[before:at].strip("0") else 0
    left_number, left_end = _digits(mine, at, start)
    right_number, right_end = _digits(theirs, at, start)
    return (left_number, left_end, left) < (right_number, right_end, right)


def _digits(text: str, at: int, start: int) -> tuple[int, int]:
    number = start
    while at < len(text) and text[at].isdecimal():
        number = number * 10 + int(text[at])
        at += 1
    return number, at


class _Writer:
    """Writes one document, and knows in which column it is, because folding depends on it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._column = 0

    def finished(self) -> str:
        """The document with one line feed at its end."""
        text = "".join(self._parts)
        return text if text.endswith("\n") else text + "\n"

    def node(self, value: Any, *, indent: int, inline: bool = False) -> None:
        """A value within a collection that is indented by `indent`. `inline` begins a collection on this line."""
        if isinstance(value, Mapping) and value:
            self._mapping(value, indent + _INDENT, inline)
        elif _is_sequence(value) and value:
            # A sequence under a key is not indented; one within a sequence is.
            self._sequence(value, indent + _INDENT if inline else max(indent, 0), inline)
        else:
            self._space()
            self._scalar(value, indent + _INDENT * (1 if indent >= 0 else 2), key=False)

    def _mapping(self, value: Mapping[Any, Any], indent: int, inline: bool) -> None:
        for position, key in enumerate(sorted(value, key=natural_key)):
            if position or not inline:
                self._new_line(indent)
            else:
                self._space()
            self._entry(key, value[key], indent)

    def _entry(self, key: str, value: Any, indent: int) -> None:
        if "\n" in key or len(key.encode()) > _LONGEST_SIMPLE_KEY:
            self._put("? ")
            self._scalar(key, indent + _INDENT, key=False)
            self._new_line(indent)
            self._put(":")
            self.node(value, indent=indent, inline=True)
            return
        self._scalar(key, indent + _INDENT, key=True)
        self._put(":")
        self.node(value, indent=indent)

    def _sequence(self, value: Sequence[Any], indent: int, inline: bool) -> None:
        for position, item in enumerate(value):
            if position or not inline:
                self._new_line(indent)
            else:
                self._space()
            self._put("-")
            self.node(item, indent=indent, inline=True)

    def _scalar(self, value: Any, indent: int, *, key: bool) -> None:
        if not isinstance(value, str):
            self._put(_plain_text(value))
            return
        style = style_of(value, key=key)
        if style is Style.LITERAL:
            self._literal(value, indent)
        elif style is Style.PLAIN:
            self._folded(value, indent, fold=not key, quotes=False)
        elif style is Style.SINGLE:
            self._put("'")
            self._folded(value, indent, fold=not key, quotes=True)
            self._put("'")
        else:
            self._double(value, indent, fold=not key)

    def _folded(self, text: str, indent: int, *, fold: bool, quotes: bool) -> None:
        spaces = False
        for at, char in enumerate(text):
            if char == " ":
                inside = 0 < at < len(text) - 1
                if fold and inside and not spaces and self._column > BEST_WIDTH and text[at + 1] != " ":
                    self._new_line(indent)
                else:
                    self._put(char)
                spaces = True
            else:
                self._put("''" if quotes and char == "'" else char)
                spaces = False

    def _double(self, text: str, indent: int, *, fold: bool) -> None:
        self._put('"')
        spaces = False
        for at, char in enumerate(text):
            if char == " ":
                if fold and not spaces and self._column > BEST_WIDTH and 0 < at < len(text) - 1:
                    self._new_line(indent)
                    if text[at + 1] == " ":
                        self._put("\\")
                else:
                    self._put(char)
                spaces = True
            else:
                self._put(escaped(char))
                spaces = False
        self._put('"')

    def _literal(self, text: str, indent: int) -> None:
        hint = str(_INDENT) if text[0] in " \n" else ""
        if not text.endswith("\n"):
            hint += "-"
        elif text == "\n" or text.endswith("\n\n"):
            hint += "+"
        self._put("|" + hint)
        body = text[:-1] if text.endswith("\n") else text
        for line in body.split("\n") if text != "\n" else [""]:
            self._parts.append("\n" + (" " * indent + line if line else ""))
        if text.endswith("\n"):
            self._parts.append("\n")
        self._column = 0 if text.endswith("\n") else indent

    def _new_line(self, indent: int) -> None:
        if self._parts and not self._parts[-1].endswith("\n"):
            self._parts.append("\n")
        self._parts.append(" " * indent)
        self._column = indent

    def _space(self) -> None:
        if self._parts and not self._parts[-1].endswith((" ", "\n")) and self._column:
            self._put(" ")

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._column += len(text)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _plain_text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value) if isinstance(value, float) else str(value)
    if isinstance(value, Mapping):
        return "{}"
    if _is_sequence(value):
        return "[]"
    raise TypeError(f"{type(value).__name__} is no JSON value")


_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """PyYAML's scanner and parser with go-yaml's reading of plain texts."""

    def first_document(self) -> Any:
        """The first document's value; None where there is none."""
        return self.get_data() if self.check_data() else None  # type: ignore[no-untyped-call]

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a node that names none."""
        if kind is yaml.ScalarNode and implicit[0]:
            found = resolve(value)[0]
            # A merge key keeps its meaning although it is written as it is.
            return _TAG + ("merge" if value == "<<" else "str" if found is Kind.TIME else found.value)
        if kind is yaml.ScalarNode:
            return _TAG + "str"
        return _TAG + ("seq" if kind is yaml.SequenceNode else "map")

    def scalar_value(self, node: yaml.ScalarNode) -> Any:
        """A boolean, number or null by the dialect's own reading."""
        return resolve(node.value)[1]

    def json_mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        """A mapping with texts as keys. The last of several equal keys counts."""
        self.flatten_mapping(node)
        return {
            _key_text(self.construct_object(key, deep=True)): self.construct_object(value, deep=True)
            for key, value in node.value
        }

    def json_sequence(self, node: yaml.SequenceNode) -> list[Any]:
        """A sequence."""
        return [self.construct_object(item, deep=True) for item in node.value]


# `<<` as a value is a text; as a key it is looked at before any constructor.
for _name in (Kind.BOOL.value, Kind.INT.value, Kind.FLOAT.value, Kind.NULL.value, "merge"):
    _Loader.add_constructor(_TAG + _name, _Loader.scalar_value)
_Loader.add_constructor(_TAG + "map", _Loader.json_mapping)
_Loader.add_constructor(_TAG + "seq", _Loader.json_sequence)


def _key_text(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(key)
    if isinstance(key, float):
        return number_text(key)
    raise yaml.constructor.ConstructorError(None, None, f"{key!r} cannot be a key", None)
