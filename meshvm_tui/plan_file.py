"""The plan as YAML: reading it with errors that name line and field, writing it, and its JSON Schema."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.plan_patterns import PATTERN_WORDS
from meshvm_tui.problems import PermanentError

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

Location = tuple[str | int, ...]

# What an operator may write instead, by pydantic's kind of error; the placeholders are that error's context.
VALID_INSTEAD = {
    "extra_forbidden": "remove it, or correct its spelling",
    "missing": "this field is needed",
    "enum": "one of {expected}",
    "literal_error": "one of {expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "too_short": "at least {min_length}",
    "string_too_long": "at most {max_length} characters",
    "string_type": "a text (put it in quotes)",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping of names and values",
    "list_type": "a list",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
}


@dataclass(frozen=True)
class PlanError:
    """One thing that is wrong with a plan: where, which field, what, and what would be valid."""

    line: int | None
    field: str
    what: str
    valid: str

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        name = self.field or "the plan"
        valid = f"; valid: {self.valid}" if self.valid else ""
        return f"{where}{name}: {self.what}{valid}"


def load_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises PermanentError MVM-702 where the file cannot be read, MVM-701 where the plan is not valid.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PermanentError("MVM-702", f"{path}: {error}") from error
    return parse_plan(text, str(path))


def parse_plan(text: str, source: str = "the plan") -> Plan:
    """The plan in a text; `source` is what errors call it. Raises PermanentError MVM-701."""
    from pydantic import ValidationError

    from meshvm_tui.plan import Plan

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        doubled = _doubled_keys(root)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _refusal(source, [_syntax_error(error)]) from error
    if doubled:
        raise _refusal(source, doubled)
    if not isinstance(value, dict):
        raise _refusal(source, [PlanError(1, "", "this is no mapping of fields", "apiVersion, kind, cluster, …")])
    try:
        plan = Plan.model_validate(value)
    except ValidationError as error:
        raise _refusal(source, plan_errors(error, root)) from error
    named = [name for name in ("apiVersion", "kind") if name not in value]
    if named:
        raise _refusal(source, [PlanError(1, name, "it is missing", str(_constant(plan, name))) for name in named])
    return plan


def plan_errors(error: Any, root: yaml.Node | None = None) -> list[PlanError]:
    """A pydantic ValidationError in the operator's words; lines where the YAML's nodes are given."""
    found = []
    for item in error.errors(include_url=False):
        location = _without_union_tags(item["loc"], root)
        found.append(
            PlanError(
                line=_line(root, location),
                field=_spelled(location),
                what=_what(item),
                valid=_valid(item),
            )
        )
    return _one_per_field(found)


def _one_per_field(errors: list[PlanError]) -> list[PlanError]:
    """A field of several types fails once for each: said as one error, with all that would be valid."""
    merged: dict[tuple[str, str], PlanError] = {}
    for error in errors:
        key = (error.field, error.what)
        earlier = merged.get(key)
        valid = f"{earlier.valid} or {error.valid}" if earlier else error.valid
        merged[key] = replace(error, valid=valid)
    return sorted(merged.values(), key=lambda error: error.line or 0)


def dump_plan(plan: Plan) -> str:
    """The plan as YAML. Loading it again gives an equal plan."""
    value = plan.model_dump(mode="json", by_alias=True, exclude_none=False)
    stream = io.StringIO()
    yaml.safe_dump(value, stream, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)
    return stream.getvalue()


def json_schema() -> dict[str, Any]:
    """The plan's JSON Schema, by the names that the YAML uses."""
    from meshvm_tui.plan import Plan
    from meshvm_tui.plan_valid import described

    schema = described(Plan.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _constant(plan: Plan, alias: str) -> str:
    return plan.api_version if alias == "apiVersion" else plan.kind


def _refusal(source: str, errors: Sequence[PlanError]) -> PermanentError:
    lines = [str(item) for item in errors]
    return PermanentError(
        "MVM-701",
        f"{source}: " + "\n".join(lines),
        evidence={f"error {number}": line for number, line in enumerate(lines, 1)},
    )


def _syntax_error(error: yaml.YAMLError) -> PlanError:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    return PlanError(mark.line + 1 if mark else None, "", f"it is no valid YAML: {what}", "YAML 1.1")


def _doubled_keys(node: yaml.Node | None, path: Location = ()) -> list[PlanError]:
    found: list[PlanError] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                found.append(
                    PlanError(key.start_mark.line + 1, _spelled((*path, name)), "it stands here twice", "once")
                )
            seen.add(name)
            found += _doubled_keys(value, (*path, name))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found += _doubled_keys(value, (*path, index))
    return found


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if str(key.value) == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child: yaml.Node = node.value[part]
        return child
    return None


def _line(root: yaml.Node | None, location: Location) -> int | None:
    """The line of the field, or of the nearest thing around it that stands in the file."""
    node, line = root, root.start_mark.line + 1 if root else None
    for part in location:
        if isinstance(node, yaml.MappingNode):
            key = next((key for key, _ in node.value if str(key.value) == str(part)), None)
            line = key.start_mark.line + 1 if key else line
        node = _child(node, part)
        if node is None:
            break
        if isinstance(part, int):
            line = node.start_mark.line + 1
    return line


def _without_union_tags(location: Location, root: yaml.Node | None) -> Location:
    """pydantic adds the name of the tried type to a location; the file has no such field."""
    return tuple(part for part in location if not (isinstance(part, str) and ("[" in part or "literal" in part)))


def _spelled(location: Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _what(item: dict[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "there is no such field"
    if item["type"] == "missing":
        return "it is missing"
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    shown = repr(item["input"]) if isinstance(item["input"], str | int | float | bool | None) else "this value"
    return f"{shown} is not valid"


def _valid(item: dict[str, Any]) -> str:
    if item["type"] == "string_pattern_mismatch":
        return PATTERN_WORDS.get(item["ctx"]["pattern"], f"a value of the form {item['ctx']['pattern']}")
    pattern = VALID_INSTEAD.get(item["type"])
    if pattern is None:
        return "" if item["type"] == "value_error" else str(item["msg"])
    return pattern.format(**item.get("ctx", {}))
