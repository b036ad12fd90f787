"""Structural schemas of custom resources: what is required, of which type, and which fields are not known."""

from __future__ import annotations

import json
import re
from typing import Any

from meshvm_tui.lab.cluster_api.errors import Cause

JSON = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def prune(schema: JSON, obj: JSON) -> tuple[JSON, list[str]]:
    """The object without the fields that its schema does not know, and these fields' paths."""
    unknown: list[str] = []
    known = {key: obj[key] for key in ("apiVersion", "kind", "metadata") if key in obj}
    rest = {key: value for key, value in obj.items() if key not in known}
    return {**known, **_prune(schema, rest, "", unknown)}, unknown


def _prune(schema: JSON, value: Any, path: str, unknown: list[str]) -> Any:
    if schema.get("x-kubernetes-preserve-unknown-fields") or not schema:
        return value
    if isinstance(value, dict) and "additionalProperties" in schema:
        below = schema["additionalProperties"]
        return {key: _prune(below, item, f"{path}.{key}".lstrip("."), unknown) for key, item in value.items()}
    if isinstance(value, dict) and "properties" in schema:
        kept: JSON = {}
        for key, item in value.items():
            below_path = f"{path}.{key}".lstrip(".")
            if key in schema["properties"]:
                kept[key] = _prune(schema["properties"][key], item, below_path, unknown)
            else:
                unknown.append(below_path)
        return kept
    if isinstance(value, list) and "items" in schema:
        return [_prune(schema["items"], item, f"{path}[{place}]", unknown) for place, item in enumerate(value)]
    return value


def check(schema: JSON, obj: JSON) -> list[Cause]:
    """What is wrong with an object by its schema; `metadata` is not looked at."""
    causes: list[Cause] = []
    for name, below in schema.get("properties", {}).items():
        if name not in {"apiVersion", "kind", "metadata"} and name in obj:
            _check(below, obj[name], name, causes)
    causes += [_required(name) for name in schema.get("required", ()) if name not in obj]
    return causes


def misfit(schema: JSON, obj: JSON) -> str:
    """`.path: expected …` of the first value of another type than its schema's; "" where there is none.

    The words are those of structured-merge-diff, by which kube-apiserver reads what is applied.
    """
    rest = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind", "metadata"}}
    return _misfit(schema, rest, "")


def _misfit(schema: JSON, value: Any, path: str) -> str:
    if not schema or value is None or schema.get("x-kubernetes-int-or-string"):
        return ""
    if wanted := _expected(schema.get("type", ""), value):
        return f"{path}: expected {wanted}"
    below: list[tuple[JSON, Any, str]] = []
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties") or {}
        below = [(known.get(name, others), item, f"{path}.{name}") for name, item in value.items()]
    elif isinstance(value, list):
        below = [(schema.get("items", {}), item, f"{path}[{place}]") for place, item in enumerate(value)]
    return next((found for one in below if (found := _misfit(*one))), "")


def _expected(type_: str, value: Any) -> str:
    """What was expected instead of a value, and the value as Go prints it; "" where the type is right."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if type_ in ("integer", "number") and not is_number:
        names = {str: "string", bool: "bool", dict: "map[string]interface {}", list: "[]interface {}"}
        return f"numeric (int or float), got {names[type(value)]}"
    if type_ == "string" and not isinstance(value, str):
        return f"string, got &value.valueUnstructured{{Value:{_in_go(value)}}}"
    if type_ == "boolean" and not isinstance(value, bool):
        return f"boolean, got &{{{_in_go(value)}}}"
    if type_ in ("object", "array") and not isinstance(value, _TYPES[type_]):
        return f"{'map' if type_ == 'object' else 'list'}, got &{{{_in_go(value)}}}"
    return ""


def _in_go(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(_in_go, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{_in_go(item)}' for name, item in sorted(value.items()))}]"
    return str(value)


def _check(schema: JSON, value: Any, path: str, causes: list[Cause]) -> None:
    if not schema or value is None:
        return
    wanted = schema.get("type", "")
    if schema.get("x-kubernetes-int-or-string"):
        wanted = ""
    if wanted and (not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean")):
        causes.append(_mistyped(path, value, wanted))
        return
    allowed = schema.get("enum")
    if allowed and value not in allowed:
        listed = ", ".join(json.dumps(one) for one in allowed)
        causes.append(
            Cause("FieldValueNotSupported", f"Unsupported value: {json.dumps(value)}: supported values: {listed}", path)
        )
    _check_bounds(schema, value, path, causes)
    if isinstance(value, dict):
        _check_object(schema, value, path, causes)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _check(schema.get("items", {}), item, f"{path}[{place}]", causes)


def _check_object(schema: JSON, value: JSON, path: str, causes: list[Cause]) -> None:
    causes.extend(_required(f"{path}.{name}") for name in schema.get("required", ()) if name not in value)
    for name, item in value.items():
        below = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if isinstance(below, dict):
            _check(below, item, f"{path}.{name}", causes)
    for rule in schema.get("x-kubernetes-validations", ()):
        # Of CEL the lab knows `has(self.a) || has(self.b)`, which is all that its definitions say.
        if not any(name in value for name in re.findall(r"has\(self\.(\w+)\)", rule["rule"])):
            causes.append(Cause("FieldValueInvalid", f"Invalid value: {rule['message']}", path))


def _check_bounds(schema: JSON, value: Any, path: str, causes: list[Cause]) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            text = f"Invalid value: {value}: {path} in body should be greater than or equal to {schema['minimum']}"
            causes.append(Cause("FieldValueInvalid", text, path))
        if "maximum" in schema and value > schema["maximum"]:
            text = f"Invalid value: {value}: {path} in body should be less than or equal to {schema['maximum']}"
            causes.append(Cause("FieldValueInvalid", text, path))
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        text = f'Invalid value: "{value}": {path} in body should be at least {schema["minLength"]} chars long'
        causes.append(Cause("FieldValueInvalid", text, path))


def _mistyped(path: str, value: Any, wanted: str) -> Cause:
    held = next((name for name, types in _TYPES.items() if type(value) in types), "object")
    text = f'Invalid value: "{held}": {path} in body must be of type {wanted}: "{held}"'
    return Cause("FieldValueTypeInvalid", text, path)


def _required(path: str) -> Cause:
    return Cause("FieldValueRequired", "Required value", path)
