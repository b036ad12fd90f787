"""What is valid in each field of the plan, in words, from the plan's own schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from meshvm_tui.plan_patterns import PATTERN_WORDS
from meshvm_tui.plan_words import PLAN_WORDS


def plain_path(path: str) -> str:
    """The path without the numbers of lists, as it stands here."""
    return re.sub(r"\.(\d+|\{machine\})(?=\.|$)", "", path)


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema with what each field is for."""
    for path, field in _fields(schema):
        if path in PLAN_WORDS:
            field["description"] = PLAN_WORDS[path].purpose
    return schema


def valid_words(path: str) -> str:
    """What may stand in the field, in words; "" where anything may."""
    field = _schema_fields().get(plain_path(path), {})
    return " or ".join(dict.fromkeys(words for words in map(_form_words, _forms(field)) if words))


@lru_cache(1)
def _schema_fields() -> dict[str, dict[str, Any]]:
    from meshvm_tui.plan import Plan

    schema = Plan.model_json_schema(by_alias=True)
    return {path: {**field, "$defs": schema["$defs"]} for path, field in _fields(schema)}


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    def walk(part: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, field in part.get("properties", {}).items():
            here = f"{path}.{name}" if path else name
            yield here, field
            for form in _forms({**field, "$defs": schema["$defs"]}):
                yield from walk(_target(form["items"], schema["$defs"]) if "items" in form else form, here)

    yield from walk(schema, "")


def _forms(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    defs = field.get("$defs", {})
    for form in field.get("anyOf", [field]):
        yield _target(form, defs)


def _target(form: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    reference = str(form.get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] = defs.get(reference, form)
    return found


def _form_words(form: dict[str, Any]) -> str:
    if "enum" in form:
        return ", ".join(map(str, form["enum"]))
    if "const" in form:
        return str(form["const"])
    reader = _BY_TYPE.get(str(form.get("type")))
    return reader(form) if reader else ""


def _string_words(form: dict[str, Any]) -> str:
    return PATTERN_WORDS.get(form.get("pattern", ""), "")


def _number_words(form: dict[str, Any]) -> str:
    low, high = form.get("minimum"), form.get("maximum")
    return f"a number from {low} to {high}" if high is not None else f"a number from {low}"


def _list_words(form: dict[str, Any]) -> str:
    item = _form_words(form.get("items", {}))
    return f"several with commas between, each {item}" if item else "several with commas between"


_BY_TYPE: dict[str, Callable[[dict[str, Any]], str]] = {
    "string": _string_words,
    "integer": _number_words,
    "array": _list_words,
    "boolean": lambda _: "yes or no",
    "object": lambda form: "yes or no" if "properties" in form else "name=value, with commas between",
}
