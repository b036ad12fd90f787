"""Google's discovery schemas as JSON Schema, and what JSON Schema cannot say of them.

What differs (developers.google.com/discovery/v1/reference/apis and type-format): int64 and uint64 are strings in JSON;
a pattern means the whole string; fields that are not listed are refused; an enum is closed where we ask and open where
Google answers; `annotations.required` names the methods that want a field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
_FORMATS: dict[str, Schema] = {
    "int64": {"type": "string", "pattern": r"^-?\d{1,19}$"},
    "uint64": {"type": "string", "pattern": r"^\d{1,20}$"},
    "int32": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "byte": {"type": "string", "pattern": r"^[A-Za-z0-9+/_-]*={0,2}$"},
    "google-datetime": {"type": "string", "pattern": _TIME},
    "date-time": {"type": "string", "pattern": _TIME},
    "google-duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
}


def json_schema(schema: Schema, *, closed: bool) -> Schema:
    """A discovery schema as JSON Schema. `closed` refuses unknown fields and values of an enum."""
    if "$ref" in schema:
        return {"$ref": f"#/definitions/{schema['$ref']}"}
    kind = schema.get("type", "any")
    if kind == "any":
        return {}
    if kind == "array":
        return {"type": "array", "items": json_schema(schema["items"], closed=closed)}
    if kind == "object":
        return _of_object(schema, closed)
    made = dict(_FORMATS.get(schema.get("format", ""), {"type": kind}))
    if "pattern" in schema:
        made["allOf"] = [{"pattern": whole(schema["pattern"])}]
    if closed and "enum" in schema:
        made["enum"] = schema["enum"]
    return made


def whole(pattern: str) -> str:
    """A pattern of a document, for the whole of a string."""
    return rf"\A(?:{pattern})\Z"


def _of_object(schema: Schema, closed: bool) -> Schema:
    properties = {name: json_schema(given, closed=closed) for name, given in schema.get("properties", {}).items()}
    made: Schema = {"type": "object", "properties": properties}
    if "additionalProperties" in schema:
        made["additionalProperties"] = json_schema(schema["additionalProperties"], closed=closed)
    elif closed:
        made["additionalProperties"] = False
    return made


def fields(schemas: dict[str, Schema], schema: Schema, value: Any, path: str = "") -> Iterator[tuple[str, Schema, Any]]:
    """Every field that the schema has for a value, as (path, its schema, what is given or None), objects that are
    given gone into."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from fields(schemas, schema["items"], item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    for name, given in schema.get("properties", {}).items():
        place = f"{path}.{name}".lstrip(".")
        yield place, given, value.get(name)
        yield from fields(schemas, given, value.get(name), place)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for name in value.keys() - schema.get("properties", {}).keys():
            yield from fields(schemas, extra, value[name], f"{path}.{name}".lstrip("."))
